"""Whoever listens to SQLAlchemy's events sees every statement of every method."""

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby, pairwise

import pytest
from sqlalchemy import Engine, event
from support import only_sqlite

from hermes_store import SessionFilter, SessionRepository

EXPORTED = [
    {"id": "imported", "source": "cli", "started_at": 1.0, "messages": [{"role": "user"}]},
]

CALLS: dict[str, Callable[[SessionRepository], object]] = {
    "create_session": lambda repo: repo.create_session("new", "cli", parent_session_id="s"),
    "ensure_session": lambda repo: repo.ensure_session("ensured"),
    "end_session": lambda repo: repo.end_session("s", "done"),
    "reopen_session": lambda repo: repo.reopen_session("s"),
    "update_system_prompt": lambda repo: repo.update_system_prompt("s", "be kind"),
    "set_session_model": lambda repo: repo.set_session_model("s", "another"),
    "get_session": lambda repo: repo.get_session("s"),
    "resolve_session_id": lambda repo: repo.resolve_session_id("s"),
    "session_count": lambda repo: repo.session_count(),
    "end_sessions": lambda repo: repo.end_sessions(4e9, "idle"),
    "set_archived": lambda repo: repo.set_archived("s"),
    "archive_sessions": lambda repo: repo.archive_sessions(SessionFilter(source="cli")),
    "set_pinned": lambda repo: repo.set_pinned("s"),
    "update_session": lambda repo: repo.update_session("s", cwd="/"),
    "newest_session": lambda repo: repo.newest_session("k"),
    "delete_sessions": lambda repo: repo.delete_sessions(["s"]),
    "get_root": lambda repo: repo.get_root("s"),
    "get_tip": lambda repo: repo.get_tip("s"),
    "get_lineage": lambda repo: repo.get_lineage("s"),
    "get_ancestors": lambda repo: repo.get_ancestors("s"),
    "list_lineage": lambda repo: repo.list_lineage("s"),
    "export_lineage": lambda repo: repo.export_lineage("s"),
    "list_sessions_rich": lambda repo: repo.list_sessions_rich(),
    "search_sessions": lambda repo: repo.search_sessions(),
    "longest_sessions": lambda repo: repo.longest_sessions(),
    "session_facets": lambda repo: repo.session_facets(),
    "set_session_title": lambda repo: repo.set_session_title("s", "a title"),
    "get_session_title": lambda repo: repo.get_session_title("s"),
    "get_session_by_title": lambda repo: repo.get_session_by_title("a title"),
    "resolve_session_by_title": lambda repo: repo.resolve_session_by_title("a title"),
    "get_next_title_in_lineage": lambda repo: repo.get_next_title_in_lineage("a title"),
    "append_message": lambda repo: repo.append_message("s", "user", "needle"),
    "append_messages": lambda repo: repo.append_messages("s", [{"role": "user"}] * 2),
    "get_messages": lambda repo: repo.get_messages("s"),
    "get_messages_as_conversation": lambda repo: repo.get_messages_as_conversation("s"),
    "count_messages": lambda repo: repo.count_messages("s"),
    "find_sessions": lambda repo: repo.find_sessions("s"),
    "message_count": lambda repo: repo.message_count(),
    "clear_messages": lambda repo: repo.clear_messages("s"),
    "replace_messages": lambda repo: repo.replace_messages("s", [{"role": "user"}]),
    "compact": lambda repo: repo.compact("s", [{"role": "user"}]),
    "rewind": lambda repo: repo.rewind("s", repo.get_messages("s")[0]["id"]),
    "restore": lambda repo: repo.restore("s", repo.get_messages("s")[0]["id"]),
    "pop_message": lambda repo: repo.pop_message("s"),
    "delete_messages": lambda repo: repo.delete_messages("s", [1]),
    "replace_message": lambda repo: repo.replace_message(
        "s", repo.get_messages("s")[0]["id"], content="x"
    ),
    "search_messages": lambda repo: repo.search_messages("needle"),
    "search_page": lambda repo: repo.search_page("needle"),
    "update_token_counts": lambda repo: repo.update_token_counts("s", 1, 2),
    "set_token_counts": lambda repo: repo.set_token_counts("s", 1, 2),
    "usage_by_source": lambda repo: repo.usage_by_source(),
    "export_session": lambda repo: repo.export_session("s"),
    "export_all": lambda repo: repo.export_all(),
    "iter_export": lambda repo: list(repo.iter_export()),
    "import_sessions": lambda repo: repo.import_sessions(EXPORTED),
    "record_usage": lambda repo: repo.record_usage("s", model="m"),
    "usage_report": lambda repo: repo.usage_report(),
    "newest_usage_since": lambda repo: repo.newest_usage_since(0),
    "leases": lambda repo: repo.leases.acquire("n", "holder", 60),
    "meta": lambda repo: repo.meta.set("key", "value"),
    "retention": lambda repo: repo.retention.add("r", "delete", 30),
    "delete_session": lambda repo: repo.delete_session("s"),
    "list_prune_candidates": lambda repo: repo.list_prune_candidates(),
    "prune_sessions": lambda repo: repo.prune_sessions(0),
    "get_stats": lambda repo: repo.get_stats(),
    "check": lambda repo: repo.check(),
    "reindex": lambda repo: repo.reindex(),
}
WITHOUT_STATEMENTS = {
    "close",
    "engines",
    "orm_session",  # SQLAlchemy's own
    "sanitize_title",
    "transaction",  # of whatever is called in it
    "url",
    "backup",  # pages are copied, on a connection of its own
    "optimize",  # VACUUM runs outside of both engines
    "MAX_TITLE_LENGTH",
}


