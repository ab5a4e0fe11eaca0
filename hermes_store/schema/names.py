"""Which objects of a database are the store's: the rest belongs to other programs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hermes_store.schema.revisions import objects_made, tables_made

__all__ = ["OLD_VERSION_TABLE", "VERSION_TABLE", "include_name", "is_ours", "is_raw"]

VERSION_TABLE = "hermes_store_version"
"""Holds the revision. A name of its own lets an application have an `alembic_version` beside it."""

OLD_VERSION_TABLE = "alembic_version"
"""Where the revision stood first. Read where the other is missing; the next upgrade moves it."""

_SEARCH = re.compile(r"(messages_(fts|search|text)|search_index|hermes_search)(_|$)")


def is_ours(name: str) -> bool:
    """Whether the store made an object of this name, or could have: its search keeps tables."""
    return name in tables_made() | {VERSION_TABLE} or is_raw(name)


def is_raw(name: str) -> bool:
    """Whether the store makes an object of this name by raw DDL, which no model describes."""
    return name in objects_made() or bool(_SEARCH.match(name))


def include_name(name: str | None, type_: str, parent_names: Mapping[str, str | None]) -> bool:
    """Leave the store's tables out of another application's autogenerate.

    For `context.configure(include_name=…)` in the application's own `env.py`. Returns False for
    what the store made, True for everything else.
    """
    if type_ == "table":
        return not is_ours(name or "")
    table = parent_names.get("table_name")
    return table is None or not is_ours(table)
