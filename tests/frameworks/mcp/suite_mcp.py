"""The server of the Model Context Protocol, asked by the package's own client."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys

import httpx2 as httpx
import pages
import pytest
import stored
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from hermes_store import AsyncSessionRepository, SessionRepository
from hermes_store.mcp.answers import BUDGET
from hermes_store.mcp.server import make

TOOLS = ["list_sessions", "read_session", "search_conversations"]


@pytest.fixture
def ask(repository):
    """Call a tool in this process; return what it answers."""

    async def asked(tool, arguments):
        async with Client(make(AsyncSessionRepository(repository))) as client:
            return await client.call_tool(tool, arguments)

    return lambda tool, **arguments: asyncio.run(asked(tool, arguments))


def answer(result):
    assert not result.is_error, result.content
    return result.structured_content.get("result", result.structured_content)


def told(result):
    assert result.is_error
    return result.content[0].text


def test_there_are_three_tools_and_all_only_read(repository):
    async def listed():
        async with Client(make(AsyncSessionRepository(repository))) as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(listed())
    assert sorted(tool.name for tool in tools) == TOOLS
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)


def test_a_hit_leads_to_the_conversation_around_it(repository, ask):
    repository.create_session("s", "cli")
    for number in range(40):
        repository.append_message("s", "user", f"straw {number}")
    found_id = repository.append_message("s", "assistant", "the needle")
    repository.append_message("s", "user", "thanks")
    [hit] = answer(ask("search_conversations", query="needle"))
    assert (hit["session_id"], hit["message_id"]) == ("s", found_id)
    assert hit["snippet"] == "the **needle**"
    read = answer(ask("read_session", session_id="s", around_message_id=found_id, window=2))
    assert [each["content"] for each in read["messages"]] == [
        "straw 38", "straw 39", "the needle", "thanks",
    ]  # fmt: skip
    assert (read["before"], read["after"]) == (38, 0)


def test_filters_say_where_and_when(repository, ask):
    for source, day in (("cli", 1_767_225_600), ("telegram", 1_769_904_000)):
        repository.create_session(source, source)
        repository.append_message(source, "user", "needle", timestamp=float(day))

    def found(**filters):
        hits = answer(ask("search_conversations", query="needle", **filters))
        return [hit["session_id"] for hit in hits]

    assert found(source="cli") == ["cli"]
    assert found(since="2026-01-15") == ["telegram"]
    assert found(until="2026-01-15T00:00:00+01:00") == ["cli"]
    assert found(session_id="telegram") == ["telegram"]


def test_conversations_are_listed_page_by_page_the_last_active_first(repository, ask):
    for number in range(5):
        repository.create_session(f"s{number}", "cli")
        repository.append_message(f"s{number}", "user", f"question {number}")
    first = answer(ask("list_sessions", limit=3))
    second = answer(ask("list_sessions", limit=3, after=first[-1]["session_id"]))
    assert [each["session_id"] for each in first + second] == ["s4", "s3", "s2", "s1", "s0"]
    assert first[0]["preview"] == "question 4"


def test_what_was_taken_back_is_not_shown_and_what_was_compacted_is_found(repository, ask):
    repository.create_session("s", "cli")
    old = repository.append_message("s", "user", "an old needle")
    repository.compact("s", [{"role": "user", "content": "a summary"}])
    taken_back = repository.append_message("s", "user", "a secret needle")
    repository.rewind("s", taken_back)
    [hit] = answer(ask("search_conversations", query="needle"))
    assert hit["message_id"] == old
    read = answer(ask("read_session", session_id="s", around_message_id=old))
    assert [each["content"] for each in read["messages"]] == ["an old needle", "a summary"]
    assert read["messages"][0]["state"] == "compacted"


def test_whatever_is_stored_an_answer_keeps_to_the_budget_and_has_what_was_asked_for(
    repository, ask
):
    repository.create_session("s", "cli", model="m" * 50_000)
    huge = [{"type": "text", "text": "needle " * 40_000}]
    call = [{"id": "c", "function": {"name": "f", "arguments": "y" * 100_000}}]
    ids = [repository.append_message("s", "assistant", huge, tool_calls=call) for _ in range(101)]
    for tool, arguments in {
        "search_conversations": {"query": "needle", "limit": 50},
        "list_sessions": {"limit": 100},
        "read_session": {"session_id": "s", "window": 100, "around_message_id": ids[50]},
    }.items():
        assert 0 < len(json.dumps(answer(ask(tool, **arguments)))) < BUDGET * 1.2, tool
    read = answer(ask("read_session", session_id="s", window=100, around_message_id=ids[50]))
    shown = [each["message_id"] for each in read["messages"]]
    assert ids[50] in shown
    assert read["before"] + len(shown) + read["after"] == 101


def test_an_error_tells_the_agent_what_to_do(repository, ask):
    repository.create_session("s", "cli")
    assert "take an id that list_sessions" in told(ask("read_session", session_id="x"))
    assert "like 2026-03-01" in told(ask("search_conversations", query="x", since="soon"))
    assert "characters" in told(ask("search_conversations", query="x" * 20_000))
    no_message = told(ask("read_session", session_id="s", around_message_id=7))
    assert "shows no message 7: take a message_id of a hit" in no_message
    assert "limit" in told(ask("list_sessions", limit=0))
    assert answer(ask("read_session", session_id="s"))["messages"] == []


def test_an_error_keeps_to_the_budget_whatever_the_agent_gave(ask):
    long = "x" * 100_000
    for tool, arguments in (
        ("read_session", {"session_id": long}),
        ("list_sessions", {"after": long}),
        ("search_conversations", {"query": "x", "since": long}),
    ):
        error = told(ask(tool, **arguments))
        assert len(error) < BUDGET / 5
        assert re.search("take an id|give the last id|like 2026-03-01", error), error


ODD = {
    "messages": ["timestamp", "role", "content", "tool_calls", "tool_name", "state"],
    "sessions": ["title", "source", "model", "started_at", "last_active", "message_count"],
}


@pytest.mark.parametrize("odd", [b"\xff\x00", 1e300, -1e300, "no time", float("inf")])
@pytest.mark.parametrize("column", [(table, each) for table in ODD for each in ODD[table]])
def test_what_another_program_stored_in_a_column_keeps_no_tool_from_answering(
    sqlite_database, column, odd
):
    async def asked():
        async with (
            await AsyncSessionRepository.open(sqlite_database) as opened,
            Client(make(opened)) as client,
        ):
            return [
                await client.call_tool("search_conversations", {"query": "needle"}),
                await client.call_tool("list_sessions", {}),
                await client.call_tool("read_session", {"session_id": "s"}),
            ]

    with SessionRepository(sqlite_database) as repository:
        for session in ("s", "other"):
            repository.create_session(session, "cli")
            repository.append_message(session, "user", "needle")
    stored.change(sqlite_database, "UPDATE {} SET {} = ?1 WHERE rowid = 1".format(*column), odd)
    found, listed, read = map(answer, asyncio.run(asked()))
    assert "other" in {hit["session_id"] for hit in found}
    assert {each["session_id"] for each in listed} == {"s", "other"}
    assert read["session_id"] == "s"


def test_an_empty_text_asks_for_nothing(repository, ask):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "needle")
    empty = dict.fromkeys(("source", "session_id", "since", "until"), "")
    assert len(answer(ask("search_conversations", query="needle", **empty))) == 1
    assert len(answer(ask("list_sessions", source="", after=""))) == 1


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def filled(sqlite_database):
    with SessionRepository(sqlite_database) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "the needle")
    return sqlite_database


def command(database, *options):
    return [sys.executable, "-m", "hermes_store", "--db", str(database), "mcp", *options]


def test_a_program_asks_over_stdin_and_stdout_and_nothing_is_changed(filled):
    before = filled.read_bytes()
    program, *arguments = command(filled)
    server = StdioServerParameters(command=program, args=arguments, env=dict(os.environ))

    async def asked():
        async with Client(stdio_client(server)) as client:
            return await client.call_tool("search_conversations", {"query": "needle"})

    assert answer(asyncio.run(asked()))[0]["snippet"] == "the **needle**"
    assert filled.read_bytes() == before


@pytest.fixture
def token_given():
    """The token that a test chooses for the command, by the environment."""
    return


@pytest.fixture
def served(filled, token_given):
    """The URL of the command with --http, and its token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        command(filled, "--http", "--port", str(port)),
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | ({"HERMES_STORE_MCP_TOKEN": token_given} if token_given else {}),
    )
    try:
        url, _, token = process.stderr.readline().split(maxsplit=2)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None
        printed = token.split()[-1]
        assert (printed == "TOKEN") is bool(token_given)
        yield url, token_given or printed
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("token_given", [None, "chosen-by-the-suite"])
def test_over_http_only_who_has_the_token_is_answered(served):
    url, token = served

    async def asked():
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            return await client.call_tool("search_conversations", {"query": "needle"})

    assert answer(asyncio.run(asked()))[0]["session_id"] == "s"
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {token}"}):
        assert httpx.post(url, json={}, headers=headers).status_code == 401
    stranger = {"Authorization": f"Bearer {token}", "Host": "evil.example"}
    assert httpx.post(url, json={}, headers=stranger).status_code in (403, 421)


def test_a_store_that_is_not_there_is_an_error_and_not_made(tmp_path):
    done = subprocess.run(
        command(tmp_path / "none.db"),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 3
    assert "no database at" in done.stderr
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("code", "printed"), [*pages.python_blocks(pages.ROOT / "docs/frameworks/mcp.md")]
)
def test_what_the_page_shows_runs(code, printed, tmp_path, monkeypatch):
    pages.run(code, printed, tmp_path, monkeypatch)
