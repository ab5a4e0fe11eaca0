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
