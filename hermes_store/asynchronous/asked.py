"""What a method writes, taken down: the loop hands it to the writer with the writes of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

from hermes_store.api.operations import Operations
from hermes_store.database.connection import OpenConnection
from hermes_store.execution.turns import Operation

__all__ = ["PENDING", "Asked"]

P = ParamSpec("P")
R = TypeVar("R")

PENDING: Any = object()
"""Stands for the result of an operation that was not run yet."""


class Asked(Operations):
    """The methods of a repository. They check their arguments, and take the operation down.

    For methods that write once and do nothing with the result but return it.
    """

    def __init__(self) -> None:
        self._operation: Operation[Any] | None = None

    def take_down(self, ask: Callable[[Operations], R]) -> tuple[R, Operation[Any] | None]:
        """Return what a method returned, and the operation that it asks for.

        What the method returned is `PENDING` when it returns the result of the operation. Raises
        what the method raises for its arguments.
        """
        self._operation = None
        return ask(self), self._operation

    def _write(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        self._operation = Operation(function, args, kwargs)
        return PENDING  # type: ignore[no-any-return]  # the result comes later

    def _read(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a method that reads runs in a thread")
