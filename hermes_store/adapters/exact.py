"""Values that come back exactly: JSON that the store would alter or refuse is kept as JSON text."""

from __future__ import annotations

import json
from typing import Any

from hermes_store.errors import InvalidArgumentError

__all__ = ["NotJsonError", "is_strict", "text_to_keep"]

_NUL = "\\u0000"


class NotJsonError(InvalidArgumentError, TypeError):
    """A value cannot be written as JSON; nothing was stored."""

    def __init__(self, argument: str, problem: object) -> None:
        remedy = "give what JSON can hold; of an SDK's object, its model_dump()"
        super().__init__(argument, f"cannot be written as JSON ({problem})", remedy)


def text_to_keep(argument: str, value: Any) -> str | None:
    """JSON text of a value with NUL, lone surrogates or NaN; None for one that the store keeps.

    Raises `NotJsonError`.
    """
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()
    except (TypeError, RecursionError) as exc:
        raise NotJsonError(argument, exc) from exc
    except ValueError:
        pass
    else:
        return json.dumps(value) if _NUL in written else None
    try:
        return json.dumps(value)
    except ValueError as exc:
        raise NotJsonError(argument, exc) from exc


def is_strict(value: Any) -> bool:
    """Whether there is no NaN in a value."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True
