"""Run the revisions: from the `alembic` command, and from `hermes_store.migrate`.

On SQLite a whole upgrade is one transaction that begins with the write lock: a crash or an error
leaves the old version, and two processes that upgrade the same file take turns.
"""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext
from logging.config import fileConfig
from pathlib import Path
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import URL, Connection

from hermes_store import migrate
from hermes_store.database.address import url_of
from hermes_store.errors import HermesStoreError
from hermes_store.models import Base
from hermes_store.schema import adopt, autogenerate, drafts
from hermes_store.schema import change as schema_change
from hermes_store.schema.names import OLD_VERSION_TABLE, VERSION_TABLE
from hermes_store.schema.revisions import clashes
from hermes_store.schema.state import State
from hermes_store.search import rebuild

config = context.config
log = logging.getLogger("alembic.env")

GIVEN = config.attributes.get("connection")
"""A connection or engine of the caller's: a test of the revisions, or an application."""


def named_database() -> str | URL | None:
    """What the caller names, `-x url=…` (a URL or a path), or HERMES_STORE_URL."""
    given = context.get_x_argument(as_dictionary=True).get("url")
    return config.attributes.get("url") or given or os.environ.get("HERMES_STORE_URL") or None


def configure(*, version_table: str = VERSION_TABLE, **keywords: Any) -> None:
    context.configure(
        target_metadata=Base.metadata,
        transactional_ddl=True,  # SQLite can, when the driver leaves BEGIN to us
        render_as_batch=False,  # it would drop triggers without a word
        on_version_apply=[report],
        process_revision_directives=draft,
        version_table=version_table,
        **autogenerate.autogenerate_options(Base.metadata),
        **keywords,
    )


def report(*, step: Any, **_: Any) -> None:
    progress = config.attributes.get("progress")
    if progress is not None:
        progress(f"revision {step.up_revision_id}", int(step.up_revision_id), int(migrate.HEAD))


def draft(migration_context: Any, revision: Any, directives: list[Any]) -> None:
    """Number a new revision, and let it hold only what is right on both databases."""
    options = config.cmd_opts
    if options is not None and not getattr(options, "rev_id", None):
        directives[0].rev_id = f"{int(migrate.HEAD) + 1:04d}"
    drafts.refuse_what_one_database_cannot(directives[0])
    also = config.attributes.get("process_revision_directives")  # pytest-alembic's
    if also is not None:
        also(migration_context, revision, directives)


def destination() -> str | None:
    """Where upgrade, downgrade or stamp go; None for the base."""
    return context.get_revision_argument()


def is_changing() -> bool:
    """Whether this is upgrade, downgrade or stamp: only they have a destination."""
    try:
        destination()
    except KeyError:
        return False
    return True


def write_script(url: URL) -> None:
    configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        context.run_migrations()


def look_at(connection: Connection, state: State) -> None:
    configure(connection=connection, version_table=state.version_table)
    context.run_migrations()


def look(url: URL) -> None:
    state = migrate.inspect(url)
    with schema_change.reading(url, state) as connection:
        look_at(connection, state)


def look_on(given: Any) -> None:
    with given.connect() if hasattr(given, "connect") else nullcontext(given) as connection:
        look_at(connection, schema_change.look(connection))


def require_numbers() -> None:
    """Refuse revisions that share a number: they are in no order."""
    for names in clashes(Path(context.script.dir)):
        raise CommandError(
            f"{' and '.join(names)} have one number: give the one that is not released the next "
            "number, in its name, revision and down_revision (docs/changing-the-schema.md)"
        )


def require_head() -> None:
    """Refuse revisions that are not the imported package's."""
    newest = context.script.get_current_head()
    if newest != migrate.HEAD:
        raise CommandError(
            f"the newest revision is {newest}, but the hermes_store that was imported knows up to "
            f"{migrate.HEAD}: run alembic with the package that these revisions belong to"
        )


def require_named(state: State) -> None:
    """Refuse to take the default database, which agents live on, down."""
    to = destination()
    is_down = to is None or "-" in to or (to.isdigit() and to < (state.revision or ""))
    if is_down and named_database() is None:
        raise CommandError(
            "going down loses what newer revisions hold, so the database has to be named: "
            "give -x url=PATH_OR_URL, or set HERMES_STORE_URL"
        )


def change_on(connection: Connection, state: State) -> None:
    """Run the revisions inside the one transaction of `connection`."""
    configure(connection=connection)
    migrations = context.get_context()
    if state.legacy is not None:
        log.info("Adopting a file of the original's schema %s", state.legacy)
        adopt.adopt(migrations, context.script, state.legacy)
    elif state.version_table == OLD_VERSION_TABLE:
        migrations.stamp(context.script, str(state.revision))
    if state.version_table == OLD_VERSION_TABLE:
        connection.exec_driver_sql(f"DROP TABLE {OLD_VERSION_TABLE}")
    context.run_migrations()
    reached = migrations.get_current_revision()
    if reached != state.revision:
        rebuild.interrupt(connection)
    adopt.follow_down(connection, reached)


def change(url: URL) -> None:
    require_named(migrate.inspect(url))
    patience = config.attributes.get("lock_timeout", migrate.LOCK_TIMEOUT)
    schema_change.change(url, change_on, lock_timeout=patience)
    if migrate.inspect(url, lock_timeout=patience).is_being_indexed:
        schema_change.fill_search_index(
            url,
            config.attributes.get("progress"),
            seconds=config.attributes.get("filling_seconds"),
            lock_timeout=patience,
        )


def change_given() -> None:
    """Old messages are indexed when the store is opened: only then is its transaction over."""
    patience = config.attributes.get("lock_timeout", migrate.LOCK_TIMEOUT)
    with schema_change.changing_on(GIVEN, lock_timeout=patience) as (connection, state):
        change_on(connection, state)


def run() -> None:
    require_numbers()
    if context.is_offline_mode():
        write_script(url_of(named_database()))
        return
    if is_changing():
        require_head()
    if GIVEN is not None:
        change_given() if is_changing() else look_on(GIVEN)
    elif is_changing():
        change(url_of(named_database()))
    else:
        look(url_of(named_database()))


if config.config_file_name is not None and GIVEN is None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)
try:
    run()
except HermesStoreError as exc:
    if config.cmd_opts is None:  # called by hermes_store.migrate
        raise
    raise CommandError(str(exc)) from exc
