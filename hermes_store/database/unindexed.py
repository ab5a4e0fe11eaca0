"""A column whose index SQLite does not choose: it has no statistics, and PostgreSQL has."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["unindexed"]


class _Unindexed(ColumnElement[Any]):
    inherit_cache = False  # a `Statement` is compiled once anyway

    def __init__(self, column: Column[Any]) -> None:
        self.column = column
        self.type = column.type


@compiles(_Unindexed, "sqlite")
def _on_sqlite(element: _Unindexed, compiler: SQLCompiler, **keywords: Any) -> str:
    return f"+{compiler.process(element.column, **keywords)}"


@compiles(_Unindexed, "postgresql")
def _on_postgresql(element: _Unindexed, compiler: SQLCompiler, **keywords: Any) -> str:
    return compiler.process(element.column, **keywords)


def unindexed(column: Column[Any]) -> ColumnElement[Any]:
    """The column, for a condition of a statement that walks another index."""
    return _Unindexed(column)
