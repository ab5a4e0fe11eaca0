"""Open the store that a command was told of: to read it as it is, or to change it."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path

import click

from hermes_store import SessionRepository, migrate
from hermes_store.cli import output
from hermes_store.cli.errors import NotFoundError
from hermes_store.cli.options import Options
from hermes_store.cli.text import hide_passwords
from hermes_store.database.address import shown, url_of
from hermes_store.database.choice import backend_of

__all__ = [
    "call",
    "open_to_change",
    "open_to_check",
    "open_to_read",
    "refuse_read_only",
    "require_current",
    "require_database",
    "require_store",
    "where",
]

# Ctrl-C inside SQLAlchemy makes it log what it could not close: a traceback, where nobody listens.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())


def where(options: Options) -> str:
    """Return the database's address without a password, as messages name it."""
    return hide_passwords(shown(url_of(options.db)))


def call(options: Options, command: str) -> str:
    """Return the call of another command for the same database, as a person types it."""
    place = "" if options.db is None else f"--db {hide_passwords(shlex.quote(options.db))} "
    return f"'hermes-store {place}{command}'"


def require_database(options: Options) -> None:
    """Refuse a SQLite file that does not exist: only init, upgrade and import create one."""
    url = url_of(options.db)
    if backend_of(url).is_server:
        return
    try:
        Path(str(url.database)).stat()
    except FileNotFoundError:
        raise NotFoundError(
            f"no database at {url.database}; name another{'' if options.db else ' with --db'}, "
            f"or create it with {call(options, 'init')}"
        ) from None
    except OSError:
        return  # SQLite says what is wrong when it opens the file


def require_store(options: Options) -> migrate.State:
    """Refuse a database that is missing or empty; return at which schema it is."""
    require_database(options)
    state = migrate.inspect(options.db)
    if state.is_new:
        raise _nothing_there(options, state)
    return state


def require_current(options: Options) -> None:
    """Refuse a database that is missing, empty, or at an older schema. Changes nothing."""
    state = require_store(options)
    if not state.is_current:
        raise click.ClickException(
            f"{where(options)} is at {state}, revision {migrate.HEAD} is needed; nothing was "
            f"changed: to be safe make a backup, then run {call(options, 'upgrade')}"
        )


def _nothing_there(options: Options, state: migrate.State) -> NotFoundError:
    if state.is_empty:
        return NotFoundError(
            f"there is no store in {where(options)} yet; {call(options, 'init')} creates it"
        )
    return NotFoundError(
        f"{where(options)} holds tables of other programs and no store; name another file with "
        f"--db, or make a store beside them with {call(options, 'init')}"
    )


def open_to_read(options: Options) -> SessionRepository:
    """Open a database at the newest schema; change nothing, whatever is found."""
    require_current(options)
    return SessionRepository(options.db, read_only=True)


def open_to_check(options: Options) -> SessionRepository:
    """Open a database at the newest schema to compare its index, for which writers must wait."""
    if options.read_only:
        return open_to_read(options)
    require_current(options)
    return SessionRepository(options.db, auto_migrate=False)


def refuse_read_only(options: Options) -> None:
    """Refuse a command that cannot but change a database, when nothing may be changed."""
    if options.read_only:
        raise click.UsageError("the command changes a database: leave --read-only out")


def open_to_change(options: Options, *, create: bool = False) -> SessionRepository:
    """Open a database; an older SQLite file is upgraded, as in any program that writes to it."""
    if options.read_only:
        return open_to_read(options)
    if not create:
        require_database(options)
    url = url_of(options.db)
    state = migrate.inspect(url)
    if not backend_of(url).is_server and not state.is_current:
        if state.is_new and not create:
            raise _nothing_there(options, state)
        if not state.is_new:
            output.note(f"{where(options)} is at {state}: upgrading it to {migrate.HEAD}")
        with output.progress_bar("upgrading") as report:
            migrate.upgrade(url, progress=report)
    return SessionRepository(options.db)