def test_every_public_method_is_listened_to_here() -> None:
    public = {name for name, _ in inspect.getmembers(SessionRepository) if name[0] != "_"}
    assert public == CALLS.keys() | WITHOUT_STATEMENTS


@pytest.fixture
def filled(repository: SessionRepository) -> SessionRepository:
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "needle in a haystack")
    repository.search_messages("needle")  # what is done once for each connection is done
    return repository


@contextmanager
def listening(target: object) -> Iterator[list[str]]:
    statements: list[str] = []

    def listen(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(target, "before_cursor_execute", listen)
    try:
        yield statements
    finally:
        event.remove(target, "before_cursor_execute", listen)


@pytest.mark.parametrize("name", CALLS)
def test_a_listener_of_every_engine_sees_the_method(filled: SessionRepository, name: str) -> None:
    with listening(Engine) as statements:
        CALLS[name](filled)
    assert statements


@only_sqlite
@pytest.mark.parametrize("name", CALLS)
def test_it_sees_what_sqlite_runs_and_nothing_is_hidden(
    filled: SessionRepository, name: str
) -> None:
    ran: list[str] = []
    with (
        listening(filled.engines.write) as written,
        listening(filled.engines.read) as read,
        traced(filled, ran),
    ):
        CALLS[name](filled)
    # SQLite says a statement again for each trigger that it fires.
    different = [statement for statement, _ in groupby(filter(is_of_the_store, ran))]
    statements = [*written, *read]
    alike = sum(a == b for a, b in pairwise(statements))  # which SQLite tells as one, then
    assert len(statements) - alike <= len(different) <= len(statements)


@contextmanager
def traced(repository: SessionRepository, ran: list[str]) -> Iterator[None]:
    """Note what SQLite itself says that it runs."""
    drivers = [
        repository._write(lambda connection: connection.dbapi),
        repository._read(lambda connection: connection.dbapi),
    ]
    ran.clear()
    for driver in drivers:
        driver.set_trace_callback(ran.append)
    try:
        yield
    finally:
        for driver in drivers:
            driver.set_trace_callback(None)


def is_of_the_store(statement: str) -> bool:
    """Not of a trigger or of FTS5, and not of the beginning or end of a transaction."""
    of_fts5 = "SELECT k, v FROM 'main'.'messages_fts_config'"  # when it reads its table anew
    around = "BEGIN", "PRAGMA schema_version", "PRAGMA temp.schema_version", "COMMIT", "ROLLBACK"
    return not statement.startswith(("--", of_fts5, *around))


def test_results_are_the_same_whether_somebody_listens_or_not(filled: SessionRepository) -> None:
    calls = [[{"id": "c1", "function": {"name": "f", "arguments": "{}"}}], None]
    for tool_calls in calls:
        filled.append_message("s", "assistant", ["text"], tool_calls=tool_calls, reasoning="why")

    def everything() -> list[object]:
        return [
            filled.get_session("s"),
            filled.get_messages("s"),
            filled.get_messages_as_conversation("s"),
            filled.list_sessions_rich(),
            filled.search_messages("needle"),
            filled.export_all(),
            filled.usage_by_source(),
            filled.resolve_session_id("s"),
        ]

    unheard = everything()
    with listening(Engine):
        assert everything() == unheard


def test_a_write_that_fails_leaves_no_trace_while_somebody_listens(
    filled: SessionRepository,
) -> None:
    with listening(Engine) as statements:
        with pytest.raises(LookupError):
            filled.append_message("unknown", "user", "x")
        with filled.transaction() as tx:
            tx.append_message("s", "user", "kept")
            with pytest.raises(LookupError):
                tx.append_message("unknown", "user", "x")
    assert "SAVEPOINT operation" in statements
    assert filled.message_count() == 2


def test_echo_logs_every_statement(database, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.INFO, "sqlalchemy.engine.Engine"),
        SessionRepository(database, echo=True) as repository,
    ):
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "x")
        repository.get_messages("s")
    logged = caplog.text
    assert all(words in logged for words in ("INSERT INTO sessions", "INSERT INTO messages"))
    assert "FROM messages" in logged


