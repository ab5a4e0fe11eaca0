"""Bring a database to the schema of this version: new, at an older revision, or the original's.

Alembic is imported only when there is something to do, so opening a database that is already at
head costs one look. `alembic upgrade head` on the command line takes the same way: the scripts'
`env.py` calls `changing` and `reading` of this module.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from hermes_store.engine import (
    Address,
    migration_engine,
    read_engine,
    retry_while_busy,
    sqlite_driver,
    translate_error,
    url_of,
)
from hermes_store.errors import (
    HermesStoreError,
    MigrationError,
    StoreReadOnlyError,
    UpgradeRequiredError,
)
from hermes_store.schema_state import HEAD, State, look, look_at_file
from hermes_store.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEAD", "Progress", "State", "current", "downgrade", "inspect", "prepare", "upgrade"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many of it are done, and how many there are."""

LOCK_TIMEOUT = 20.0
"""Seconds to wait for a database that another process is upgrading or writing."""

_ADVISORY_LOCK = 4_857_331_908  # any number, the same in every process

# Alembic keeps the running migration in module globals: one at a time in a process.
_one_at_a_time = threading.Lock()


def _after_fork() -> None:
    global _one_at_a_time  # noqa: PLW0603 - the thread that held it does not exist in the child
    _one_at_a_time = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def inspect(address: Address = None, *, lock_timeout: float = LOCK_TIMEOUT) -> State:
    """Say what schema a database has, and change nothing; a missing SQLite file is new.

    Raises `SchemaTooNewError`, `ForeignDatabaseError`, `DamagedFileError`, `StoreUnavailableError`
    or `StoreBusyError` (after `lock_timeout` seconds).
    """
    url = url_of(address)
    if url.get_backend_name() == "sqlite":
        return look_at_file(url, lock_timeout=lock_timeout)
    engine = migration_engine(url, lock_timeout)
    with _typed_errors("nothing was changed"), engine.connect() as connection:
        return look(connection)


def current(address: Address = None) -> str | None:
    """The revision a database is at; None before the first. Raises as `inspect`."""
    return inspect(address).revision


def prepare(
    address: Address = None,
    auto_migrate: bool | None = None,
    *,
    lock_timeout: float = LOCK_TIMEOUT,
) -> None:
    """Make a database ready to be opened: do nothing at head, else upgrade or refuse.

    `auto_migrate` None upgrades a SQLite file and refuses a server's database, which a deploy
    upgrades. Raises `UpgradeRequiredError` when it refuses, else as `upgrade`.
    """
    url = url_of(address)
    state = inspect(url, lock_timeout=lock_timeout)
    if state.is_current:
        return
    if auto_migrate is None:
        auto_migrate = url.get_backend_name() == "sqlite"
    if not auto_migrate:
        raise UpgradeRequiredError(str(state), HEAD)
    upgrade(url, lock_timeout=lock_timeout)


def upgrade(
    address: Address = None,
    revision: str = "head",
    *,
    progress: Progress | None = None,
    lock_timeout: float = LOCK_TIMEOUT,
) -> None:
    """Create the schema, adopt a legacy file, or move up to `revision`: all of it or nothing.

    Raises `MigrationError` when a step failed, `StoreBusyError` after `lock_timeout` seconds
    behind another process, and the errors of `inspect`. The database is then as it was.
    """
    _run("upgrade", url_of(address), revision, progress, lock_timeout)


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
    _run("downgrade", url_of(address), revision, progress, lock_timeout)


def _run(
    command_name: str, url: URL, revision: str, progress: Progress | None, lock_timeout: float
) -> None:
    inspect(url, lock_timeout=lock_timeout)  # refuse before anything is imported or created
    from alembic import command  # noqa: PLC0415 - only when there is something to do
    from alembic.util import CommandError  # noqa: PLC0415

    config = scripts_config()
    config.attributes.update(url=url, progress=progress, lock_timeout=lock_timeout)
    with _one_at_a_time:
        try:
            getattr(command, command_name)(config, revision)
        except (CommandError, NotImplementedError) as exc:
            raise MigrationError(f"cannot {command_name} to {revision}: {exc}") from exc


def scripts_config() -> Config:
    """Alembic's configuration with the revisions of this installation: a wheel or a checkout."""
    from alembic.config import Config  # noqa: PLC0415

    folder = Path(str(files("hermes_store"))) / "_migrations"
    if not folder.is_dir():
        folder = Path(__file__).resolve().parent.parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


# --- what env.py needs --------------------------------------------------------------------------


@contextmanager
def changing(url: URL, *, lock_timeout: float = LOCK_TIMEOUT) -> Iterator[tuple[Connection, State]]:
    """One transaction for everything that env.py does, and the state found inside it.

    The write lock comes first and the look second, so of two processes the later one finds the
    work done. Nothing is committed that breaks a reference which held before.
    """
    with _typed_errors("it was rolled back"), _locked(url, lock_timeout) as connection:
        state = look(connection)
        broken = _broken_references(connection) if not state.is_current else None
        yield connection, state
        if broken is not None and _broken_references(connection) - broken:
            raise MigrationError("the migration would leave rows that refer to nothing")
        # Readers of a file without a write-ahead log hold up the commit, not the transaction.
        retry_while_busy(connection.connection.commit, lock_timeout)
        connection.commit()


@contextmanager
def _locked(url: URL, lock_timeout: float) -> Iterator[Connection]:
    if url.get_backend_name() == "sqlite":
        create_private(Path(str(url.database)))
    connection = retry_while_busy(lambda: _begin(url, lock_timeout), lock_timeout)
    try:
        yield connection
    finally:
        connection.close()  # rolls back what was not committed


def _begin(url: URL, lock_timeout: float) -> Connection:
    connection = migration_engine(url, lock_timeout).connect()
    try:
        connection.begin()
        if url.get_backend_name() == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    except BaseException:
        connection.close()
        raise
    return connection


_creating = threading.Lock()


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read, unless there is one already."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Closing a descriptor drops this process's locks on the file: no other thread of ours
        # may get as far as SQLite before it is closed.
        with _creating:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as exc:
        raise StoreReadOnlyError(f"{path} cannot be created: {exc.strerror}") from exc


def _broken_references(connection: Connection) -> set[tuple[Any, ...]]:
    """Rows that refer to nothing; a server does not let them come about."""
    if connection.dialect.name != "sqlite":
        return set()
    return {tuple(row) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}


@contextmanager
def reading(url: URL) -> Iterator[Connection]:
    """A connection for commands that only look; to nothing until there is a revision."""
    state = inspect(url)
    engine = create_engine("sqlite://", poolclass=NullPool)
    if state.revision is not None:
        engine = read_engine(url, Settings())
    try:
        with _typed_errors("nothing was changed"), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _typed_errors(consequence: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite_driver().Error) as exc:
        known = translate_error(exc)
        if isinstance(known, HermesStoreError):
            raise known from exc
        raise MigrationError(f"{exc}; {consequence}") from exc
