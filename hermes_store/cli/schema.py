"""`upgrade` and `current`: the schema's revision."""

from __future__ import annotations

import click

from hermes_store import migrate
from hermes_store.cli import output
from hermes_store.cli.opening import require_database, where
from hermes_store.cli.options import Options

__all__ = ["current_command", "upgrade_command"]


@click.command("upgrade")
@click.pass_obj
def upgrade_command(options: Options) -> None:
    """Create the database, adopt a file of the original store, or bring it to the newest schema.

    All of it happens or nothing. Does the same as 'alembic upgrade head'. --json prints an object
    with database, before and revision.
    """
    before = migrate.inspect(options.db)
    if not before.is_current:
        with output.progress_bar("upgrading") as report:
            migrate.upgrade(options.db, progress=report)
    after = migrate.inspect(options.db)
    if options.as_json:
        output.print_json(
            {"database": where(options), "before": str(before), "revision": after.revision}
        )
    elif before.is_current:
        click.echo(f"{where(options)} is at {after}, the newest revision")
    else:
        what = "created" if before.is_new else f"upgraded from {before}"
        click.echo(f"{where(options)} {what}, now at {after}")


@click.command("current")
@click.pass_obj
def current_command(options: Options) -> int:
    """Print the schema's revision and change nothing.

    Exit code 0 when it is the newest, 1 when 'hermes-store upgrade' has something to do. --json
    prints an object with database, revision, head and is_current.
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
            }
        )
    else:
        remedy = "" if state.is_current else f": 'hermes-store upgrade' brings it to {migrate.HEAD}"
        click.echo(f"{where(options)} is at {state}{remedy}")
    return 0 if state.is_current else 1
