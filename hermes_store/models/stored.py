"""The tables for statements of this package: each value as it is stored, JSON as text.

The columns are those of the models. Their types convert nothing, so a statement costs what its
driver costs, and the text that is stored can be copied as it is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, Table
from sqlalchemy.types import TypeDecorator, TypeEngine

from hermes_store import models

__all__ = ["TABLES", "messages", "sessions"]

_metadata = MetaData()


def _as_stored(mapped: Table) -> Table:
    table = mapped.to_metadata(_metadata)
    for column in table.columns:
        column.type = _plain(column.type)
        column.default = None
    return table


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


TABLES = tuple(map(_as_stored, models.Base.metadata.sorted_tables))
"""All tables of a store; each comes after those that it refers to."""

_by_name = {table.name: table for table in TABLES}
sessions = _by_name[models.sessions.name]
messages = _by_name[models.messages.name]
