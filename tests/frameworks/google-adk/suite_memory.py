"""The memory service, and the kit's own command line on a URI."""

import asyncio
import subprocess
import sys

import pytest
from google.adk.cli.service_registry import get_service_registry
from google.adk.events.event import Event
from google.adk.sessions.session import Session
from google.genai import types

from hermes_store import SessionRepository
from hermes_store.adapters.google_adk import HermesMemoryService, HermesSessionService, register

WHO = {"app_name": "app", "user_id": "ada"}


def said(text, author="user", **more):
    role = "user" if author == "user" else "model"
    content = types.Content(role=role, parts=[types.Part(text=text)])
    return Event(author=author, content=content, timestamp=1_700_000_000.0, **more)


async def conversation(repository, texts, **who):
    service = HermesSessionService(repository)
    session = await service.create_session(**{**WHO, **who})
    for text in texts:
        await service.append_event(session, said(text))
    return session


async def texts_found(repository, query, **who):
    found = await HermesMemoryService(repository).search_memory(**{**WHO, **who}, query=query)
    return [entry.content.parts[0].text for entry in found.memories]


def test_what_was_said_in_any_session_of_the_user_is_found_and_of_nobody_else(repository):
    async def found():
        await conversation(repository, ["The needle is in the barn."])
        await conversation(repository, ["A needle for the gramophone"], user_id="bob")
        await conversation(repository, ["Needle and thread"], app_name="other")
        return await texts_found(repository, "needle")

    assert asyncio.run(found()) == ["The needle is in the barn."]


def test_events_with_all_words_come_first_and_then_those_with_some(repository):
    async def found():
        texts = ["green tea", "a green needle in the barn", "black coffee", "barn owl"]
        await conversation(repository, texts)
        query = "Where is my green barn?"
        return await texts_found(repository, "green barn"), await texts_found(repository, query)

    both, question = asyncio.run(found())
    assert both[0] == "a green needle in the barn"
    assert set(both) == set(question) == {"green tea", "a green needle in the barn", "barn owl"}


@pytest.mark.parametrize("query", ["", "?!", '"', "NOT", "AND OR", "(((", "xyzzy"])
def test_a_query_without_an_answer_finds_nothing(repository, query):
    async def found():
        await conversation(repository, ["green tea"])
        return await texts_found(repository, query)

    assert asyncio.run(found()) == []


def test_an_entry_says_who_when_and_which_event(repository):
    async def found():
        session = await conversation(repository, [])
        event = said("The needle", author="searcher", id="e1")
        await HermesSessionService(repository).append_event(session, event)
        memory = HermesMemoryService(repository)
        return (await memory.search_memory(**WHO, query="needle")).memories

    [entry] = asyncio.run(found())
    assert (entry.id, entry.author, entry.content.role) == ("e1", "searcher", "model")
    assert entry.timestamp == "2023-11-14T22:13:20+00:00"


def test_a_session_of_the_store_is_not_stored_again_when_it_is_added(repository):
    async def added():
        session = await conversation(repository, ["needle", "thread"])
        memory = HermesMemoryService(repository)
        await memory.add_session_to_memory(session)
        await memory.add_session_to_memory(session)
        return await texts_found(repository, "needle")

    assert asyncio.run(added()) == ["needle"]
    assert (repository.session_count(), repository.message_count()) == (1, 2)


def test_events_of_elsewhere_are_found_stored_once_and_no_part_of_a_conversation(repository):
    async def added():
        await conversation(repository, ["tea"], session_id="s")
        memory = HermesMemoryService(repository)
        elsewhere = Session(
            app_name="app", user_id="ada", id="s", events=[said("needle"), said("")]
        )
        elsewhere.events.append(Event(author="a"))
        await memory.add_session_to_memory(elsewhere)
        await memory.add_session_to_memory(elsewhere)
        await memory.add_events_to_memory(**WHO, events=[said("thread")])
        service = HermesSessionService(repository)
        kept = await service.get_session(**WHO, session_id="s")
        listed = await service.list_sessions(app_name="app")
        found = await texts_found(repository, "needle"), await texts_found(repository, "thread")
        return found, len(kept.events), len(listed.sessions)

    assert asyncio.run(added()) == ((["needle"], ["thread"]), 1, 1)
    assert repository.message_count() == 4


@pytest.mark.parametrize("odd", ["y" * 600, "y\0"])
def test_an_event_whose_id_no_column_can_hold_is_stored_once_too(repository, odd):
    async def added():
        await conversation(repository, ["tea"], session_id="s")
        repository.append_message("adk/app/ada/s", "user", "By another program: needle.")
        service, memory = HermesSessionService(repository), HermesMemoryService(repository)
        for _ in range(2):
            await memory.add_events_to_memory(**WHO, session_id="s", events=[said("pin", id=odd)])
            session = await service.get_session(**WHO, session_id="s")
            await memory.add_session_to_memory(session)

    asyncio.run(added())
    assert asyncio.run(texts_found(repository, "pin")) == ["pin"]
    assert asyncio.run(texts_found(repository, "needle")) == ["By another program: needle."]


def test_a_call_of_another_program_that_says_nothing_is_no_memory(repository):
    asyncio.run(conversation(repository, ["tea"], session_id="s"))
    call = {"id": "c", "type": "function", "function": {"name": "needle", "arguments": "{}"}}
    repository.append_message("adk/app/ada/s", "assistant", None, tool_calls=[call])
    assert repository.search_messages("needle")
    assert asyncio.run(texts_found(repository, "needle")) == []


# --- the command line -----------------------------------------------------------------------------


SERVER = """
import sys
from fastapi.testclient import TestClient
from google.adk.cli.fast_api import get_fast_api_app

agents, uri = sys.argv[1:]
app = get_fast_api_app(
    agents_dir=agents, session_service_uri=uri, memory_service_uri=uri, web=False
)
with TestClient(app) as client:
    made = client.post("/apps/app/users/ada/sessions", json={"sessionId": "s", "state": {"k": 1}})
    assert made.json()["state"] == {"k": 1}, made.text
    again = client.post("/apps/app/users/ada/sessions", json={"sessionId": "s"})
    assert again.status_code == 409, again.text
    assert [each["id"] for each in client.get("/apps/app/users/ada/sessions").json()] == ["s"]
"""


def test_the_web_server_of_the_kit_keeps_its_sessions_in_a_store(tmp_path, sqlite_database):
    agents = tmp_path / "agents"
    agents.mkdir()
    text = "from hermes_store.adapters.google_adk import register\nregister()\n"
    (agents / "services.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", SERVER, str(agents), f"hermes://{sqlite_database}"]
    subprocess.run(command, check=True)
    with SessionRepository(sqlite_database) as repository:
        assert repository.get_session("adk/app/ada/s")["source"] == "google-adk"


@pytest.mark.parametrize("uri", ["hermes://{}", "hermes://sqlite:///{}"])
def test_behind_the_scheme_stands_a_path_or_a_url(sqlite_database, uri):
    register()
    service = get_service_registry().create_session_service(uri.format(sqlite_database))

    async def created():
        await service.create_session(**WHO)
        await service.close()

    asyncio.run(created())
    with SessionRepository(sqlite_database) as repository:
        assert repository.session_count() == 1


def test_without_a_place_it_is_the_default_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HERMES_HOME", str(tmp_path))
    monkeypatch.delenv("HERMES_STORE_URL", raising=False)
    register("store")
    service = get_service_registry().create_session_service("store://", agents_dir=".")

    async def created():
        await service.create_session(**WHO)
        await service.close()

    asyncio.run(created())
    assert (tmp_path / "state.db").exists()
