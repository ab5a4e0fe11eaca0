"""Opening a database for a repository: upgraded or as it is, read-only or with a shared writer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy import URL

from hermes_store import migrate
from hermes_store.database.address import shown
from hermes_store.database.backend import Backend
from hermes_store.database.choice import backend_of
from hermes_store.database.late_engine import LateEngine
from hermes_store.database.sqlite_kept import Kept
from hermes_store.errors import InvalidArgumentError, StoreReadOnlyError
from hermes_store.execution.readers import Readers
from hermes_store.execution.sharing import gate
from hermes_store.execution.writer import Writer
from hermes_store.search.choice import repair_of
from hermes_store.settings import Settings

__all__ = [
    "make_readers",
    "make_writer",
    "prepare",
    "refuse_other_settings",
    "renew",
    "require_writable",
    "why_read_only",
]

_SHARED = (
    "synchronous",
    "batch_size",
    "batch_wait_ms",
    "enable_batching",
    "queue_size",
    "write_pool_size",
    "busy_timeout",
    "journal_size_limit",
    "wal_autocheckpoint",
    "statement_timeout",
)
"""Settings of the writer: all repositories of a process on one database have the same."""


def make_writer(
    backend: Backend, url: URL, settings: Settings, renew: Callable[[], None]
) -> Writer:
    """The writer that all repositories of a process on a database share."""
    return Writer(
        LateEngine(partial(backend.write_engine, url, settings)),
        backend,
        settings,
        repair_of(backend),
        backend.after_commits(url, settings, gate),
        renew=renew,
    )


def make_readers(
    backend: Backend, url: URL, settings: Settings, renew: Callable[[], None], kept: Kept
) -> Readers:
    """The connections that read, for all repositories of a process with these settings.

    The first is the one in `kept`, which is taken out.
    """
    theirs = kept.pop_all()
    engine = LateEngine(partial(backend.read_engine, url, settings, theirs))
    return Readers(engine, backend, settings, renew, theirs)


def renew(url: URL, settings: Settings) -> None:
    """Prepare the database that lies at `url` now; never create one there.

    Raises `StoreUnavailableError` when there is none, and what opening raises.
    """
    prepare(backend_of(url), url, settings, was_there=True)


def prepare(
    backend: Backend,
    url: URL,
    settings: Settings,
    kept: Kept | None = None,
    *,
    was_there: bool = False,
) -> str | None:
    """Upgrade a database that can be written; require the newest revision of any other.

    `kept` gets the connection that looked at a file which is ready. Where a store `was_there`, none
    is made. Returns `why_read_only`.
    """
    why = why_read_only(backend, url, settings)
    patience = settings.lock_timeout
    if why is None:
        migrate.prepare(
            url, settings.auto_migrate, lock_timeout=patience, kept=kept, was_there=was_there
        )
    else:
        migrate.require_current(url, lock_timeout=patience, kept=kept, was_there=was_there)
    return why


def require_writable(backend: Backend, url: URL, settings: Settings) -> None:
    """Raise `StoreReadOnlyError` when a repository with these settings refuses writes."""
    why = why_read_only(backend, url, settings)
    if why is not None and settings.read_only:
        raise StoreReadOnlyError(why, "open it without read_only")
    if why is not None:
        raise StoreReadOnlyError(why)


def why_read_only(backend: Backend, url: URL, settings: Settings) -> str | None:
    """Why a repository with these settings refuses writes; None when it takes them."""
    if settings.read_only:
        return f"{shown(url)} was opened with read_only=True"
    return backend.why_read_only(url)


def refuse_other_settings(url: URL, ours: Settings, theirs: Settings) -> None:
    """Raise `InvalidArgumentError` when the shared writer has other settings than these."""
    for name in _SHARED if not ours.read_only else ():
        wanted, there = getattr(ours, name), getattr(theirs, name)
        if wanted != there:
            raise InvalidArgumentError(
                name,
                f"this process has {shown(url)} open with {there}, not {wanted}",
                "use one value for all repositories on it, or close the others first",
            )
