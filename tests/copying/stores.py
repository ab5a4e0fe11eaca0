"""Stores to copy, and what is in a store."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from hermes_store import SessionRepository, copy
from hermes_store.database.sqlite_engines import sqlite_driver

GOLDEN = Path(__file__).parents[1] / "golden"


def grow(repository: SessionRepository, messages: int) -> None:
    """Put more messages into a store than are copied at once."""
    repository.ensure_session("long", source="cli")
    rows = [{"role": "user", "content": f"message {number}"} for number in range(messages)]
    repository.append_messages("long", rows)


def untidy(name: str, folder: Path) -> Path:
    """A file as the original, and who else wrote to it, left it."""
    path = folder / f"{name}.db"
    with closing(sqlite_driver().connect(path)) as connection:
        connection.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY")
        connection.executescript((GOLDEN / f"{name}.sql").read_text(encoding="utf-8"))
    return path


def content(database: Path | URL) -> list[dict[str, Any]]:
    """Every session with its messages."""
    with SessionRepository(database) as repository:
        return [dict(session) for session in repository.iter_export()]


def copy_step_by_step(source: str, target: str) -> None:
    """Copy; after each step say which, and wait for a line."""

    def report(step: str, done: int, _total: int) -> None:
        sys.stdout.write(f"{step} {done}\n")
        sys.stdout.flush()
        sys.stdin.readline()

    copy.copy(source, target, progress=report)


if __name__ == "__main__":
    copy_step_by_step(*sys.argv[1:])
