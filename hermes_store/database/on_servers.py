"""A statement, or a part of one, that a server needs in other words than SQLite."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    Column,
    ColumnElement,
    Text,
    UnaryExpression,
    bindparam,
    cast,
    collate,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import NULLTYPE

__all__ = ["bytewise", "either", "unindexed"]


class _Either(ColumnElement[Any]):
    inherit_cache = False  # a `Statement` is compiled once anyway

    def __init__(self, here: ClauseElement, on_servers: ClauseElement) -> None:
        self.here = here
        self.on_servers = on_servers
        self.type = getattr(here, "type", NULLTYPE)


@compiles(_Either)
def _here(element: _Either, compiler: SQLCompiler, **keywords: Any) -> str:
    return compiler.process(element.here, **keywords)


@compiles(_Either, "postgresql")
def _on_servers(element: _Either, compiler: SQLCompiler, **keywords: Any) -> str:
    return compiler.process(element.on_servers, **keywords)


def either(here: ClauseElement, *, on_servers: ClauseElement) -> ColumnElement[Any]:
    """The one on SQLite, the other on a server."""
    return _Either(here, on_servers)


def bytewise(parameter: str) -> ColumnElement[str]:
    """A text that others are compared with byte by byte, whatever the collation of their column.

    The parameter has this name. SQLite compares so anyway.
    """
    given: BindParameter[str] = bindparam(parameter, type_=Text)
    return either(given, on_servers=collate(cast(given, Text), "C"))


def unindexed(column: Column[Any]) -> ColumnElement[Any]:
    """A column whose index SQLite does not choose: it has no statistics, and PostgreSQL has."""
    with_sign = UnaryExpression(column, operator=custom_op("+"), type_=column.type)
    return either(with_sign, on_servers=column)
