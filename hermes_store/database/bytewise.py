"""A parameter that texts are compared with byte by byte, whatever the collation of their column."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["bytewise"]


class _Bytewise(ColumnElement[str]):
    """The parameter, with the collation that PostgreSQL has for it; SQLite compares so anyway."""

    inherit_cache = False  # a `Statement` is compiled once anyway
    type = Text()

    def __init__(self, given: BindParameter[str]) -> None:
        self.given = given


@compiles(_Bytewise, "sqlite")
def _on_sqlite(element: _Bytewise, compiler: SQLCompiler, **keywords: Any) -> str:
    return compiler.process(element.given, **keywords)


@compiles(_Bytewise, "postgresql")
def _on_postgresql(element: _Bytewise, compiler: SQLCompiler, **keywords: Any) -> str:
    return f'CAST({compiler.process(element.given, **keywords)} AS TEXT) COLLATE "C"'


def bytewise(parameter: str) -> ColumnElement[str]:
    """A text parameter of this name."""
    return _Bytewise(bindparam(parameter, type_=Text))
