"""The clock that decides: the server's, or that of the machine that has the file."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

__all__ = ["Clock"]


class Clock(FunctionElement[float]):
    """The time at which a statement reads it, in Unix epoch seconds.

    A server has one clock for all hosts, and goes on reading it while a statement waits for a lock.
    For a file it is the parameter `now`, which every statement with a `Clock` is given.
    """

    type = Double()
    inherit_cache = True
    name = "clock"


@compiles(Clock)
def _of_the_server(_clock: Clock, _compiler: SQLCompiler, **_: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS double precision)"


@compiles(Clock, "sqlite")
def _of_the_machine(_clock: Clock, compiler: SQLCompiler, **keywords: Any) -> str:
    return compiler.process(bindparam("now", type_=Double()), **keywords)
