"""The JSON that pydantic makes of a framework's own objects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic_core import to_jsonable_python

from hermes_store import values
from hermes_store.shapes.exact import dumped

__all__ = ["dumped_json", "key_in_json"]


def dumped_json(argument: str, dump: Callable[..., Any]) -> Any:
    """What `dump` makes of an object with `mode="json"`.

    Raises `NotJsonError`, and `InvalidArgumentError` for keys that pydantic would make one of.
    """
    written = dumped(argument, partial(dump, mode="json"))
    values.refuse_equal_keys(argument, dumped(argument, partial(dump, mode="python")), key_in_json)
    return written


def key_in_json(key: Any) -> str:
    """A key of an object as pydantic writes it."""
    [written] = to_jsonable_python({key: None}, serialize_unknown=True)
    return str(written)
