"""A conversation, as Strands stores it."""

from strands.types.session import SessionMessage

ASKED = {"role": "user", "content": [{"text": "Where is the needle?"}], "tracking_id": "t1"}
CALLED = {
    "role": "assistant",
    "content": [
        {
            "reasoningContent": {
                "reasoningText": {"text": "In the haystack?", "signature": "c2lnbmF0dXJl"}
            }
        },
        {"text": "I look."},
        {"toolUse": {"toolUseId": "u1", "name": "grep", "input": {"pattern": "pin", "n": 1.5}}},
        {"toolUse": {"toolUseId": "u2", "name": "ls", "input": {}}},
    ],
    "metadata": {"usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}},
}
RESULT = {
    "role": "user",
    "content": [
        {
            "toolResult": {
                "toolUseId": "u1",
                "status": "success",
                "content": [{"text": "barn.txt:7: a pin"}],
            }
        }
    ],
}
CONVERSATION = [ASKED, CALLED, RESULT]


def stored(sessions, messages, agent="default"):
    """Messages, numbered from 0 on, as they come back."""
    for number, message in enumerate(messages):
        sessions.create_message("s", agent, SessionMessage(message, number))
    return sessions.list_messages("s", agent)
