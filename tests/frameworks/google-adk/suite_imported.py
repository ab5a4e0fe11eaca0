"""Sessions of the kit's own files, imported: our service goes on with them."""

import asyncio

import pytest
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions.database_session_service import DatabaseSessionService
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai import types

from hermes_store import SessionRepository
from hermes_store.adapters.google_adk import HermesSessionService
from hermes_store.cli.app import run

WHICH = {"app_name": "app", "user_id": "ada", "session_id": "one/1"}


def events():
    call = types.FunctionCall(id="f1", name="weather", args={"city": "Bern"})
    answer = types.FunctionResponse(id="f1", name="weather", response={"degrees": 21})
    thought = types.Part(text="Where?", thought=True)
    for author, role, parts in [
        ("user", "user", [types.Part(text="How warm is it?")]),
        ("agent", "model", [thought, types.Part(function_call=call)]),
        ("agent", "user", [types.Part(function_response=answer)]),
        ("agent", "model", [types.Part(text="21 degrees")]),
    ]:
        content = types.Content(role=role, parts=parts)
        actions = EventActions(state_delta={"seen": author})
        yield Event(author=author, invocation_id="i", content=content, actions=actions)


async def filled(service):
    session = await service.create_session(
        **WHICH, state={"mood": "calm", "app:a": 1, "user:b/c": 2}
    )
    for event in events():
        await service.append_event(session, event)
    return await service.get_session(**WHICH)


@pytest.mark.parametrize("kind", ["sqlite", "database"])
def test_an_imported_session_has_the_same_events_and_state_and_goes_on(
    tmp_path, sqlite_database, kind
):
    path = tmp_path / "kit.db"
    url = f"sqlite+aiosqlite:///{path}"
    make = {"sqlite": SqliteSessionService, "database": lambda _: DatabaseSessionService(url)}
    theirs = asyncio.run(filled(make[kind](str(path))))
    assert run(["--db", str(sqlite_database), "import", str(path)]) == 0

    async def read_and_append(service):
        session = await service.get_session(**WHICH)
        assert (session.events, session.state) == (theirs.events, theirs.state)
        await service.append_event(session, next(events()))
        return len((await service.get_session(**WHICH)).events)

    with SessionRepository(sqlite_database) as repository:
        assert asyncio.run(read_and_append(HermesSessionService(repository))) == 5


@pytest.mark.parametrize("others", [1, 2, 3])
def test_changes_of_state_are_kept_behind_an_import_that_gives_lower_ids(
    repository, tmp_path, others
):
    service = HermesSessionService(repository)
    asyncio.run(filled(service))
    repository.append_messages("adk/app/ada/one%2F1", [{"role": "user", "content": "theirs"}] * 4)
    session = asyncio.run(service.get_session(**WHICH))
    asyncio.run(service.append_event(session, next(events())))
    repository.delete_messages("adk/app/ada/one%2F1", [5, 6, 7, 8])
    with SessionRepository(tmp_path / "target.db") as target:
        target.create_session("x", "cli")
        target.append_messages("x", [{"role": "user", "content": "taken"}] * others)
        target.import_sessions([repository.export_session("adk/app/ada/one%2F1")])
        moved = HermesSessionService(target)
        session = asyncio.run(moved.get_session(**WHICH))
        new = Event(author="agent", actions=EventActions(state_delta={"seen": "moved"}))
        for _ in range(2):  # the second one is stored already
            asyncio.run(moved.append_event(session, new))
        session = asyncio.run(moved.get_session(**WHICH))
        assert (session.state["seen"], len(session.events)) == ("moved", 6)
