"""Which search a database has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from hermes_store.database.backend import Backend
from hermes_store.database.connection import OpenConnection
from hermes_store.database.repair import Repair
from hermes_store.search import waiting
from hermes_store.search.running import Progress, Run

if TYPE_CHECKING:
    from hermes_store.search.budget import Budget
    from hermes_store.search.chosen import ChosenSessions
    from hermes_store.search.loosened import Candidates
    from hermes_store.search.query import Query  # it takes long, and opening needs none

__all__ = ["Search", "Upkeep", "index_waiting_of", "repair_of", "search_of", "upkeep_of"]


class Upkeep(Protocol):
    """What the modules `sqlite_upkeep` and `postgresql_upkeep` offer: care of the index."""

    def require_ready(self, connection: OpenConnection) -> object:
        """Raise `SearchIndexError` unless the index can answer.

        On SQLite, `WaitingError` where the newest messages are to be indexed first.
        """

    def is_index_damage(self, exc: BaseException) -> bool:
        """Whether something failed because the index is damaged."""

    check_writes: bool
    """Whether `check` needs a connection that writes."""

    def check(self, connection: OpenConnection) -> list[str]:
        """What is wrong with the index, in words."""

    def reindex(self, run: Run, progress: Progress | None = None) -> None:
        """Build the index anew. Raises `StoreBusyError` while another process does it."""

    def backfill(
        self, run: Run, progress: Progress | None = None, *, seconds: float | None = None
    ) -> bool:
        """Index what is not indexed yet, for some seconds; True when search can answer."""

    def merge(self, run: Run) -> None:
        """Merge the index into one piece: deleted words are in it no more."""


class Search(Protocol):
    """What the modules `sqlite` and `postgresql` offer: to find messages."""

    RANKED: int
    """So many of the newest hits are ranked."""

    IS_APART: bool
    """Whether the index is apart from the messages: what it lists and is not there is damage.

    Else it is of the messages themselves, and what is missing was deleted meanwhile.
    """

    TEXTS: str
    """Name of the view that has, of each message, the text that can be found."""

    GIVEN_IDS: str
    """A SELECT of the ids that the parameter `ids` holds."""

    def given(self, ids: Sequence[int], /) -> Any:
        """The parameter of `GIVEN_IDS` for these ids."""

    def candidates(
        self,
        connection: OpenConnection,
        tree: Query,
        sort: str,
        *,
        ranked: int,
        goes_on: bool,
        is_filtered: bool,
    ) -> Candidates:
        """What a page looks at; `goes_on`: it does not begin at an end of the store."""

    def find(
        self,
        connection: OpenConnection,
        tree: Query,
        sort: str,
        filters: dict[str, Any],
        budget: Budget,
        *,
        chosen: ChosenSessions | None,
        limit: int,
        offset: int,
    ) -> Sequence[int]:
        """The ids of one page, in order. Raises `SearchTooBroadError`."""

    def within(self, connection: OpenConnection, budget: Budget) -> AbstractContextManager[None]:
        """End statements once `budget` is over: `SearchTooBroadError`."""

    def as_written(self, searched: str, /) -> str:
        """A text of the view `TEXTS` as it was written."""


def search_of(backend: Backend) -> Search:
    """How a database finds messages. A process imports only the search that it uses."""
    return _search(backend.is_server)


def upkeep_of(backend: Backend) -> Upkeep:
    """How the index of a database is looked after. A process imports only what it uses."""
    return _upkeep(backend.is_server)


def repair_of(backend: Backend) -> Repair | None:
    """What sets a damaged index aside and runs the operation again: it costs no message.

    None for a server: the trigger there catches what is missing, and no write fails because of it.
    """
    return None if backend.is_server else _REPAIR


def index_waiting_of(backend: Backend) -> Callable[[OpenConnection], None] | None:
    """What puts the messages that wait into the index; None for a server, where none waits."""
    return None if backend.is_server else waiting.index


def _is_damage(exc: BaseException) -> bool:
    from hermes_store.search.index import is_index_damage  # noqa: PLC0415 - only after an error

    return is_index_damage(exc)


def _set_aside(connection: OpenConnection, cause: BaseException) -> None:
    from hermes_store.search.index import mark_damaged  # noqa: PLC0415 - as above

    mark_damaged(connection, cause)


_REPAIR = Repair(_is_damage, _set_aside)


@cache
def _search(is_server: bool) -> Search:
    if is_server:
        from hermes_store.search import postgresql  # noqa: PLC0415 - only the search that is used

        return postgresql
    from hermes_store.search import sqlite  # noqa: PLC0415 - only the search that is used

    return sqlite


@cache
def _upkeep(is_server: bool) -> Upkeep:
    if is_server:
        from hermes_store.search import postgresql_upkeep  # noqa: PLC0415 - only the search that is used

        return postgresql_upkeep
    from hermes_store.search import sqlite_upkeep  # noqa: PLC0415 - only the search that is used

    return sqlite_upkeep
