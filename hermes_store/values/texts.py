"""Checks of texts, ids, names and lists, and how a wrong value is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any

from hermes_store.errors import InvalidArgumentError

__all__ = [
    "external_id",
    "indexed",
    "is_external_id",
    "key",
    "listed",
    "mapping",
    "markers",
    "names",
    "new_session_id",
    "one_of",
    "optional_mapping",
    "optional_session_id",
    "optional_text",
    "prefix",
    "read_text",
    "session_id",
    "session_key",
    "shown",
    "source",
    "source_filter",
    "storable",
    "text",
    "truth",
    "zone",
]

_MOST_NAMES = 500
_LONGEST_INDEXED = 500
"""Characters: PostgreSQL's index holds no entry of more than about 2,700 bytes."""
_LONGEST_SHOWN = 60
_BYTES = (bytes, bytearray, memoryview)
"""Sequences of numbers, which nobody means as a list of ids."""
_PLAIN = {type(None), bool, int, float, str}
"""Types whose values are shown: to show others could run code of others, or never end."""


def text(argument: str, value: Any) -> str:
    """A text that must not be empty."""
    if not isinstance(value, str) or not value:
        raise InvalidArgumentError(
            argument, f"{shown(value)} is not a text", "give a non-empty str"
        )
    return value if type(value) is str and value.isascii() else _plain(storable(value))


def optional_text(argument: str, value: Any) -> str | None:
    """A text, or None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidArgumentError(argument, f"{shown(value)} is not a text", "give a str or None")
    return value if type(value) is str and value.isascii() else _plain(storable(value))


def _plain(value: str) -> str:
    """The same as a str: a member of an Enum is a text, but becomes another one in an f-string."""
    return value if type(value) is str else str.__str__(value)


def session_id(argument: str, value: Any) -> str:
    """A session's id. It is never altered: an id that cannot be stored is refused."""
    if not isinstance(value, str) or not value:
        raise InvalidArgumentError(argument, f"{shown(value)} is not an id", "give a non-empty str")
    if value.isascii() and "\0" not in value:  # nearly all: an append spares a call
        return value
    return _unaltered(argument, value)


def _unaltered(argument: str, value: str) -> str:
    """A text that every database gives back as it is: what it names must not be another's."""
    if not value.isascii() and storable(value) is not value:
        raise InvalidArgumentError(argument, f"{value!a} holds a lone surrogate", "remove it")
    if "\0" in value:
        raise InvalidArgumentError(argument, f"{value!a} holds a NUL character", "remove it")
    return value


def key(argument: str, value: Any) -> str:
    """A name that finds a row: as an id, it is never altered."""
    text(argument, value)
    return _unaltered(argument, indexed(argument, _plain(value)))


def prefix(argument: str, value: Any) -> str:
    """What a name begins with; an empty text begins all."""
    return "" if isinstance(value, str) and not value else text(argument, value)


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
    if isinstance(value, (str, *_BYTES)) or not isinstance(value, Iterable):
        raise InvalidArgumentError(argument, f"{shown(value)} is not a list", "give a list of str")
    given = tuple(dict.fromkeys(text(argument, name) for name in value))
    if len(given) > _MOST_NAMES:
        raise InvalidArgumentError(
            argument, f"{len(given)} names are too many", f"give at most {_MOST_NAMES}"
        )
    return given


def listed(argument: str, value: Any) -> Sequence[Any]:
    """A list."""
    if isinstance(value, (str, *_BYTES)) or not isinstance(value, Sequence):
        raise InvalidArgumentError(argument, f"{shown(value)} is not a list", "give a list")
    return value


def markers(value: Any) -> tuple[str, str]:
    """The two texts that stand before and after a hit."""
    if isinstance(value, (tuple, list)):
        given = [optional_text("markers", marker) or "" for marker in value]
        if len(given) == 2:  # noqa: PLR2004 - one before, one after
            return given[0], given[1]
    raise InvalidArgumentError("markers", "are not two", "give two texts, like '>>>' and '<<<'")


def mapping(argument: str, value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        problem = f"{shown(value)} is not an object with texts as keys"
        raise InvalidArgumentError(argument, problem, "give a dict")
    return value


def optional_mapping(argument: str, value: Any) -> dict[str, Any] | None:
    """A JSON object; None when there is none, or nothing in it."""
    return None if value is None else mapping(argument, value) or None


def external_id(argument: str, value: Any) -> str:
    """The id that another system gave a message; as every id, it is never altered."""
    return key(argument, value)


def is_external_id(value: Any) -> bool:
    """Whether a message can have this id of another system."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_INDEXED:
        return False
    return "\0" not in value and storable(value) is value


def source(argument: str, value: Any) -> str:
    """Where a session comes from."""
    return indexed(argument, text(argument, value))


def one_of(argument: str, value: Any, among: Iterable[str]) -> str:
    """One of some words."""
    if isinstance(value, str) and (found := [each for each in among if value == each]):
        return found[0]
    raise InvalidArgumentError(
        argument, f"{shown(value)} is not known", f"use one of {', '.join(among)}"
    )


def session_key(argument: str, value: Any) -> str | None:
    """What a gateway finds a session by, or None."""
    return None if value is None else key(argument, value)


def indexed(argument: str, value: str) -> str:
    """A text that an index holds, so that it cannot be of any length."""
    if len(value) > _LONGEST_INDEXED:
        problem = f"is too long: it has {len(value)} characters"
        raise InvalidArgumentError(argument, problem, f"use at most {_LONGEST_INDEXED}")
    return value


def truth(argument: str, value: Any) -> bool:
    """True or False."""
    if isinstance(value, bool):
        return value
    raise InvalidArgumentError(argument, f"{shown(value)} cannot be used", "give True or False")


def zone(value: Any) -> tzinfo | None:
    """A time zone; None is the local time of the machine."""
    if value is None or isinstance(value, tzinfo):
        return value
    problem = f"a value of type {type(value).__name__} is not a time zone"
    remedy = 'give datetime.UTC, a zoneinfo.ZoneInfo("Europe/Rome") or None'
    raise InvalidArgumentError("timezone", problem, remedy)


def storable(value: str) -> str:
    """`value` with pairs of surrogates joined and lone surrogates replaced by U+FFFD."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def read_text(value: Any) -> Any:
    """The text that bytes are in UTF-8, with U+FFFD for those that are not; others as they are."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def shown(value: Any) -> str:
    """`value` as an error message shows it: recognisable, and short."""
    try:
        shown = ascii(value) if type(value) in _PLAIN else ""
    except ValueError:  # an int of thousands of digits
        shown = ""
    return shown if 0 < len(shown) <= _LONGEST_SHOWN else f"a value of type {type(value).__name__}"
