"""A turn of an agent, as the SDK stores it."""

import asyncio
import json

TURN = [
    {"role": "user", "content": "Where is the needle?"},
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "In the haystack?"}],
        "encrypted_content": "gAAAA",
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "grep",
        "arguments": '{"pattern": "pin"}',
        "status": "completed",
    },
    {"type": "function_call_output", "call_id": "call_1", "output": "barn.txt:7: a pin"},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "In the barn.", "annotations": []}],
    },
]


def back(session, items):
    """What comes back of items that were stored."""

    async def both():
        await session.add_items(items)
        return await session.get_items()

    return asyncio.run(both())


def ordered(value):
    """JSON text, which tells True from 1."""
    return json.dumps(value, sort_keys=True)
