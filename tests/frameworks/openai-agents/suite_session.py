"""The session of the OpenAI Agents SDK: its items are messages, and its changes are whole."""

import asyncio
import json
import threading

import given
import pages
import pytest
from agents import SessionSettings
from agents.memory.session import Session, _session_accepts_wrapper
from turn import TURN, back, ordered

from hermes_store import SessionRepository
from hermes_store.adapters.openai_agents import HermesSession, SessionClosedError
from hermes_store.cli.app import run
from hermes_store.database.address import url_of
from hermes_store.errors import InvalidArgumentError, StoreClosedError


def test_it_is_a_session_of_the_sdk_and_takes_the_context_of_a_run(session):
    assert isinstance(session, Session)
    assert _session_accepts_wrapper(session)


@pytest.mark.parametrize("kind", given.KINDS)
def test_a_repository_of_either_kind_will_do_and_so_will_a_path(sqlite_database, kind):
    async def stored(repository):
        session = HermesSession("s", repository)
        await session.add_items(TURN)
        await session.close()

    with given.repository(kind, sqlite_database) as repository:
        asyncio.run(stored(repository))
    with SessionRepository(sqlite_database) as repository:
        assert repository.message_count() == len(TURN)


# --- items are messages ---------------------------------------------------------------------------


def test_items_are_messages_that_are_found_listed_and_exported(session, repository):
    asyncio.run(session.add_items(TURN))
    for words in ("needle", "grep", '"a pin"', "barn"):
        assert repository.search_messages(words), words
    [listed] = repository.list_sessions_rich()
    assert (listed["id"], listed["source"]) == ("chat-1", "openai-agents")
    assert (listed["preview"], listed["tool_call_count"]) == ("Where is the needle?", 1)
    asked, thought, call, result, answer = repository.get_messages("chat-1")
    assert asked["extra"] is None
    assert thought["reasoning"] == "In the haystack?"
    function = {"name": "grep", "arguments": '{"pattern": "pin"}'}
    assert call["tool_calls"] == [{"id": "call_1", "type": "function", "function": function}]
    assert (result["role"], result["tool_call_id"]) == ("tool", "call_1")
    assert (result["content"], result["extra"]) == ("barn.txt:7: a pin", None)
    assert answer["content"] == TURN[-1]["content"]
    assert [each["role"] for each in (thought, call, answer)] == ["assistant"] * 3
    [exported] = repository.iter_export()
    assert len(exported["messages"]) == len(TURN)
    assert repository.check() == []


def test_the_command_shows_a_session_by_the_callers_own_id(session, database, capsys):
    asyncio.run(session.add_items(TURN))
    assert run(["--db", url_of(database).render_as_string(False), "show", "chat-1"]) == 0
    shown = capsys.readouterr().out
    for text in ("Where is the needle?", "grep", "barn.txt:7: a pin", "In the barn."):
        assert text in shown


def test_what_stands_in_a_column_is_not_stored_twice(session, repository):
    asyncio.run(session.add_items(TURN))
    for record in repository.get_messages("chat-1"):
        kept = json.dumps(record["extra"])
        for text in ("needle", "haystack", "pin", "barn", "call_1"):
            assert text not in kept


def test_messages_of_another_program_read_as_items(session, repository):
    repository.create_session("chat-1", "cli")
    repository.append_message("chat-1", "user", "How hot is it?")
    call = {"id": "c", "type": "function", "function": {"name": "ask", "arguments": "{}"}}
    repository.append_message("chat-1", "assistant", tool_calls=[call])
    repository.append_message("chat-1", "tool", "31", tool_call_id="c", tool_name="ask")
    repository.append_message("chat-1", "assistant", "31 degrees.", reasoning="Summer")
    assert back(session, [TURN[0]]) == [
        {"role": "user", "content": "How hot is it?"},
        {"type": "function_call", "call_id": "c", "name": "ask", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "31"},
        {"role": "assistant", "content": "31 degrees."},
        TURN[0],
    ]


# --- the latest items, and changes ----------------------------------------------------------------


