"""Checks of arguments, and the form in which values are stored.

Every check raises `InvalidArgumentError` that names the argument and the remedy.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from hermes_store.errors import InvalidArgumentError

__all__ = [
    "ALL",
    "GREATEST_COUNT",
    "GREATEST_SUM",
    "content",
    "content_format",
    "cost",
    "count",
    "decode_json",
    "encode_json",
    "encode_object",
    "external_id",
    "indexed",
    "key",
    "length",
    "limit",
    "listed",
    "mapping",
    "markers",
    "message_id",
    "names",
    "new_session_id",
    "now",
    "number",
    "one_of",
    "optional_mapping",
    "optional_session_id",
    "optional_text",
    "page",
    "prefix",
    "seconds",
    "session_id",
    "session_key",
    "source",
    "source_filter",
    "text",
    "truth",
]

ALL = 2**62
"""The limit that means no limit."""

GREATEST_COUNT = 2**53
"""The greatest count: every reader, JavaScript included, reads integers up to it exactly."""
GREATEST_SUM = 2**63 - 1
"""The greatest whole number that a column holds."""
_MOST_DOLLARS = 1e12  # sums of them stay finite
_YEAR_10000 = 253_402_300_800.0
_DAY = 86_400
_MOST_NAMES = 500
_LONGEST_INDEXED = 500
"""Characters: PostgreSQL's index holds no entry of more than about 2,700 bytes."""
_LONGEST_SHOWN = 60
_DEEPEST_JSON = 200

_T = TypeVar("_T")


def text(argument: str, value: Any) -> str:
    """A text that must not be empty."""
    if not isinstance(value, str) or not value:
        raise InvalidArgumentError(
            argument, f"{_shown(value)} is not a text", "give a non-empty str"
        )
    return value if value.isascii() else _storable(value)


def optional_text(argument: str, value: Any) -> str | None:
    """A text, or None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidArgumentError(argument, f"{_shown(value)} is not a text", "give a str or None")
    return value if value.isascii() else _storable(value)


def session_id(argument: str, value: Any) -> str:
    """A session's id. It is never altered: an id that cannot be stored is refused."""
    if not isinstance(value, str) or not value:
        raise InvalidArgumentError(
            argument, f"{_shown(value)} is not an id", "give a non-empty str"
        )
    return _unaltered(argument, value)


def _unaltered(argument: str, value: str) -> str:
    """A text that every database gives back as it is: what it names must not be another's."""
    if not value.isascii() and _storable(value) is not value:
        raise InvalidArgumentError(argument, f"{value!a} holds a lone surrogate", "remove it")
    if "\0" in value:
        raise InvalidArgumentError(argument, f"{value!a} holds a NUL character", "remove it")
    return value


def key(argument: str, value: Any) -> str:
    """A name that finds a row: as an id, it is never altered."""
    text(argument, value)
    return _unaltered(argument, indexed(argument, value))


def prefix(argument: str, value: Any) -> str:
    """What a name begins with; an empty text begins all."""
    return "" if value == "" else text(argument, value)


def new_session_id(argument: str, value: Any) -> str:
    """The id of a session to be stored; an older file may hold longer ones."""
    return indexed(argument, session_id(argument, value))


def optional_session_id(argument: str, value: Any) -> str | None:
    """A session's id, or None."""
    return None if value is None else session_id(argument, value)


def source_filter(value: Any) -> str | None:
    """A source to filter by; None or empty means no filter."""
    return optional_text("source", value) or None


def names(argument: str, value: Sequence[str] | None) -> tuple[str, ...]:
    """A list of names to filter by; None or empty means no filter."""
    if value is None:
        return ()
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise InvalidArgumentError(argument, f"{_shown(value)} is not a list", "give a list of str")
    given = tuple(dict.fromkeys(text(argument, name) for name in value))
    if len(given) > _MOST_NAMES:
        raise InvalidArgumentError(
            argument, f"{len(given)} names are too many", f"give at most {_MOST_NAMES}"
        )
    return given


def message_id(argument: str, value: Any) -> int:
    """The id of a message."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= GREATEST_COUNT:
        return value
    raise InvalidArgumentError(
        argument, f"{_shown(value)} is not the id of a message", "give one that the store returned"
    )


def listed(argument: str, value: Any) -> Sequence[Any]:
    """A list."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise InvalidArgumentError(argument, f"{_shown(value)} is not a list", "give a list")
    return value


def limit(value: Any) -> int:
    """The greatest number of rows; None means no limit."""
    return ALL if value is None else _whole("limit", value)


def page(most: Any, offset: Any) -> dict[str, int]:
    """The two parameters of a page: its greatest number of rows, and the rows before it."""
    return {"limit": limit(most), "offset": _whole("offset", offset)}


def markers(value: Any) -> tuple[str, str]:
    """The two texts that stand before and after a hit."""
    if isinstance(value, (tuple, list)):
        given = [optional_text("markers", marker) or "" for marker in value]
        if len(given) == 2:  # noqa: PLR2004 - one before, one after
            return given[0], given[1]
    raise InvalidArgumentError("markers", "are not two", "give two texts, like '>>>' and '<<<'")


def count(argument: str, value: Any) -> int:
    """A number of tokens; None is 0."""
    return 0 if value is None else _whole(argument, value)


