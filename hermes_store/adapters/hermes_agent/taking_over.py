"""The first start beside a plain Hermes: its file is copied, and stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL

from hermes_store import SessionRepository
from hermes_store.adapters.hermes_agent.paths import FILE, PLAIN
from hermes_store.errors import DamagedFileError, ForeignDatabaseError, SchemaTooNewError
from hermes_store.transfer.importers.hermes import Account, import_hermes_file
from hermes_store.transfer.importers.hermes_file import is_hermes_file
from hermes_store.transfer.importers.hermes_file import opened as opened_to_read

__all__ = ["Say", "opened", "take_over"]

_log = logging.getLogger(__name__)
_LONGEST_WAIT = 86_400.0

Say = Callable[[str], None]
"""Is told what will be done and what was done, a sentence at a time."""


def opened(where: Path | str | URL, *, read_only: bool) -> SessionRepository:
    """The store at a place. A plain Hermes' file there, or beside it, is taken over first."""
    if not isinstance(where, Path):
        return SessionRepository(where, read_only=read_only)
    where.parent.mkdir(parents=True, exist_ok=True)
    if where.name == FILE:
        take_over(where.with_name(PLAIN), where)
    try:
        return SessionRepository(where, read_only=read_only)
    except SchemaTooNewError:
        if not is_hermes_file(where):
            raise
        beside = where.with_name(FILE if where.name == PLAIN else f"{where.name}.{FILE}")
        take_over(where, beside)
        return SessionRepository(beside, read_only=read_only)


def take_over(old: Path, new: Path, say: Say = _log.info) -> Account | None:
    """Copy the conversations of a plain Hermes' file into a store that is not there yet.

    Returns the account, or None when there was nothing to do. Not a byte of the old file changes.
    What was interrupted goes on at the next call; another process that calls it waits. Raises
    `StoreBusyError` or `StoreUnavailableError` when the old file cannot be opened now.
    """
    if new.exists() or not _holds_conversations(old, say):
        return None
    say(f"{old} is the file of a plain Hermes. Its conversations are copied to {new}, which is")
    say("used from now on. The old file is kept as it is.")
    with _alone(new):
        if new.exists():
            return None
        part = new.with_name(f"{new.name}.importing")
        account = import_hermes_file(old, part)
        part.rename(new)
    for line in account.tables:
        say(f"{line.table}: {line.rows} rows, now {line.now} in {line.went_to}")
    for fact in (*account.altered, *account.left_out):
        say(fact)
    return account


def _holds_conversations(old: Path, say: Say) -> bool:
    """Whether an old file is to be copied. One that is too damaged for it is told of."""
    if not old.exists() or not old.stat().st_size:
        return False
    try:
        with opened_to_read(old):
            return True
    except ForeignDatabaseError:
        return False
    except DamagedFileError as exc:
        _log.error("%s is not copied, and stays as it is: %s", old, exc)
        say(f"{old} is too damaged to be copied, and stays as it is; the log of Hermes says more.")
        return False


@contextmanager
def _alone(new: Path) -> Iterator[None]:
    """Hold a lock that ends with the process."""
    from sqlite3 import connect  # noqa: PLC0415 - seldom used

    lock = new.with_name(f"{new.name}.lock")
    with closing(connect(lock, timeout=_LONGEST_WAIT, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield
