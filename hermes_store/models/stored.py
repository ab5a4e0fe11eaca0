"""The tables for statements of this package: each value as it is stored, JSON as text.

The columns are those of the models. Their types convert nothing, so a statement costs what its
driver costs, and the text that is stored can be copied as it is. This is the one list of columns:
keywords, checks, records, export, import and copy follow from it.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Float, Integer, MetaData, String, Table
from sqlalchemy.types import TypeDecorator, TypeEngine

from hermes_store import models
from hermes_store.models.types import Content, Json

__all__ = ["TABLES", "Kind", "kinds", "messages", "names", "sessions"]

Kind = Literal["text", "json", "content", "whole", "flag", "number", "other"]
"""What a value of a column is to callers; it says how the value is checked and decoded."""

_metadata = MetaData()


def _as_stored(mapped: Table) -> Table:
    table = mapped.to_metadata(_metadata)
    for column in table.columns:
        column.info["kind"] = "flag" if "flag" in column.info else _kind(column.type)
        column.type = _plain(column.type)
        column.default = None
    return table


def _kind(of: TypeEngine[Any]) -> Kind:
    if isinstance(of, (Json, Content)):
        return "json" if isinstance(of, Json) else "content"
    if isinstance(of, (Integer, Float)):
        return "whole" if isinstance(of, Integer) else "number"
    return "text" if isinstance(_plain(of), String) else "other"


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def kinds(table: Table) -> dict[str, Kind]:
    """Return the kind of each column that callers see; `info` of the others says "hidden"."""
    return {c.name: c.info["kind"] for c in table.columns if not c.info.get("hidden")}


def names(table: Table, *of: Kind) -> tuple[str, ...]:
    """Return the names of the columns that callers see, or of those of some kinds."""
    return tuple(name for name, kind in kinds(table).items() if not of or kind in of)


TABLES = tuple(map(_as_stored, models.Base.metadata.sorted_tables))
"""All tables of a store; each comes after those that it refers to."""

_by_name = {table.name: table for table in TABLES}
sessions = _by_name[models.sessions.name]
messages = _by_name[models.messages.name]
