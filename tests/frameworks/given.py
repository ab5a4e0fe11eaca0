"""What several suites give to an adapter."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hermes_store import AsyncSessionRepository, SessionRepository
from hermes_store.errors import HermesStoreError

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


JUNK: list[Any] = [None, True, 5, -1.5, "junk", [], ["junk"], {}, {"junk": {}}]
"""JSON of each type."""


def altered(kept: Any) -> Iterator[Any]:
    """What other programs may make of JSON: junk in each place, and each place without its value."""
    yield from JUNK
    if isinstance(kept, (dict, list)):
        for place in [*kept] if isinstance(kept, dict) else range(len(kept)):
            for value in altered(kept[place]):
                other = kept.copy()
                other[place] = value
                yield other
            other = kept.copy()
            del other[place]
            yield other


class Outcomes:
    """Reads of what was altered: how many gave something, and which typed errors there were."""

    def __init__(self, named: str) -> None:
        """Each error has to name `named`."""
        self.read, self.errors = 0, set[type]()
        self._named = named

    def take(self, read: Callable[[], Any]) -> None:
        """Read. Errors of other kinds are raised, and those that name something else."""
        try:
            read()
        except HermesStoreError as exc:
            if self._named not in str(exc):
                raise
            self.errors.add(type(exc))
        else:
            self.read += 1
