"""Let Alembic see what SQLAlchemy cannot: on SQLite triggers, views, search tables and indexes.

When one of them is missing, changed or left over, `alembic check` fails. `alembic revision
--autogenerate` then writes the statements that put it right. On PostgreSQL the functions, the
column, the trigger, the index and the view of search are compared.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority
from sqlalchemy import MetaData

from hermes_store.schema import drafts
from hermes_store.schema.compared_on_postgresql import compare_on_postgresql
from hermes_store.schema.compared_on_sqlite import compare_on_sqlite
from hermes_store.schema.compared_tables import (
    compare_indexes,
    pass_over_identity_key,
    pass_over_nullable_key,
)
from hermes_store.schema.revisions import tables_made
from hermes_store.search.postgresql_ddl import HEAD_DDL

__all__ = ["autogenerate_options"]


def autogenerate_options(metadata: MetaData) -> dict[str, Any]:
    """What `context.configure` needs so that no difference is missed and none made up."""
    for index in (index for table in metadata.tables.values() for index in table.indexes):
        if whose := index.info.get("condition"):
            condition = index.dialect_options["sqlite"]["where"]
            on_both = whose == "both databases'"
            index.dialect_options["postgresql"]["where"] = condition if on_both else None

    def include_name(name: str | None, type_: str, parents: Mapping[str, str | None]) -> bool:
        if type_ in {"column", "index"} and parents.get("table_name") == "messages":
            return name not in HEAD_DDL
        return type_ != "table" or name in metadata.tables or name in tables_made()

    return {
        "include_name": include_name,
        "compare_type": True,
        "compare_server_default": True,
        "render_item": drafts.render_item,
        "autogenerate_plugins": ["alembic.autogenerate.*", __name__],
    }


def setup(plugin: Plugin) -> None:
    """Register the comparators: one of our own, and three in place of Alembic's."""
    plugin.add_autogenerate_comparator(compare_on_sqlite, "schema", "raw_ddl", qualifier="sqlite")
    plugin.add_autogenerate_comparator(
        compare_on_postgresql, "schema", "raw_ddl", qualifier="postgresql"
    )
    for comparator, target, element, database in (
        (compare_indexes, "table", "indexes", "sqlite"),
        (pass_over_nullable_key, "column", "nullable", "sqlite"),
        (pass_over_identity_key, "column", "server_default", "postgresql"),
    ):
        plugin.add_autogenerate_comparator(
            comparator, target, element, qualifier=database, priority=DispatchPriority.FIRST
        )


# At import, once: env.py runs for every command, and a second registration raises.
Plugin.setup_plugin_from_module(sys.modules[__name__], __name__)
