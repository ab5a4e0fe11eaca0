"""Restore on a server: one transaction exchanges the rows, so another process sees all or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, delete, text

from hermes_store import migrate
from hermes_store.database.address import create_database, shown
from hermes_store.database.choice import backend_of
from hermes_store.database.connection import OpenConnection
from hermes_store.database.failures import retry_while_busy, typed_errors
from hermes_store.errors import BackupError
from hermes_store.execution.store import Store
from hermes_store.schema.change import Progress
from hermes_store.settings import make_settings
from hermes_store.transfer.copying import Copied, Copying
from hermes_store.transfer.target_rows import COPIED, count
from hermes_store.values import written

__all__ = ["exchange_rows"]


class _InOneTransaction:
    """A target of a copy whose writes are all committed together, by who began the transaction."""

    def __init__(self, connection: OpenConnection, url: URL) -> None:
        self._connection = connection
        self.url = url

    @contextmanager
    def reading(self) -> Iterator[OpenConnection]:
        yield self._connection

    def write(self, function: Callable[..., Any], *arguments: Any) -> Any:
        with typed_errors(self._connection.backend):
            return function(self._connection, *arguments)


def exchange_rows(
    new: Path, url: URL, keep: Callable[[], Path], *, replace: bool, report: Progress
) -> tuple[Copied, Path | None]:
    """Store what the file `new` holds in place of what a server's database holds.

    `keep` first writes a backup of what it holds. Returns what was stored, and the path of that
    backup or None when there was nothing to keep. Raises `BackupError` when there was and `replace`
    is False.
    """
    create_database(url)
    migrate.prepare(url, auto_migrate=True)
    with (
        closing(Store(new, make_settings(mmap_size=0))) as read,
        read.reading() as source,
        _writing(url) as connection,
    ):
        kept = _emptied(connection, url, keep, replace=replace)
        copying = Copying(source, _InOneTransaction(connection, url), report)
        copying.run(delete=False)
        return copying.verified(), kept


@contextmanager
def _writing(url: URL) -> Iterator[OpenConnection]:
    """A transaction that waits for the writers, and lets others only read until it ends."""
    backend = backend_of(url)
    engine = backend.write_engine(url, make_settings())
    with (
        typed_errors(backend),
        closing(OpenConnection(engine, backend, backend.begin_writing)) as connection,
    ):
        retry_while_busy(backend, lambda: _lock(connection), migrate.LOCK_TIMEOUT)
        yield connection
        connection.commit()


def _lock(connection: OpenConnection) -> None:
    """Take the locks of all tables; a writer that has some of them may wait for the others."""
    names = ", ".join(table.name for table in COPIED)
    connection.begin(for_caller=True)
    try:
        connection.core.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
    except connection.errors:
        connection.roll_back()
        raise


def _emptied(
    connection: OpenConnection, url: URL, keep: Callable[[], Path], *, replace: bool
) -> Path | None:
    """Delete all rows, after a backup of them; return its path, or None when there were none."""
    held = {table: count(connection, table) for table in COPIED}
    if not any(held.values()):
        return None
    if not replace:
        what = ", ".join(
            f"{written.count(number, 'row')} of {table.name}"
            for table, number in held.items()
            if number
        )
        raise BackupError(
            f"{shown(url)} holds {what}; nothing was changed",
            "replace them with replace=True (--replace), or give an empty database",
        )
    kept = keep()
    for table in reversed(COPIED):
        connection.core.execute(delete(table))
    return kept