def test_a_limit_gives_the_latest_in_their_order(repository):
    session = HermesSession("s", repository, session_settings={"limit": 2})
    assert back(session, TURN) == TURN[-2:]
    for limit, items in ((0, []), (3, TURN[-3:]), (99, TURN), (-1, TURN)):
        assert asyncio.run(session.get_items(limit)) == items
    with pytest.raises(InvalidArgumentError, match="limit"):
        asyncio.run(session.get_items("3"))
    session.session_settings = SessionSettings()
    assert asyncio.run(session.get_items()) == TURN


def test_each_item_is_popped_once_the_latest_first(session):
    async def popped():
        await session.add_items(TURN)
        assert await session.pop_item() == TURN[-1]
        rest = await asyncio.gather(*(session.pop_item() for _ in range(8)))
        return [each for each in rest if each is not None], await session.get_items()

    rest, left = asyncio.run(popped())
    assert sorted(map(ordered, rest)) == sorted(map(ordered, TURN[:-1]))
    assert left == []


def test_to_clear_leaves_the_session_with_its_title(session, repository):
    asyncio.run(session.clear_session())  # there is none yet
    asyncio.run(session.add_items(TURN))
    repository.set_session_title("chat-1", "Needles")
    asyncio.run(session.clear_session())
    assert asyncio.run(session.get_items()) == []
    assert asyncio.run(session.pop_item()) is None
    assert repository.get_session("chat-1")["title"] == "Needles"


def test_a_session_that_was_deleted_begins_again_with_the_next_items(session, repository):
    asyncio.run(session.add_items(TURN))
    repository.delete_session("chat-1")
    assert asyncio.run(session.pop_item()) is None
    assert back(session, TURN[:1]) == TURN[:1]


def test_sessions_of_many_tasks_keep_all_items(repository):
    async def many():
        sessions = [HermesSession(f"s{n % 8}", repository) for n in range(64)]
        await asyncio.gather(*(each.add_items([TURN[0]]) for each in sessions))
        return [len(await each.get_items()) for each in sessions[:8]]

    assert asyncio.run(many()) == [8] * 8


def test_a_closed_session_refuses_every_call_also_of_no_items(session, repository):
    asyncio.run(session.close())
    for call in (
        lambda: session.add_items([]),
        session.get_items,
        session.pop_item,
        session.clear_session,
    ):
        with pytest.raises(RuntimeError, match="HermesSession is closed") as error:
            asyncio.run(call())
        assert isinstance(error.value, SessionClosedError)
        assert isinstance(error.value, StoreClosedError)
    assert repository.session_count() == 0  # that one stays open


@pytest.mark.parametrize("change", ["add", "pop", "clear", "replace"])
def test_a_change_of_a_cancelled_task_is_made_and_then_the_task_is_cancelled(
    session, repository, change
):
    asyncio.run(session.add_items(TURN[:2]))
    held, go_on = threading.Event(), threading.Event()

    def hold():
        with repository.transaction():
            held.set()
            assert go_on.wait(20)

    async def cancelled():
        snapshot = await session._get_compaction_snapshot(1)
        changes = {
            "replace": lambda: snapshot.replace_suffix(0, TURN[3:]),
            "add": lambda: session.add_items(TURN[2:]),
            "pop": session.pop_item,
            "clear": session.clear_session,
        }
        task = asyncio.create_task(changes[change]())
        for _ in range(3):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await session.get_items()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(20)
    try:
        left = asyncio.run(cancelled())
    finally:
        go_on.set()
        holder.join()
    expected = {"add": TURN, "pop": TURN[:1], "clear": [], "replace": [TURN[0], *TURN[3:]]}
    assert left == expected[change]


@pytest.mark.parametrize(
    ("code", "printed"), [*pages.python_blocks(pages.ROOT / "docs/frameworks/openai-agents.md")]
)
def test_what_the_page_shows_runs(code, printed, tmp_path, monkeypatch):
    pages.run(code, printed, tmp_path, monkeypatch)
