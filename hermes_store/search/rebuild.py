"""Fill the search index or build it anew, while other processes go on writing.

Every step is a short transaction, so a process that is killed leaves a store that works, with an
index that is incomplete; the next call goes on where it stopped. One process does it at a time.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError

from hermes_store.database.connection import OpenConnection
from hermes_store.errors import HermesStoreError, StoreBusyError
from hermes_store.search import index, triggers
from hermes_store.search.running import Progress, Run

__all__ = ["Build", "backfill", "interrupt", "reindex"]

Rows = Iterable[Sequence[int]]

LEASE_SECONDS = 30.0
"""How long after its last step a rebuild is taken to be alive, when its process cannot be seen."""

_STEP_CHARACTERS = 1_000_000
_STEP_MESSAGES = 2_000
_PAUSE_SECONDS = 0.01
_BEFORE_ALL = -(1 << 63)
"""Less than any id: other tools insert negative ones, too."""


class Build(Protocol):
    """How the index of a database is built."""

    def changed(self, connection: OpenConnection, /) -> list[str]:
        """Names of what the index is made of that is missing, or not as it was made."""

    def create(self, connection: OpenConnection, /) -> None:
        """Make the index anew; messages written from now on are in it."""

    def newest(self, connection: OpenConnection, /) -> int:
        """The id of the last message to be indexed: later ones are, as they are written."""

    def unindexed(self, connection: OpenConnection, /, after: int, upto: int, most: int) -> Rows:
        """Id and length of the next messages, from after one id to another, to be indexed."""

    def index(self, connection: OpenConnection, /, first: int, last: int) -> None:
        """Put the messages from one id to another into the index."""


def reindex(run: Run, progress: Progress | None = None, *, build: Build) -> None:
    """Build the index anew; when an earlier call was interrupted, finish what it began.

    Raises `StoreBusyError` while another process does the same.
    """
    owner = _new_owner()
    run(lambda connection: _begin(connection, owner, build))
    with _owning(run, owner):
        _fill(run, owner, progress, build, deadline=None)


def backfill(
    run: Run, progress: Progress | None = None, *, seconds: float | None = None, build: Build
) -> bool:
    """Index the messages that are not in the index yet; True when search can answer.

    Stops early, between two steps, after `seconds`; another call goes on. Does nothing to an index
    that is ready or damaged. Raises `StoreBusyError` while another process fills it.
    """
    owner = _new_owner()
    deadline = None if seconds is None else time.monotonic() + seconds
    if run(lambda connection: _claim_incomplete(connection, owner)):
        with _owning(run, owner):
            return _fill(run, owner, progress, build, deadline)
    return bool(run(lambda connection: index.state(connection).state == "ready"))


# --- one owner ----------------------------------------------------------------------------------


def _new_owner() -> str:
    return f"{socket.gethostname()} process {os.getpid()} {uuid.uuid4().hex[:8]}"


def _begin(connection: OpenConnection, owner: str, build: Build) -> None:
    triggers.drop_foreign(connection)
    interrupted = index.state(connection).state == "incomplete"
    if not interrupted or build.changed(connection):
        index.record(connection, index.state(connection).state)  # its table may be missing
        _refuse_while_owned(connection)
        build.create(connection)
    _claim(connection, owner)


def _claim_incomplete(connection: OpenConnection, owner: str) -> bool:
    incomplete = index.state(connection).state == "incomplete"
    if incomplete:
        _claim(connection, owner)
    return incomplete


def _claim(connection: OpenConnection, owner: str) -> None:
    _refuse_while_owned(connection)
    _renew(connection, owner)


def _refuse_while_owned(connection: OpenConnection) -> None:
    owned = text("SELECT owner FROM search_index WHERE owned_until > :now")
    row = connection.core.execute(owned, {"now": time.time()}).one_or_none()
    if row is not None and row.owner and not _is_gone(row.owner):
        raise StoreBusyError(0.0, f"a reindex ({row.owner})")


def _is_gone(owner: str) -> bool:
    """Whether the owner is a process of this machine that has ended."""
    host, _, rest = owner.rpartition(" process ")
    if host != socket.gethostname() or not hasattr(os, "fork"):  # Windows: kill would end it
        return False
    try:
        os.kill(int(rest.split()[0]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


@contextmanager
def _owning(run: Run, owner: str) -> Iterator[None]:
    """Give it up when it fails, so that the next call need not wait until this one is forgotten."""
    try:
        yield
    except BaseException:
        with suppress(HermesStoreError, DatabaseError):  # else it is forgotten after a while
            run(lambda connection: connection.core.execute(_GIVE_UP, {"owner": owner}))
        raise


def interrupt(connection: Connection) -> None:
    """Let no rebuild go on that is under way: it would leave the beginning of a new index out."""
    if inspect(connection).has_table("search_index"):
        connection.exec_driver_sql("UPDATE search_index SET owner = NULL, owned_until = NULL")


_GIVE_UP = text("UPDATE search_index SET owner = NULL, owned_until = NULL WHERE owner = :owner")
_RENEW = text("UPDATE search_index SET owner = :owner, owned_until = :until")


def _renew(connection: OpenConnection, owner: str | None) -> None:
    until = time.time() + LEASE_SECONDS if owner else None
    connection.core.execute(_RENEW, {"owner": owner, "until": until})


# --- step by step -------------------------------------------------------------------------------


def _fill(
    run: Run, owner: str, progress: Progress | None, build: Build, deadline: float | None
) -> bool:
    total, unindexed, newest = run(partial(_counts, build=build))
    done = total - unindexed
    last: int | None = _BEFORE_ALL
    while last is not None:
        if progress is not None:
            progress(min(done, total), total)
        if deadline is not None and time.monotonic() > deadline:
            run(lambda connection: _renew(connection, None))
            return False
        count, last = run(partial(_step, owner=owner, after=last, upto=newest, build=build))
        done += count
        time.sleep(_PAUSE_SECONDS)  # SQLite's lock is not fair: let others have it
    return True


def _counts(connection: OpenConnection, build: Build) -> tuple[int, int, int]:
    """How many messages there are, how many of them are not indexed, and the newest one's id."""
    total, unindexed = index.count(connection), index.count_unindexed(connection)
    return total, unindexed, build.newest(connection)


def _step(
    connection: OpenConnection, owner: str, after: int, upto: int, build: Build
) -> tuple[int, int | None]:
    """Index some messages after an id; how many, and the last one's id: None at the end."""
    if connection.core.exec_driver_sql("SELECT owner FROM search_index").scalar() != owner:
        raise StoreBusyError(0.0, "another reindex")
    ids = _next_ids(build.unindexed(connection, after, upto, _STEP_MESSAGES))
    if ids:
        build.index(connection, ids[0], ids[-1])
        _renew(connection, owner)
        return len(ids), ids[-1]
    index.record(connection, "ready")
    _renew(connection, None)
    return 0, None


def _next_ids(unindexed: Rows) -> list[int]:
    ids: list[int] = []
    characters = 0
    for id_, length in unindexed:
        ids.append(id_)
        characters += length
        if characters >= _STEP_CHARACTERS:
            break
    return ids
