"""What another program stored in place of a text or a number: every command goes on."""

import json

import pytest
from stored import change

from hermes_store import SessionRepository

TEXTS = (
    ("sessions", "source", "model", "user_id", "title", "cwd", "key", "end_reason", "extra"),
    ("messages", "content", "tool_name", "tool_calls", "name", "extra"),
    ("messages", "role"),  # by it and by the state a command decides what it prints
    ("messages", "state"),
    ("usage", "task", "model", "provider"),
    ("meta", "key", "value"),
)
"""A table, and columns that hide nothing of each other."""
COMMANDS = (
    "list", "list --all", "show a", "show a --all", "export", "search hello", "stats", "lineage a",
    "prune --older-than 0", "meta list", "usage --by model", "usage --by provider", "usage --by source",
    "usage --by user", "usage --by task", "usage --by tool", "usage --by model --plot",
    "usage --by model --csv", "usage --longest 9", "doctor", "leases",
)  # fmt: skip


@pytest.mark.parametrize("places", TEXTS, ids=str)
def test_every_command_prints_bytes_that_another_program_stored_as_text(
    run, sqlite_database, places
):
    with SessionRepository(sqlite_database) as repository:
        repository.create_session("a", "cli")
        repository.append_message("a", "user", "hello")
        repository.record_usage("a", model="m")
        repository.meta.set("k", "v")
    table, *columns = places
    for column in columns:
        change(sqlite_database, f"UPDATE {table} SET {column} = CAST('odd' AS BLOB)")
    for command in COMMANDS:
        for options in [[]] if {"--plot", "--csv"} & {*command.split()} else [[], ["--json"]]:
            result = run("--db", sqlite_database, *command.split(), *options)
            assert result.code in ((0, 1) if command == "doctor" else (0,)), (command, result.err)


NUMBERS = {
    "sessions": (
        "started_at", "ended_at", "last_active", "message_count", "input_tokens",
        "estimated_cost_usd", "actual_cost_usd",
    ),
    "messages": ("timestamp", "token_count"),
    "usage": ("calls", "input_tokens", "estimated_cost_usd", "last_at"),
    "leases": ("acquired_at", "expires_at"),
}  # fmt: skip


@pytest.mark.parametrize("odd", ["'odd' || char(27) || '[2J'", "x'ff00'", "9e999"])
@pytest.mark.parametrize("table", NUMBERS)
def test_every_command_prints_what_another_program_stored_as_numbers(
    run, sqlite_database, table, odd
):
    with SessionRepository(sqlite_database) as repository:
        repository.create_session("a", "cli")
        repository.append_message("a", "user", "hello")
        repository.record_usage("a", model="m")
        repository.end_session("a", "done")
        repository.leases.acquire("n", "holder", 60)
    for column in NUMBERS[table]:
        change(sqlite_database, f"UPDATE {table} SET {column} = {odd}")
    for command in COMMANDS:
        result = run("--db", sqlite_database, *command.split())
        assert result.code in ((0, 1) if command == "doctor" else (0,)), (command, result.err)
        assert "\x1b" not in result.out
        if not {"--plot", "--csv", "export"} & {*command.split()}:
            machines = run("--db", sqlite_database, *command.split(), "--json").out
            json.loads(machines, parse_constant=pytest.fail)
