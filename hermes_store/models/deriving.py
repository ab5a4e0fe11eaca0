"""What the stored tables are, derived from the models: for `make schema`, and beside the models."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from hermes_store.models.mapped import Base
from hermes_store.models.types import ID, NUMBER, WHOLE, Content, Json

__all__ = ["column_lines", "tables"]


def tables() -> tuple[Table, ...]:
    """The tables with what each value is stored as; each comes after those that it refers to."""
    metadata = MetaData()
    return tuple(_converted(table, metadata) for table in Base.metadata.sorted_tables)


def column_lines() -> dict[str, str]:
    """Each table as `hermes_store/models/recorded.py` has it: a column a line."""
    return {
        table.name: "\n".join(" ".join(_words(column)) for column in table.columns)
        for table in tables()
    }


def _converted(mapped: Table, metadata: MetaData) -> Table:
    table = mapped.to_metadata(metadata)
    for column in table.columns:
        column.info["kind"] = "flag" if "flag" in column.info else _kind(column.type)
        column.type = _plain(column.type)
        column.default = None
    return table


def _kind(of: TypeEngine[Any]) -> str:
    if isinstance(of, (Json, Content)):
        return "json" if isinstance(of, Json) else "content"
    if isinstance(of, (Integer, Float)):
        return "whole" if isinstance(of, Integer) else "number"
    return "text" if isinstance(_plain(of), String) else "other"


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _words(column: Column[Any]) -> list[str]:
    """The name, what it is stored as, what it is to callers, and what else is so."""
    facts = {
        "key": column.primary_key,
        "null": column.nullable,
        "hidden": column.info.get("hidden", False),
    }
    return [
        column.name,
        _stored_as(column),
        column.info["kind"],
        *(word for word in facts if facts[word]),
    ]


def _stored_as(column: Column[Any]) -> str:
    types = {id(ID): "id", id(WHOLE): "whole", id(NUMBER): "number"}
    known = types.get(id(column.type), "text" if isinstance(column.type, Text) else None)
    if known is None:
        raise TypeError(f"{column}: no statement knows its type; use one of models/types.py")
    return known
