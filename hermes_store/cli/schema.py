"""`init`, `upgrade` and `current`: the database and its schema's revision."""

from __future__ import annotations

import click

from hermes_store import migrate
from hermes_store.cli import output
from hermes_store.cli.opening import call, refuse_read_only, require_database, where
from hermes_store.cli.options import Options
from hermes_store.cli.text import one_line
from hermes_store.database.address import create_database, url_of
from hermes_store.database.choice import backend_of
from hermes_store.search.triggers import described

__all__ = ["current_command", "init_command", "upgrade_command"]


@click.command("init")
@click.pass_obj
def init_command(options: Options) -> None:
    """Create the database when it is missing, a PostgreSQL server's too, and its schema.

    An older schema is upgraded; at the newest there is nothing to do. --json prints an object with
    database, created (whether there was none), before and revision.
    """
    refuse_read_only(options)
    url = url_of(options.db)
    created = create_database(url)
    before, after = _upgraded(options)
    if not backend_of(url).is_server:
        created = before.is_new
    if options.as_json:
        output.print_json({**_described(options, before, after), "created": created})
    else:
        click.echo(one_line(_in_words(options, before, after)))


@click.command("upgrade")
@click.pass_obj
def upgrade_command(options: Options) -> None:
    """Create the schema, adopt a file of the original store, or bring it to the newest revision.

    All of it happens or nothing. Does the same as 'alembic upgrade head'. --json prints an object
    with database, before and revision.
    """
    before, after = _upgraded(options)
    if options.as_json:
        output.print_json(_described(options, before, after))
    else:
        click.echo(one_line(_in_words(options, before, after)))


def _upgraded(options: Options) -> tuple[migrate.State, migrate.State]:
    """Upgrade if need be; the state before and after."""
    refuse_read_only(options)
    options.kept = lambda: "the schema is as it was, or new; run 'hermes-store upgrade' again"
    before = migrate.inspect(options.db)
    if not before.needs_upgrade:
        return before, before
    with output.progress_bar("upgrading") as report:
        migrate.upgrade(options.db, progress=report)
    return before, migrate.inspect(options.db)


def _described(
    options: Options, before: migrate.State, after: migrate.State
) -> dict[str, str | bool | None]:
    return {"database": where(options), "before": str(before), "revision": after.revision}


def _in_words(options: Options, before: migrate.State, after: migrate.State) -> str:
    if not before.needs_upgrade:
        return f"{where(options)} is at {after}, the newest revision: nothing to do"
    what = "created" if before.is_new else f"upgraded from {before}"
    return f"{where(options)} {what}, now at {after}"


@click.command("current")
@click.pass_obj
def current_command(options: Options) -> int:
    """Print the schema's revision and change nothing.

    Exit code 0 when it is the newest, 1 when 'hermes-store upgrade' has something to do. --json
    prints an object: database, revision, legacy_version, head, is_current and foreign_triggers.
    """
    require_database(options)
    state = migrate.inspect(options.db)
    if options.as_json:
        output.print_json(
            {
                "database": where(options),
                "revision": state.revision,
                "legacy_version": state.legacy,
                "head": migrate.HEAD,
                "is_current": state.is_current,
                "foreign_triggers": [name for name, _ in state.foreign_triggers],
            }
        )
    else:
        for trigger in state.foreign_triggers:
            output.note(described(trigger))
        remedy = f": {call(options, 'upgrade')} brings it to {migrate.HEAD}"
        click.echo(one_line(f"{where(options)} is at {state}{'' if state.is_current else remedy}"))
    return 0 if state.is_current else 1
