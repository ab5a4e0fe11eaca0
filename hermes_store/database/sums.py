"""Sums of whole numbers, which answer however great the numbers are that other tools stored."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import BigInteger, ClauseElement, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import replacement_traverse

from hermes_store.database.connection import OpenConnection
from hermes_store.database.sqlite_errors import is_overflow
from hermes_store.database.statements import Statement

__all__ = ["SumStatement", "sum_of_halves", "whole_sum"]


class whole_sum(FunctionElement[int]):  # noqa: N801 - a function of SQL
    """The sum of whole numbers: a whole number from -2^63 to 2^63 - 1, the nearest of these."""

    inherit_cache = False  # a `Statement` is compiled once anyway
    type = BigInteger()


class _SumOfHalves(FunctionElement[int]):
    """The same where SQLite's sum would pass 2^63 on its way."""

    inherit_cache = False
    type = BigInteger()


@compiles(whole_sum)
def _in_a_file(element: whole_sum, compiler: SQLCompiler, **keywords: Any) -> str:
    return f"CAST(sum({compiler.process(element.clauses, **keywords)}) AS BIGINT)"


@compiles(whole_sum, "postgresql")
def _on_a_server(element: whole_sum, compiler: SQLCompiler, **keywords: Any) -> str:
    total = f"sum({compiler.process(element.clauses, **keywords)})"  # a numeric
    return f"CAST(least(greatest({total}, {-(2**63)}), {2**63 - 1}) AS BIGINT)"


@compiles(_SumOfHalves)
def _by_halves(element: _SumOfHalves, compiler: SQLCompiler, **keywords: Any) -> str:
    return sum_of_halves(compiler.process(element.clauses, **keywords))


def sum_of_halves(number: str) -> str:
    """The sum in SQLite's words, which never overflows. It takes a third more time."""
    total = f"sum({number} >> 32) * {2**32} + sum({number} & {2**32 - 1})"
    return f"CAST({total} AS BIGINT)"  # of a product that is too great SQLite makes a REAL


class SumStatement(Statement):
    """A SELECT with `whole_sum`."""

    def __init__(self, core: ClauseElement) -> None:
        super().__init__(core)
        self._by_halves = Statement(cast("ClauseElement", replacement_traverse(core, {}, _halved)))

    def rows(self, connection: OpenConnection, /, **parameters: Any) -> Any:
        """Run it with `parameters`; return all rows."""
        try:
            return self.run(connection, **parameters).fetchall()
        except connection.errors as exc:
            if not is_overflow(exc):
                raise
        return self._by_halves.run(connection, **parameters).fetchall()


def _halved(element: Any, **_: Any) -> ColumnElement[int] | None:
    return _SumOfHalves(*element.clauses) if isinstance(element, whole_sum) else None
