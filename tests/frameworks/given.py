"""What several suites give to an adapter."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hermes_store import AsyncSessionRepository, SessionRepository

KINDS = ["path", "synchronous", "asynchronous"]
"""The forms in which an adapter takes a repository."""


@contextmanager
def repository(kind: str, database: Path) -> Iterator[Any]:
    """A database in one of those forms."""
    if kind == "path":
        yield database
        return
    with SessionRepository(database) as opened:
        yield opened if kind == "synchronous" else AsyncSessionRepository(opened)


def deep(levels: int) -> dict:
    """JSON that nests so deep."""
    value: Any = "the innermost"
    for _ in range(levels):
        value = {"a": value}
    return value


def begun(value: Any) -> str:
    """The name of a test with a long value."""
    return repr(value)[:40]
