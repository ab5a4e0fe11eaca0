"""Bring a database to the schema of this version: new, at an older revision, or the original's.

Opening a database that is at head costs one look, and an empty one gets the recorded schema.
Alembic is imported only to run revisions. `alembic upgrade head` on the command line runs them in
the same way: the scripts' `env.py` uses `schema/change.py`.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection

from hermes_store import values
from hermes_store.database.address import Address, shown, url_of
from hermes_store.database.choice import backend_of
from hermes_store.database.sqlite_kept import Kept
from hermes_store.errors import (
    MigrationError,
    SchemaError,
    StoreUnavailableError,
    UpgradeRequiredError,
)
from hermes_store.schema import snapshot
from hermes_store.schema.change import Progress, change, fill_search_index, keep_log
from hermes_store.schema.file_state import look_at_file
from hermes_store.schema.names import include_name
from hermes_store.schema.revisions import HEAD, REVISIONS, scripts_folder
from hermes_store.schema.server_state import look_at_server
from hermes_store.schema.state import State
from hermes_store.settings import make_settings

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = [
    "HEAD",
    "REVISIONS",
    "Progress",
    "State",
    "current",
    "downgrade",
    "include_name",
    "inspect",
    "prepare",
    "require_current",
    "upgrade",
]

LOCK_TIMEOUT = 20.0
"""Seconds to wait for a database that another process is upgrading or writing."""

_FILLING_SECONDS = 2.0
"""Seconds that opening at most waits for the search index of a database just upgraded."""

# Alembic keeps the running migration in module globals: one at a time in a process.
_one_at_a_time = threading.Lock()


def _after_fork() -> None:
    global _one_at_a_time  # noqa: PLW0603 - the thread that held it does not exist in the child
    _one_at_a_time = threading.Lock()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_after_fork)


def inspect(address: Address = None, *, lock_timeout: float = LOCK_TIMEOUT) -> State:
    """Say what schema a database has, and change nothing; a missing SQLite file is new.

    Raises `SchemaTooNewError`, `ForeignDatabaseError`, `DamagedFileError`, `StoreUnavailableError`
    or `StoreBusyError` (after `lock_timeout` seconds).
    """
    return _inspect(url_of(address), make_settings(lock_timeout=lock_timeout).lock_timeout)


def _inspect(
    url: URL, lock_timeout: float, kept: Kept | None = None, *, was_there: bool = False
) -> State:
    """Look once; a store that `was_there` and is not, raises `StoreUnavailableError`."""
    backend_of(url).require_one_name(url)
    try:
        if backend_of(url).is_server:
            state = look_at_server(url, lock_timeout=lock_timeout)
        else:
            state = look_at_file(url, lock_timeout=lock_timeout, kept=kept)
    except SchemaError as exc:
        exc.add_note(shown(url))
        raise
    if was_there and state.is_new:
        raise StoreUnavailableError(
            f"there is no store at {shown(url)} any more",
            "put a file back, or close this repository and open a new one",
        )
    return state


def current(address: Address = None) -> str | None:
    """The revision a database is at; None before the first. Raises as `inspect`."""
    return inspect(address).revision


def prepare(
    address: Address = None,
    auto_migrate: bool | None = None,
    *,
    lock_timeout: float = LOCK_TIMEOUT,
    kept: Kept | None = None,
    was_there: bool = False,
) -> None:
    """Make a database ready to be opened: do nothing at head, else upgrade or refuse.

    `auto_migrate` None upgrades a SQLite file and refuses a server's database, which a deploy
    upgrades. A search index that still lacks old messages is filled for two seconds at each
    opening. `kept` gets the connection that looked at a file which is ready. Where a store
    `was_there`, none is made: `StoreUnavailableError`. Raises `UpgradeRequiredError` when it
    refuses, else as `upgrade`.
    """
    url = url_of(address)
    state = _inspect(url, lock_timeout, kept, was_there=was_there)
    if auto_migrate is None:
        auto_migrate = not backend_of(url).is_server
    if not state.is_current:
        if not auto_migrate:
            raise UpgradeRequiredError(str(state), HEAD)
        _upgrade(state, url, "head", None, lock_timeout, filling_seconds=_FILLING_SECONDS)
        return
    if not state.is_in_wal:
        keep_log(url)
    if state.is_being_indexed and auto_migrate:
        fill_search_index(url, seconds=_FILLING_SECONDS, lock_timeout=lock_timeout)


def require_current(
    address: Address,
    *,
    lock_timeout: float = LOCK_TIMEOUT,
    kept: Kept | None = None,
    was_there: bool = False,
) -> None:
    """Raise `UpgradeRequiredError` unless a database can be read as it is; change nothing.

    `kept` gets the connection that looked at a file which is ready. Where a store `was_there` and
    is not, raises `StoreUnavailableError`, else as `inspect`.
    """
    url = url_of(address)
    state = _inspect(url, lock_timeout, kept, was_there=was_there)
    if not state.is_current:
        error = UpgradeRequiredError(str(state), HEAD)
        error.add_note(backend_of(url).why_read_only(url) or shown(url))
        raise error


def upgrade(
    address: Address = None,
    revision: str = "head",
    *,
    progress: Progress | None = None,
    lock_timeout: float = LOCK_TIMEOUT,
) -> None:
    """Create the schema, adopt a legacy file, or move up to `revision`: all of it or nothing.

    Then fills the search index, in short transactions; when that is interrupted, the next call or
    opening goes on. Raises `MigrationError` when a step failed, `StoreBusyError` after
    `lock_timeout` seconds behind another process, and the errors of `inspect`. The database is
    then as it was.
    """
    url, to = url_of(address), values.text("revision", revision)
    _upgrade(inspect(url, lock_timeout=lock_timeout), url, to, progress, lock_timeout)


def downgrade(
    address: Address,
    revision: str,
    *,
    progress: Progress | None = None,
    lock_timeout: float = LOCK_TIMEOUT,
) -> None:
    """Go down to `revision`, in one transaction; what only newer revisions hold is lost.

    Raises as `upgrade`.
    """
    url, to = url_of(address), values.text("revision", revision)
    inspect(url, lock_timeout=lock_timeout)  # refuse before anything is imported
    _run("downgrade", url, to, progress, lock_timeout)


def _upgrade(
    state: State,
    url: URL,
    revision: str,
    progress: Progress | None,
    lock_timeout: float,
    *,
    filling_seconds: float | None = None,
) -> None:
    to_head = revision in {"head", "heads", HEAD}
    if to_head and state.is_empty and _make_new(url, progress, lock_timeout):
        return
    _run("upgrade", url, revision, progress, lock_timeout, filling_seconds=filling_seconds)


def _make_new(url: URL, progress: Progress | None, lock_timeout: float) -> bool:
    """Give an empty database the recorded schema; False when the revisions have to do it."""

    def replay(connection: Connection, state: State) -> bool:
        return state.is_empty and snapshot.replay(connection, backend_of(url))

    made = change(url, replay, lock_timeout=lock_timeout)
    if made and progress is not None:
        progress(f"revision {HEAD}", len(REVISIONS), len(REVISIONS))
    return made


def _run(
    command_name: str,
    url: URL,
    revision: str,
    progress: Progress | None,
    lock_timeout: float,
    *,
    filling_seconds: float | None = None,
) -> None:
    from alembic import command  # noqa: PLC0415 - only when there is something to do
    from alembic.util import CommandError  # noqa: PLC0415 - importing Alembic takes longer than opening a file

    config = scripts_config()
    config.attributes.update(
        url=url, progress=progress, lock_timeout=lock_timeout, filling_seconds=filling_seconds
    )
    with _one_at_a_time:
        try:
            getattr(command, command_name)(config, revision)
        except (CommandError, NotImplementedError) as exc:
            raise MigrationError(f"cannot {command_name} to {revision}: {exc}") from exc


def scripts_config() -> Config:
    """Alembic's configuration with the revisions of this installation: a wheel or a checkout."""
    from alembic.config import Config  # noqa: PLC0415 - importing Alembic takes longer than opening a file

    config = Config()
    config.set_main_option("script_location", str(scripts_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
