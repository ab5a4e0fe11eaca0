"""What comes back exactly: JSON that the store would alter or refuse is kept as JSON text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hermes_store.errors import InvalidArgumentError
from hermes_store.values import decode_json, nests_deeper, refuse_equal_keys

__all__ = ["NotJsonError", "as_json", "dumped", "exactly", "whole_of"]

_TEXT = "text"
"""The key in what an adapter keeps in `extra`: the whole as JSON text."""
_NUL = "\\u0000"
_DEEPEST = 180
"""The store refuses JSON that nests more than 200 deep; what an adapter puts around it counts."""


class NotJsonError(InvalidArgumentError, TypeError):
    """A value cannot be written as JSON; nothing was stored."""

    def __init__(self, argument: str, problem: object) -> None:
        remedy = "give what JSON can hold; of an SDK's object, its model_dump()"
        super().__init__(argument, f"cannot be written as JSON ({problem})", remedy)


def dumped(argument: str, dump: Callable[[], Any]) -> Any:
    """What an SDK's `dump` makes of its own object. Raises `NotJsonError` when it cannot."""
    try:
        return dump()
    except (ValueError, RecursionError) as exc:  # pydantic's are the first, and those of encodings
        raise NotJsonError(argument, exc) from exc


def exactly(
    argument: str, whole: Any, columns: dict[str, Any], kept: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of a message, and what is kept beside them, with which `whole` comes back.

    They are those given, unless `whole` holds NUL, lone surrogates or NaN, or nests deep. Then it
    is kept as JSON text, beside the columns that the store takes. Raises `NotJsonError`, also for
    what nests so deep that no reader could read it again.
    """
    text = _text_to_keep(argument, whole)
    if text is None:
        return columns, kept
    if decode_json(text) is text:
        raise NotJsonError(argument, "it nests too deep to be read again")
    return {name: each for name, each in columns.items() if _is_taken(each)}, {_TEXT: text}


def whole_of(kept: Any) -> Any:
    """The whole that is kept as text; None when it is not, or that text is no JSON any more."""
    text = kept.get(_TEXT) if isinstance(kept, dict) else None
    if text is None:
        return None
    whole = decode_json(text)
    return None if whole == text else whole


def _text_to_keep(argument: str, value: Any) -> str | None:
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()
    except (TypeError, RecursionError) as exc:
        raise NotJsonError(argument, exc) from exc
    except ValueError:  # NaN, or a lone surrogate
        pass
    else:
        is_altered = _NUL in written or _is_deep(written, value)
        return as_json(argument, value) if is_altered else None
    return as_json(argument, value)


def as_json(argument: str, value: Any, *, is_ascii: bool = True) -> str:
    """A value as JSON text. Raises `InvalidArgumentError`, most often a `NotJsonError`."""
    try:
        written = json.dumps(value, ensure_ascii=is_ascii)
    except (TypeError, ValueError, RecursionError) as exc:
        raise NotJsonError(argument, exc) from exc
    refuse_equal_keys(argument, value)
    return written


def _is_taken(value: Any) -> bool:
    """Whether the store takes a value: there is no NaN in it, and it does not nest deep."""
    try:
        written = json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return not _is_deep(written, value)


def _is_deep(written: str, value: Any) -> bool:
    if written.count("{") + written.count("[") <= _DEEPEST:
        return False
    return nests_deeper(value, _DEEPEST)
