"""How many statements a function that reads runs, so that a single one needs no transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

__all__ = ["runs"]

F = TypeVar("F", bound=Callable[..., Any])


def runs(statements: Literal["one", "mostly one"]) -> Callable[[F], F]:
    """Say of a function how many statements it runs: for `Backend.tried_alone`."""

    def said(function: F) -> F:
        vars(function)["statements"] = statements
        return function

    return said
