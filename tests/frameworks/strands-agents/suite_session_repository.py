"""The session repository of Strands: its messages are messages of the store, its errors Strands'."""

import json

import given
import pages
import pytest
from conversation import ASKED, CALLED, CONVERSATION, stored
from strands.types.exceptions import SessionException
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType

from hermes_store import SessionRepository
from hermes_store.adapters.strands import HermesSessionRepository
from hermes_store.errors import InvalidArgumentError, StoreClosedError


@pytest.mark.parametrize("kind", given.KINDS)
def test_a_repository_of_either_kind_will_do_and_so_will_a_path(sqlite_database, kind):
    with given.repository(kind, sqlite_database) as repository:
        sessions = HermesSessionRepository(repository)
        sessions.create_session(Session("s", SessionType.AGENT))
        sessions.close()
    with SessionRepository(sqlite_database) as repository:
        assert HermesSessionRepository(repository).read_session("s").session_id == "s"


def test_a_repository_that_opened_a_path_refuses_calls_after_close(sqlite_database):
    for calls_before in (0, 1):
        sessions = HermesSessionRepository(sqlite_database)
        for _ in range(calls_before):
            sessions.read_session("s")
        sessions.close()
        sessions.close()
        with pytest.raises(StoreClosedError):
            sessions.read_session("s")


def test_a_message_of_an_agent_that_was_deleted_is_refused_by_name(sessions, repository):
    repository.delete_session("strands/s/default")
    with pytest.raises(SessionException, match="no agent 'default' in session 's'; create it"):
        stored(sessions, [ASKED])


# --- messages of the store ------------------------------------------------------------------------


def test_messages_are_found_listed_and_exported(sessions, repository):
    stored(sessions, CONVERSATION)
    for words in ("needle", "grep", '"a pin"', "look"):
        assert repository.search_messages(words), words
    [listed] = repository.list_sessions_rich()
    assert (listed["id"], listed["source"]) == ("strands/s/default", "strands-agents")
    assert (listed["preview"], listed["tool_call_count"]) == ("Where is the needle?", 2)
    asked, called, result = repository.get_messages("strands/s/default")
    assert [each["role"] for each in (asked, called, result)] == ["user", "assistant", "tool"]
    assert (called["content"], called["reasoning"]) == ("I look.", "In the haystack?")
    function = {"name": "grep", "arguments": '{"pattern": "pin", "n": 1.5}'}
    assert called["tool_calls"][0] == {"id": "u1", "type": "function", "function": function}
    assert (result["tool_call_id"], result["content"]) == ("u1", "barn.txt:7: a pin")
    [exported] = repository.iter_export()
    assert len(exported["messages"]) == 3
    assert repository.check() == []


def test_what_stands_in_a_column_is_not_stored_twice(sessions, repository):
    stored(sessions, CONVERSATION)
    for record in repository.get_messages("strands/s/default"):
        kept = json.dumps(record["extra"])
        for text in ("needle", "haystack", "grep", "barn", "u1"):
            assert text not in kept


def test_of_a_redacted_message_the_new_text_is_found_and_the_time_of_the_first_stays(
    sessions, repository
):
    stored(sessions, [ASKED])
    [first] = sessions.list_messages("s", "default")
    redacted = {"role": "user", "content": [{"text": "[taken out]"}]}
    sessions.update_message("s", "default", SessionMessage(ASKED, 0, redacted))
    [back] = sessions.list_messages("s", "default")
    assert (back.message, back.to_message()) == (ASKED, redacted)
    assert back.created_at == first.created_at
    assert repository.search_messages("needle") == []
    assert repository.search_messages("taken")
    assert repository.check() == []


def test_messages_of_another_program_read_as_blocks(sessions, repository):
    stored(sessions, [ASKED])
    agent = "strands/s/default"
    call = {"id": "c", "type": "function", "function": {"name": "ask", "arguments": '{"n": 1}'}}
    repository.append_message(agent, "assistant", "I ask.", tool_calls=[call])
    repository.append_message(agent, "tool", "31", tool_call_id="c")
    _, asked, told = sessions.list_messages("s", "default")
    assert (asked.message_id, told.message_id) == (1, 2)
    assert asked.message["content"] == [
        {"text": "I ask."},
        {"toolUse": {"toolUseId": "c", "name": "ask", "input": {"n": 1}}},
    ]
    result = {"toolUseId": "c", "status": "success", "content": [{"text": "31"}]}
    assert told.message == {"role": "user", "content": [{"toolResult": result}]}


def test_messages_of_another_program_stay_where_they_were_stored(sessions, repository):
    sessions.create_message("s", "default", SessionMessage(ASKED, 0))
    for text in ("One.", "Two."):
        repository.append_message("strands/s/default", "user", text)
    for number in (1, 2):  # by a manager that has not read those
        own = {"role": "assistant", "content": [{"text": f"My {number}."}]}
        sessions.create_message("s", "default", SessionMessage(own, number))
    found = [each.message["content"][0]["text"] for each in sessions.list_messages("s", "default")]
    assert found == ["Where is the needle?", "One.", "Two.", "My 1.", "My 2."]


def test_a_page_is_in_the_order_of_message_ids(sessions):
    for number in (3, 0, 2, 1):
        sessions.create_message("s", "default", SessionMessage(ASKED, number))
    for page, ids in (((), [0, 1, 2, 3]), ((2,), [0, 1]), ((2, 1), [1, 2]), ((None, 3), [3])):
        found = sessions.list_messages("s", "default", *page)
        assert [each.message_id for each in found] == ids
    for number in range(4, 120):
        sessions.create_message("s", "default", SessionMessage(ASKED, number))
    assert sessions.read_message("s", "default", 2).message_id == 2


