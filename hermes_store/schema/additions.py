"""What revisions that add columns call. A change here changes what old revisions do: do not.

A person may have added a column of the same name. It is put aside with its values, under a name
that says so, and gets its name back on the way down.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from alembic import op
from sqlalchemy import Column, inspect

__all__ = ["add_columns", "drop_columns"]

log = logging.getLogger(__name__)


def add_columns(table: str, columns: Sequence[Column[Any]]) -> None:
    """Add new columns to `table`, after others of those names are out of their way."""
    present = _present(table)
    for column in columns:
        if column.name in present:
            aside = _aside(column.name)
            log.warning("%s.%s was there already; it is %s now", table, column.name, aside)
            op.alter_column(table, column.name, new_column_name=aside)
        op.add_column(table, column)


def drop_columns(table: str, names: Sequence[str]) -> None:
    """Take back `add_columns`."""
    present = _present(table)
    for name in names:
        op.drop_column(table, name)
        if _aside(name) in present:
            op.alter_column(table, _aside(name), new_column_name=name)


def _aside(name: str) -> str:
    return f"{name}_of_others"


def _present(table: str) -> set[str]:
    """The names of the columns that are there; none while statements are only written down."""
    if op.get_context().as_sql:
        return set()
    return {column["name"] for column in inspect(op.get_bind()).get_columns(table)}
