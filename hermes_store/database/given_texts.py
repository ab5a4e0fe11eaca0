"""Texts that a statement gets in one parameter, however many they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["as_parameter", "is_given"]


class _GivenTexts(ColumnElement[str]):
    """A SELECT of the texts that a parameter holds as JSON."""

    inherit_cache = False  # a `Statement` is compiled once anyway

    def __init__(self, given: BindParameter[str]) -> None:
        self.given = given


@compiles(_GivenTexts, "sqlite")
def _on_sqlite(element: _GivenTexts, compiler: SQLCompiler, **keywords: Any) -> str:
    given = compiler.process(element.given, **keywords)
    return f"(SELECT value FROM json_each({given}))"  # noqa: S608 - the name of a parameter


@compiles(_GivenTexts, "postgresql")
def _on_postgresql(element: _GivenTexts, compiler: SQLCompiler, **keywords: Any) -> str:
    given = compiler.process(element.given, **keywords)
    return f"(SELECT json_array_elements_text(CAST({given} AS json)))"


def is_given(column: ColumnElement[str], parameter: str) -> ColumnElement[bool]:
    """Whether `column` is one of the texts that `as_parameter` made this parameter of."""
    return column.bool_op("IN")(_GivenTexts(bindparam(parameter, type_=Text)))


def as_parameter(texts: Sequence[str]) -> str:
    """The parameter that holds these texts.

    What is no text is left out: other programs stored ids as bytes, which no caller can ask for.
    """
    return json.dumps([each for each in texts if isinstance(each, str)])
