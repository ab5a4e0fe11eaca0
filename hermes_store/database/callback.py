"""A Python function that SQLite calls, and whose exceptions reach the caller unchanged."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

__all__ = ["Callback"]


class Callback:
    """Call `call` from SQLite, and run the statement that does so `with` this object.

    SQLite reports only that the function failed. So Ctrl-C inside would look like a bad statement.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._raised: BaseException | None = None

    def call(self, *arguments: Any) -> Any:
        """Call the function; keep what it raises."""
        try:
            return self._function(*arguments)
        except BaseException as exc:
            self._raised = exc
            raise

    def __enter__(self) -> None:
        self._raised = None

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None
    ) -> None:
        raised, self._raised = self._raised, None
        if isinstance(exc, Exception) and raised is not None:
            raise raised from exc
