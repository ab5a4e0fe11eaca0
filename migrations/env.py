"""Run the revisions: from the `alembic` command, and from `hermes_store.migrate`.

On SQLite a whole upgrade is one transaction that begins with the write lock: a crash or an error
leaves the old version, and two processes that upgrade the same file take turns.
"""

from __future__ import annotations

import logging
import os
from logging.config import fileConfig
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import URL

from hermes_store import migrate
from hermes_store.database.address import url_of
from hermes_store.errors import HermesStoreError
from hermes_store.models import Base
from hermes_store.schema import adopt, autogenerate
from hermes_store.schema import change as schema_change

config = context.config
log = logging.getLogger("alembic.env")


def database_url() -> URL:
    """From the caller, `-x url=…` (a URL or a path), HERMES_STORE_URL, or the default file."""
    given = context.get_x_argument(as_dictionary=True).get("url")
    url = config.attributes.get("url") or given or os.environ.get("HERMES_STORE_URL")
    return url_of(url or None)


def configure(**keywords: Any) -> None:
    context.configure(
        target_metadata=Base.metadata,
        transactional_ddl=True,  # SQLite can, when the driver leaves BEGIN to us
        render_as_batch=False,  # it would drop triggers without a word
        on_version_apply=[report],
        process_revision_directives=number,
        **autogenerate.autogenerate_options(Base.metadata),
        **keywords,
    )


def report(*, step: Any, **_: Any) -> None:
    progress = config.attributes.get("progress")
    if progress is not None:
        progress(f"revision {step.up_revision_id}", int(step.up_revision_id), int(migrate.HEAD))


def number(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Name a new revision by the number that follows the head."""
    options = config.cmd_opts
    if options is not None and not getattr(options, "rev_id", None):
        directives[0].rev_id = f"{int(migrate.HEAD) + 1:04d}"


def is_changing() -> bool:
    """Whether this is upgrade, downgrade or stamp: only they have a destination."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


def write_script(url: URL) -> None:
    configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        context.run_migrations()


def look(url: URL) -> None:
    with schema_change.reading(url, migrate.inspect(url)) as connection:
        configure(connection=connection)
        context.run_migrations()


def require_head() -> None:
    """Refuse to write a revision that the package would take for a later version's."""
    newest = context.script.get_current_head()
    if newest != migrate.HEAD:
        raise CommandError(
            f"the newest revision is {newest}, but HEAD in hermes_store/schema/state.py says "
            f"{migrate.HEAD}: change it first"
        )


def change(url: URL) -> None:
    require_head()
    patience = config.attributes.get("lock_timeout", migrate.LOCK_TIMEOUT)
    with schema_change.changing(url, lock_timeout=patience) as (connection, state):
        configure(connection=connection)
        if state.legacy is not None:
            log.info("Adopting a file of the original's schema %s", state.legacy)
            adopt.adopt(context.get_context(), context.script, state.legacy)
        context.run_migrations()
        adopt.follow_down(connection, context.get_context().get_current_revision())
    if migrate.inspect(url, lock_timeout=patience).is_being_indexed:
        schema_change.fill_search_index(
            url,
            config.attributes.get("progress"),
            seconds=config.attributes.get("filling_seconds"),
            lock_timeout=patience,
        )


def run() -> None:
    url = database_url()
    if context.is_offline_mode():
        write_script(url)
    elif is_changing():
        change(url)
    else:
        look(url)


if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)
try:
    run()
except HermesStoreError as exc:
    if config.cmd_opts is None:  # called by hermes_store.migrate
        raise
    raise CommandError(str(exc)) from exc