def test_nobody_listens_to_the_engines_unless_asked(repository: SessionRepository) -> None:
    assert not repository._write(lambda connection: connection.watched)
    assert not repository._read(lambda connection: connection.watched)


SHAPES = [
    {"role": "user", "content": "a question"},
    {"role": "assistant", "content": "an answer", "finish_reason": "stop"},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}], "reasoning": "hm"},
    {"role": "tool", "content": "getUserName", "tool_name": "grep", "tool_call_id": "c"},
    {"role": "assistant", "content": "counted", "token_count": 7},
]


@only_sqlite
def test_messages_of_many_shapes_share_a_statement_and_so_do_lists_of_many_lengths(
    repository: SessionRepository,
) -> None:
    repository.create_session("s", "cli")
    with listening(repository.engines.write) as statements:
        for shape in SHAPES:
            repository.append_message("s", **shape)
        for length in range(1, 65):
            repository.append_messages("s", (SHAPES * 13)[:length])
    inserts = {each for each in statements if each.startswith("INSERT INTO messages")}
    assert len(inserts) == 1 + 7  # a message; lists of up to 1, 2, 4, … 64


@pytest.mark.parametrize("length", [1, 2, 3, 5, 255, 256, 257, 1_000])
def test_a_list_of_any_length_is_stored_whole_and_in_order(
    repository: SessionRepository, length: int
) -> None:
    repository.create_session("s", "cli")
    given = [{**SHAPES[n % 5], "content": f"number {n}"} for n in range(length)]
    ids = repository.append_messages("s", given)
    stored = repository.get_messages("s")
    assert [message["id"] for message in stored] == ids
    assert [message["content"] for message in stored] == [each["content"] for each in given]
    assert [message.get("finish_reason") for message in stored] == [
        each.get("finish_reason") for each in given
    ]