# --- what is missing, and what is there already ---------------------------------------------------


def test_what_is_there_already_is_refused_and_stays(sessions):
    stored(sessions, [ASKED])
    for again in (
        lambda: sessions.create_session(Session("s", SessionType.AGENT)),
        lambda: sessions.create_agent("s", SessionAgent("default", {}, {})),
        lambda: sessions.create_message("s", "default", SessionMessage(CALLED, 0)),
    ):
        with pytest.raises(SessionException, match=r"exists; (read|update) it"):
            again()
    assert sessions.read_agent("s", "default").state == {"mood": "calm"}
    assert [each.message for each in sessions.list_messages("s", "default")] == [ASKED]


def test_what_is_missing_reads_as_nothing_and_is_no_place_to_write(sessions):
    assert sessions.read_session("other") is None
    assert sessions.read_agent("s", "other") is None
    assert sessions.read_message("s", "default", 0) is None
    assert sessions.read_multi_agent("s", "swarm") is None
    assert sessions.list_messages("s", "other") == []
    message = SessionMessage(ASKED, 0)
    for change in (
        lambda: sessions.create_agent("other", SessionAgent("a", {}, {})),
        lambda: sessions.update_agent("s", SessionAgent("other", {}, {})),
        lambda: sessions.create_message("s", "other", message),
        lambda: sessions.update_message("s", "default", message),
        lambda: sessions.create_multi_agent("other", Swarm()),
        lambda: sessions.update_multi_agent("s", Swarm()),
        lambda: sessions.delete_session("other"),
    ):
        with pytest.raises(SessionException, match="create it first"):
            change()


def test_a_message_that_is_no_json_or_has_no_number_is_refused(sessions):
    with pytest.raises(TypeError, match="JSON"):
        sessions.create_message("s", "default", SessionMessage({"content": object}, 0))
    with pytest.raises(InvalidArgumentError, match="message_id"):
        sessions.create_message("s", "default", SessionMessage(ASKED, "0"))
    assert sessions.list_messages("s", "default") == []


def test_a_number_of_thousands_of_digits_is_refused(sessions):
    for call in (
        lambda number: sessions.create_message("s", "default", SessionMessage(ASKED, number)),
        lambda number: sessions.update_message("s", "default", SessionMessage(ASKED, number)),
        lambda number: sessions.read_message("s", "default", number),
    ):
        with pytest.raises(InvalidArgumentError, match="digits"):
            call(10**5000)
    with pytest.raises(InvalidArgumentError, match="its part a value of type int is not a text"):
        sessions.read_agent("s", 10**5000)


def test_a_message_that_another_program_numbered_anew_is_counted_on(sessions, repository):
    stored(sessions, CONVERSATION)
    [agent] = [each["id"] for each in repository.search_sessions() if each["message_count"]]
    repository.replace_message(agent, repository.get_messages(agent)[1]["id"], external_id="a7")
    found = sessions.list_messages("s", "default")
    assert [(each.message_id, each.message) for each in found] == [*enumerate(CONVERSATION)]


class Swarm:
    id = "swarm/1"

    def __init__(self, **state):
        self.state = state

    def serialize_state(self):
        return self.state


def test_the_state_of_an_agent_and_of_a_multi_agent_is_replaced(sessions):
    first = sessions.read_agent("s", "default")
    sessions.update_agent(
        "s", SessionAgent("default", {"mood": "odd"}, {"removed": 2}, {"i": b"x"})
    )
    second = sessions.read_agent("s", "default")
    assert (second.state, second.conversation_manager_state) == ({"mood": "odd"}, {"removed": 2})
    assert (second._internal_state, second.created_at) == ({"i": b"x"}, first.created_at)
    sessions.create_multi_agent("s", Swarm(step=1))
    sessions.update_multi_agent("s", Swarm(step=2))
    assert sessions.read_multi_agent("s", "swarm/1") == {"step": 2}


def test_a_session_goes_with_its_agents_and_what_they_share_and_no_other_does(sessions, repository):
    sessions.create_session(Session("s/2", SessionType.AGENT))
    sessions.create_agent("s/2", SessionAgent("default", {}, {}))
    sessions.create_agent("s", SessionAgent("second", {}, {}))
    sessions.create_multi_agent("s", Swarm())
    sessions.delete_session("s")
    assert sessions.read_session("s") is None
    assert sessions.read_agent("s/2", "default") is not None
    assert [key for key, _ in repository.meta.items("strands/")] == ["strands/s%2F2"]
    assert repository.session_count() == 1


def test_an_exported_and_imported_conversation_goes_on(sessions, repository, tmp_path):
    stored(sessions, CONVERSATION)
    [exported] = repository.iter_export()
    with SessionRepository(tmp_path / "other.db") as other:
        other.import_sessions([exported])
        there = HermesSessionRepository(other)
        assert there.read_session("s") is not None
        assert there.read_agent("s", "default").state == {"mood": "calm"}
        assert [each.message for each in there.list_messages("s", "default")] == CONVERSATION
        there.create_message("s", "default", SessionMessage(ASKED, 3))


@pytest.mark.parametrize(
    ("code", "printed"), [*pages.python_blocks(pages.ROOT / "docs/frameworks/strands.md")]
)
def test_what_the_page_shows_runs(code, printed, tmp_path, monkeypatch):
    pages.run(code, printed, tmp_path, monkeypatch)