def number(argument: str, value: Any) -> float:
    """A finite number."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (OverflowError, ValueError):
            number = math.inf
        if math.isfinite(number):
            return number
    raise InvalidArgumentError(argument, f"{_shown(value)} cannot be used", "give a finite number")


def cost(argument: str, value: Any) -> float | None:
    """An amount of US dollars; None is an unknown one."""
    if value is None:
        return None
    dollars = number(argument, value)
    if not 0 <= dollars <= _MOST_DOLLARS:
        problem = f"{value!r} is negative" if dollars < 0 else f"{value!r} is too much"
        raise InvalidArgumentError(argument, problem, "give US dollars from 0 to 1e12")
    return dollars


def now() -> float:
    """The time, in Unix epoch seconds."""
    return time.time()


def seconds(argument: str, value: Any) -> float:
    """A time in Unix epoch seconds; None is now."""
    if value is None:
        return now()
    moment = number(argument, value)
    if not 0 <= moment < _YEAR_10000:
        raise InvalidArgumentError(
            argument,
            f"{value!r} is not a time between 1970 and the year 9999",
            "give seconds, not milliseconds, since 1970-01-01 UTC",
        )
    return moment


def length(argument: str, value: Any) -> float:
    """How long something lasts, in seconds: more than none, and at most a day."""
    lasts = number(argument, value)
    if not 0 < lasts <= _DAY:
        problem = f"{value!r} is not a length of time that can be used"
        remedy = f"give seconds, more than 0 and at most {_DAY}"
        raise InvalidArgumentError(argument, problem, remedy)
    return lasts


def mapping(argument: str, value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        problem = f"{_shown(value)} is not an object with texts as keys"
        raise InvalidArgumentError(argument, problem, "give a dict")
    return value


def optional_mapping(argument: str, value: Any) -> dict[str, Any] | None:
    """A JSON object; None when there is none, or nothing in it."""
    return None if value is None else mapping(argument, value) or None


def external_id(argument: str, value: Any) -> str:
    """The id that another system gave a message."""
    return indexed(argument, text(argument, value))


def source(argument: str, value: Any) -> str:
    """Where a session comes from."""
    return indexed(argument, text(argument, value))


def one_of(argument: str, value: Any, among: Iterable[str]) -> str:
    """One of some words."""
    for each in among:
        if value == each:
            return each
    raise InvalidArgumentError(
        argument, f"{_shown(value)} is not known", f"use one of {', '.join(among)}"
    )


def session_key(argument: str, value: Any) -> str | None:
    """What a gateway finds a session by, or None."""
    return None if value is None else indexed(argument, text(argument, value))


def indexed(argument: str, value: str) -> str:
    """A text that an index holds, so that it cannot be of any length."""
    if len(value) > _LONGEST_INDEXED:
        problem = f"is too long: it has {len(value)} characters"
        raise InvalidArgumentError(argument, problem, f"use at most {_LONGEST_INDEXED}")
    return value


def content(value: Any) -> tuple[str | None, str | None]:
    """A message's content as it is stored, and its `content_format`."""
    if value is None or isinstance(value, str):
        return optional_text("content", value), None
    if isinstance(value, (list, dict)):
        return encode_json("content", value), content_format(value)
    raise InvalidArgumentError(
        "content",
        f"{_shown(value)} is not a content",
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


def truth(argument: str, value: Any) -> bool:
    """True or False."""
    if isinstance(value, bool):
        return value
    raise InvalidArgumentError(argument, f"{_shown(value)} cannot be used", "give True or False")


def _encoded(argument: str, value: Any) -> str:
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            argument,
            f"cannot be written as JSON ({exc})",
            "use lists, dicts, str, finite numbers, bool and None; of an SDK's object, its "
            'model_dump(mode="json")',
        ) from exc
    _refuse_unreadable(argument, value, _DEEPEST_JSON)
    return encoded if encoded.isascii() else _storable(encoded)


def _refuse_unreadable(argument: str, value: Any, deeper: int) -> None:
    """Refuse an object with the keys 1 and "1", and JSON that nests deeper than readers' stacks.

    In JSON both keys are "1", and one of them would be lost.
    """
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            written = {key if isinstance(key, str) else json.dumps(key) for key in value}
            if len(written) < len(value):
                problem = "has keys that are the same in JSON"
                raise InvalidArgumentError(argument, problem, "use str for all keys")
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return
    if not deeper:
        raise _too_deep(argument)
    for each in value:
        _refuse_unreadable(argument, each, deeper - 1)


def _too_deep(argument: str) -> InvalidArgumentError:
    problem = f"nests lists and dicts more than {_DEEPEST_JSON} deep"
    return InvalidArgumentError(argument, problem, "give it as text")


def decode_json(stored: Any) -> Any:
    """The value that `encode_json` got; a text that is not JSON comes back unchanged."""
    try:
        return json.loads(stored)
    except (TypeError, ValueError):
        return stored
    except RecursionError:
        pass
    try:
        return _on_a_new_stack(json.loads, stored)
    except RecursionError:  # stored by another program
        return stored


def _on_a_new_stack(function: Callable[..., _T], *arguments: Any) -> _T:
    """Call `function` where no caller has used up the stack: Python bounds that of each thread."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - hardly ever needed

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(function, *arguments).result()


def _storable(value: str) -> str:
    """`value` with pairs of surrogates joined and lone surrogates replaced by U+FFFD."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def _whole(argument: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= GREATEST_COUNT:
        return value
    raise InvalidArgumentError(
        argument, f"{_shown(value)} cannot be used", "give a whole number from 0 to 2**53"
    )


def _shown(value: Any) -> str:
    """`value` as an error message shows it: recognisable, and short."""
    try:
        shown = ascii(value)
    except (ValueError, RecursionError):  # an int of thousands of digits, a list of lists of lists
        shown = ""
    if isinstance(value, (list, dict, bytes)) or not 0 < len(shown) <= _LONGEST_SHOWN:
        return f"a value of type {type(value).__name__}"
    return shown
