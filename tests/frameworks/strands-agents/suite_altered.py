"""Messages, agents and sessions that other programs altered are read as theirs, or are named."""

import pytest
from conversation import CONVERSATION, stored
from given import JUNK, Outcomes, altered
from strands.multiagent.base import MultiAgentBase
from strands.types.session import SessionAgent, SessionMessage

from hermes_store.errors import InvalidArgumentError
from hermes_store.shapes.kept import AlteredError

STORED = "strands/s/default"
MESSAGES = [*CONVERSATION, {"role": "user", "content": [{"text": "NUL \0"}]}]


class Graph(MultiAgentBase):
    """A multi-agent that has only a state."""

    id = "g"
    deserialize_state = invoke_async = None

    def serialize_state(self):
        return {}


def test_an_altered_message_is_read_and_the_others_are_as_they_were(sessions, repository):
    stored(sessions, MESSAGES)
    outcomes = Outcomes("nothing: a message is always read")
    for number, message in enumerate(repository.get_messages(STORED)):
        for kept in altered(message["extra"]["strands_agents"]):
            repository.replace_message(STORED, message["id"], extra={"strands_agents": kept})
            outcomes.take(lambda: sessions.list_messages("s", "default"))
            sessions.read_message("s", "default", number)
        repository.replace_message(STORED, message["id"], extra=message["extra"])
    found = [each.message for each in sessions.list_messages("s", "default")]
    assert (outcomes.errors, found) == (set(), MESSAGES)


@pytest.mark.parametrize("junk", [*JUNK[1:], {"rest": 5}, {"text": "{"}, {"text": "5"}], ids=repr)
def test_junk_in_the_place_of_a_message_shows_what_is_said_and_it_can_be_updated(
    sessions, repository, junk
):
    said = {"role": "user", "content": [{"text": "Where?"}]}
    stored(sessions, [said])
    [message] = repository.get_messages(STORED)
    repository.replace_message(STORED, message["id"], extra={"strands_agents": junk})
    assert [each.message for each in sessions.list_messages("s", "default")] == [said]
    sessions.update_message("s", "default", SessionMessage(CONVERSATION[0], 0))
    assert sessions.read_message("s", "default", 0).message == CONVERSATION[0]


def test_bytes_that_cannot_be_read_any_more_are_an_error_that_names_the_message(
    sessions, repository
):
    stored(sessions, [CONVERSATION[0]])
    [message] = repository.get_messages(STORED)
    junk = [{"image": {"source": {"bytes": {"__bytes_encoded__": True, "data": 5}}}}]
    repository.replace_message(STORED, message["id"], content=junk)
    with pytest.raises(AlteredError, match=f"message {message['id']} of session"):
        sessions.list_messages("s", "default")


def test_an_altered_agent_is_named_and_can_be_updated(sessions, repository):
    kept = repository.get_session(STORED)["extra"]["strands_agents"]
    outcomes = Outcomes(f"session '{STORED}'")
    for junk in altered(kept):
        repository.update_session(STORED, extra={"strands_agents": junk})
        outcomes.take(lambda: sessions.read_agent("s", "default"))
        sessions.update_agent("s", SessionAgent("default", {"mood": "new"}, {}))
        assert sessions.read_agent("s", "default").state == {"mood": "new"}
    assert outcomes.errors == {AlteredError}


def test_what_is_altered_in_meta_is_likely_or_named(sessions, repository):
    for junk in altered(repository.meta.get("strands/s")):
        repository.meta.set("strands/s", junk)
        assert sessions.read_session("s").session_id == "s"
    sessions.create_multi_agent("s", Graph())
    assert sessions.read_multi_agent("s", "g") == {}
    for junk in JUNK[1:]:
        repository.meta.set("strands/s/g", junk)
        with pytest.raises(AlteredError, match="'strands/s/g' in meta"):
            sessions.read_multi_agent("s", "g")


@pytest.mark.parametrize("odd", [{1: "a", "1": "b"}, {True: "a", "true": "\0"}], ids=repr)
def test_keys_of_which_json_would_make_one_are_refused(sessions, odd):
    call = {"toolUse": {"toolUseId": "t", "name": "f", "input": odd}}
    message = {"role": "assistant", "content": [call]}
    with pytest.raises(InvalidArgumentError, match="the same in JSON"):
        sessions.create_message("s", "default", SessionMessage(message, 0))
    assert sessions.list_messages("s", "default") == []
