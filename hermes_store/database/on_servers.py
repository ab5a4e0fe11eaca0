"""A statement, or a part of one, that a server needs in other words than SQLite."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ClauseElement, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["either"]


class _Either(ColumnElement[Any]):
    inherit_cache = False  # a `Statement` is compiled once anyway

    def __init__(self, here: ClauseElement, on_servers: ClauseElement) -> None:
        self.here = here
        self.on_servers = on_servers


@compiles(_Either)
def _here(element: _Either, compiler: SQLCompiler, **keywords: Any) -> str:
    return compiler.process(element.here, **keywords)


@compiles(_Either, "postgresql")
def _on_servers(element: _Either, compiler: SQLCompiler, **keywords: Any) -> str:
    return compiler.process(element.on_servers, **keywords)


def either(here: ClauseElement, *, on_servers: ClauseElement) -> ColumnElement[Any]:
    """The one on SQLite, the other on a server."""
    return _Either(here, on_servers)
