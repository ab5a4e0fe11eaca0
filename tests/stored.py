"""Look at, and change, the tables themselves as another tool would."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import postgres_server
from sqlalchemy import URL

from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.search.postgresql_ddl import MADE


@contextmanager
def connected(database: Path | URL) -> Iterator[Any]:
    """A connection of the driver's own; commits."""
    if isinstance(database, URL):
        import psycopg

        plain = database.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            yield connection
    else:
        with closing(sqlite_driver().connect(database)) as connection:
            connection.execute("PRAGMA synchronous=OFF")  # of this connection alone
            yield connection
            connection.commit()


def run(database: Path | URL, statement: str, parameters: tuple[Any, ...]) -> Any:
    if isinstance(database, URL):
        with postgres_server.shared_connection(database) as connection:
            done = connection.execute(statement.replace("?", "%s"), parameters, prepare=False)
            return done.fetchall() if done.description else []
    with connected(database) as connection:
        done = connection.execute(statement, parameters)
        return done.fetchall() if done.description else []


def rows(database: Path | URL, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    return run(database, statement, parameters)


def column(database: Path | URL, statement: str, *parameters: Any) -> list[Any]:
    return [row[0] for row in rows(database, statement, *parameters)]


def change(database: Path | URL, statement: str, *parameters: Any) -> None:
    run(database, statement, parameters)


def refuse_to_delete(database: Path | URL, session_id: str) -> None:
    """Let the database itself refuse to delete a session."""
    _refuse(database, "BEFORE DELETE ON sessions", f"old.id = '{session_id}'")


def refuse_to_store(database: Path | URL, content: str) -> None:
    """Let the database itself refuse to store a message with this content."""
    _refuse(database, "BEFORE INSERT ON messages", f"new.content = '{content}'")


def _refuse(database: Path | URL, event: str, when: str) -> None:
    action = "BEGIN SELECT RAISE(ABORT, 'refused'); END"
    if isinstance(database, URL):
        refusal = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$"
        change(database, refusal)
        action = "EXECUTE FUNCTION refuse()"
    each = "FOR EACH ROW WHEN" if isinstance(database, URL) else "WHEN"
    change(database, f"CREATE TRIGGER refuse {event} {each} ({when}) {action}")


def allow_to_delete(database: Path | URL) -> None:
    if isinstance(database, URL):
        change(database, "DROP FUNCTION refuse() CASCADE")
    else:
        change(database, "DROP TRIGGER refuse")


def as_stored(database: Path | URL, text: Any) -> Any:
    """`text` as it comes back: PostgreSQL has no NUL character."""
    if isinstance(database, URL) and isinstance(text, str):
        return text.replace("\0", "\ufffd")
    return text


def check(database: Path | URL) -> None:
    """Fail unless the tables, their references, their counters and their search index are sound."""
    wrong = """SELECT id FROM sessions s WHERE message_count <>
               (SELECT count(*) FROM messages m WHERE m.session_id = s.id)"""
    assert rows(database, wrong) == []
    if isinstance(database, Path):
        assert rows(database, "PRAGMA integrity_check") == [("ok",)]
        assert rows(database, "PRAGMA foreign_key_check") == []
        change(
            database, "INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)"
        )
    else:
        stale = f"SELECT id FROM messages WHERE search IS NULL OR search <> {MADE}"
        assert rows(database, stale) == []
