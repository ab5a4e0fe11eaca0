"""JSON: what it can hold, how it is stored, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from hermes_store.errors import InvalidArgumentError
from hermes_store.values.texts import optional_mapping, read_text, shown, storable

__all__ = [
    "content",
    "content_format",
    "decode_json",
    "encode_json",
    "encode_object",
    "nests_deeper",
    "refuse_equal_keys",
]

_DEEPEST_JSON = 200
_DEEPEST_READ = 500

_T = TypeVar("_T")


def content(value: Any) -> tuple[str | None, str | None]:
    """A message's content as it is stored, and its `content_format`."""
    if value is None or isinstance(value, str):
        return value if value is None or value.isascii() else storable(value), None
    if isinstance(value, (list, dict)):
        return encode_json("content", value), content_format(value)
    raise InvalidArgumentError(
        "content",
        f"{shown(value)} is not a content",
        'give a str, a list, a dict or None; of an SDK\'s object, its model_dump(mode="json")',
    )


def content_format(value: Any) -> str | None:
    """How a content is stored: 'json' for a list or dict, None for a text."""
    return "json" if isinstance(value, (list, dict)) else None


def encode_json(argument: str, value: Any) -> str | None:
    """JSON text of `value`, readable as it stands; None stays None.

    Lists and dicts may nest 200 deep, however deep the caller's own stack is.
    """
    if value is None:
        return None
    try:
        return _encoded(argument, value)
    except RecursionError:
        pass
    try:
        return _on_a_new_stack(_encoded, argument, value)
    except RecursionError:
        raise _too_deep(argument) from None


def encode_object(argument: str, value: Any) -> str | None:
    """JSON text of an object; None when there is none, or nothing in it."""
    return encode_json(argument, optional_mapping(argument, value))


_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _encoded(argument: str, value: Any) -> str:
    try:
        encoded = _write(value)
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            argument,
            f"cannot be written as JSON ({exc})",
            "use lists, dicts, str, finite numbers, bool and None; of an SDK's object, its "
            'model_dump(mode="json")',
        ) from exc
    refuse_equal_keys(argument, value)
    if encoded.count("{") + encoded.count("[") > _DEEPEST_JSON and nests_deeper(
        value, _DEEPEST_JSON
    ):
        raise _too_deep(argument)
    return encoded if encoded.isascii() else storable(encoded)


def refuse_equal_keys(argument: str, value: Any, written_as: Callable[[Any], str] = _write) -> None:
    """Refuse an object with the keys 1 and "1": in JSON both are "1", and one would be lost.

    `written_as` tells how a key that is no text is written.
    """
    inside = [value]
    for each in inside:  # which grows by what is in it
        if isinstance(each, dict):
            try:
                "".join(each)  # the fastest look at all keys
            except TypeError:
                written = {key if isinstance(key, str) else written_as(key) for key in each}
                if len(written) < len(each):
                    problem = "has keys that are the same in JSON"
                    raise InvalidArgumentError(argument, problem, "use str for all keys") from None
            inside += each.values()
        elif isinstance(each, (list, tuple)):
            inside += each


def nests_deeper(value: Any, levels: int) -> bool:
    """Whether lists and dicts nest deeper than so many, however deep the caller's stack is."""
    level = [value]
    for _ in range(levels):
        level = [inner for each in level for inner in _inside(each)]
    return any(isinstance(each, (dict, list, tuple)) for each in level)


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()


def _too_deep(argument: str) -> InvalidArgumentError:
    problem = f"nests lists and dicts more than {_DEEPEST_JSON} deep"
    return InvalidArgumentError(argument, problem, "give it as text")


def decode_json(stored: Any) -> Any:
    """The value that `encode_json` got. A text that is not JSON comes back unchanged.

    So does JSON of another program that nests more than 500 deep: no reader could write it again.
    """
    try:
        value = _read(stored)
    except (TypeError, ValueError):
        return read_text(stored)
    except RecursionError:
        try:
            value = _on_a_new_stack(_read, stored)
        except RecursionError:
            return stored
    return stored if len(stored) > _DEEPEST_READ and _is_deep(stored, value) else value


_decode = json.JSONDecoder().raw_decode


def _read(stored: Any) -> Any:
    """As `json.loads`, in half the time for a text without blanks around it."""
    try:
        value, end = _decode(stored)
    except (TypeError, ValueError):
        return json.loads(stored)
    return value if end == len(stored) else json.loads(stored)


def _is_deep(stored: Any, value: Any) -> bool:
    if isinstance(stored, str) and stored.count("{") + stored.count("[") <= _DEEPEST_READ:
        return False  # of nearly all, at the speed of a search
    return nests_deeper(value, _DEEPEST_READ)


def _on_a_new_stack(function: Callable[..., _T], *arguments: Any) -> _T:
    """Call `function` where no caller has used up the stack: Python bounds that of each thread."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - hardly ever needed

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(function, *arguments).result()
