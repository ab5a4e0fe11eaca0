"""Open the store that a command was told of, and find the session it names."""

from __future__ import annotations

from pathlib import Path

import click

from hermes_store import SessionRepository, migrate
from hermes_store.cli import output
from hermes_store.cli.options import Options
from hermes_store.database.address import shown, url_of
from hermes_store.database.choice import backend_of

__all__ = [
    "NotFoundError",
    "find_session",
    "open_store",
    "open_to_read",
    "require_database",
    "where",
]


class NotFoundError(click.ClickException):
    """What the command names does not exist."""

    exit_code = 3


def where(options: Options) -> str:
    """The database's address without a password, as messages name it."""
    return shown(url_of(options.db))


def require_database(options: Options) -> None:
    """Refuse a SQLite file that does not exist: only init, upgrade and import create one."""
    url = url_of(options.db)
    if backend_of(url).is_server:
        return
    try:
        Path(str(url.database)).stat()
    except FileNotFoundError:
        raise NotFoundError(
            f"no database at {url.database}; name another with --db, or create it with "
            "'hermes-store init'"
        ) from None
    except OSError:
        return  # whoever opens it says what is wrong


def open_to_read(options: Options) -> SessionRepository:
    """Open the database and change nothing: one with an older schema is refused."""
    _require_store(options)
    return SessionRepository(options.db, read_only=True)


def open_store(
    options: Options, *, create: bool = False, upgrade: bool = True
) -> SessionRepository:
    """Open the database; an older SQLite file is upgraded, as in any program that opens it.

    Without `upgrade` an older schema is refused.
    """
    if options.read_only:
        return open_to_read(options)
    url = url_of(options.db)
    state = migrate.inspect(url) if create else _require_store(options)
    if not upgrade:
        migrate.require_current(url)
    elif not backend_of(url).is_server and not state.is_current:
        if not (create and state.is_new):
            output.note(f"{where(options)} is at {state}: upgrading it to {migrate.HEAD}")
        with output.progress_bar("upgrading") as report:
            migrate.upgrade(url, progress=report)
    return SessionRepository(options.db)


def _require_store(options: Options) -> migrate.State:
    """What the database holds. Refuses a SQLite file that holds only another program's tables."""
    require_database(options)
    url = url_of(options.db)
    state = migrate.inspect(url)
    if not backend_of(url).is_server and state.is_new and not state.is_empty:
        raise NotFoundError(
            f"{where(options)} holds tables of other programs and no store; name another file "
            "with --db, or make a store beside them with 'hermes-store init'"
        )
    return state


def find_session(repo: SessionRepository, name: str) -> str:
    """The id of the session that `name` means: its id, a unique prefix of it, or its title."""
    found = repo.resolve_session_id(name) or repo.resolve_session_by_title(name)
    if found is None:
        raise NotFoundError(
            f"no session has the id or title {name!r}, and no single id begins so; "
            "'hermes-store list' prints them"
        )
    return found
