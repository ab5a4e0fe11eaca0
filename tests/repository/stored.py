"""Look at, and change, the tables themselves as another tool would."""

from contextlib import closing
from pathlib import Path
from typing import Any

from hermes_store.engine import sqlite_driver


def rows(path: Path, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite_driver().connect(path)) as connection:
        return connection.execute(statement, parameters).fetchall()


def column(path: Path, statement: str, *parameters: Any) -> list[Any]:
    return [row[0] for row in rows(path, statement, *parameters)]


def change(path: Path, statement: str, *parameters: Any) -> None:
    with closing(sqlite_driver().connect(path)) as connection:
        connection.execute(statement, parameters)
        connection.commit()


def check(path: Path) -> None:
    """Fail unless the file, its foreign keys, its counters and its search index are sound."""
    with closing(sqlite_driver().connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        wrong = """SELECT id FROM sessions s WHERE message_count <>
                   (SELECT count(*) FROM messages m WHERE m.session_id = s.id)"""
        assert connection.execute(wrong).fetchall() == []
        connection.execute(
            "INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)"
        )
        connection.rollback()
