"""What is measured: the store, the same work by hand, and the ORM's unit of work.

All of them write the same rows into a file that the project's own revisions made, with the same
pragmas, through the same SQLite library.
"""

from __future__ import annotations

from typing import Any, Protocol

from benchmarks.corpus import Message
from hermes_store.settings import Settings

OURS = "hermes_store"
BY_HAND = "sqlite3 by hand"
PSYCOPG = "psycopg by hand"
UNIT_OF_WORK = "ORM unit of work"


class Writes(Protocol):
    """What a contender that writes has."""

    def create_session(self, session_id: str) -> None: ...
    def append(self, session_id: str, message: Message) -> Any: ...
    def append_many(self, session_id: str, messages: list[Message]) -> Any: ...
    def load(self, session_id: str) -> Any: ...
    def close(self) -> None: ...


def make(name: str, path: Any, synchronous: str = "NORMAL") -> Any:
    """Open the contender of that name on the file `path`."""
    from benchmarks.contenders.by_hand import ByHand
    from benchmarks.contenders.store import HermesStore
    from benchmarks.contenders.unit_of_work import UnitOfWork

    contender = {OURS: HermesStore, BY_HAND: ByHand, UNIT_OF_WORK: UnitOfWork}[name]
    return contender(str(path), Settings(synchronous=synchronous))
