"""What the core refuses in a call of Hermes, as the core takes it.

Hermes swallows errors of its store: a message or a session that is refused would be lost without a
word.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from hermes_store import values
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.errors import InvalidArgumentError

__all__ = ["as_taken", "decoded", "key_of", "meta_key", "meta_prefix", "shortened", "text_of_id"]

_LONGEST = 480
_LONGEST_SHOWN = 400


def as_taken(given: Row, call: Callable[..., object]) -> Row:
    """Make a call with keywords as it takes them; return those.

    A value that is refused becomes what JSON can hold of it, then text, then the first
    characters of the text, then nothing. Raises `InvalidArgumentError` for other arguments.
    """
    taken = dict(given)
    forms = {name: iter((_as_json, _as_text, shortened, _nothing)) for name in given}
    forms["extra"] = iter((_as_json, _as_texts, _nothing))
    while True:
        try:
            call(**taken)
        except InvalidArgumentError as exc:
            form = next(forms.get(exc.argument, iter(())), None)
            if form is None or exc.argument not in given:
                raise
            taken[exc.argument] = form(given[exc.argument])
        else:
            return taken


def decoded(text: Any) -> Any:
    """JSON that Hermes encoded itself; a text that is none, or nests very deep, stays as it is."""
    return values.decode_json(text) if isinstance(text, str) else text


def text_of_id(value: Any) -> Any:
    """An id of a platform as a column of Hermes holds it: a number is a text there."""
    return str(value) if isinstance(value, int) else value


def key_of(session_key: Any, beside: Row) -> str | None:
    """The key of a session; one that cannot be a key is kept in `beside`."""
    session_key = text_of_id(session_key)
    is_key = not session_key or values.is_external_id(session_key)
    beside["session_key"] = None if is_key else session_key
    return session_key or None if is_key else None


def _as_json(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, default=str), parse_constant=str)
    except (TypeError, ValueError, RecursionError):
        return _as_text(value)


def _as_text(value: Any) -> str:
    try:
        return value if isinstance(value, str) else json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError):
        return f"a {type(value).__name__} that cannot be written"


def shortened(value: Any) -> str:
    """The value as text, cut to what every column of a name takes."""
    return _as_text(value)[:_LONGEST]


def meta_key(name: str) -> str:
    """The key of a row in `meta`; a digest stands for a name that no key can be."""
    if values.is_external_id(name):
        return name
    return f"{meta_prefix(name)}#{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def meta_prefix(beginning: str) -> str:
    """The beginning of the keys of all names with this beginning; other keys may share it."""
    shown = beginning.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    return shown[:_LONGEST_SHOWN]


def _as_texts(extra: Row) -> Row:
    return {name: _as_text(value) for name, value in extra.items()}


def _nothing(_value: Any) -> None:
    return None
