"""What a word is: FTS5's rules, in Python.

The index and the query must agree on it. The expressions over the tables of `alphabet.py` take
Python some time to make: this module is imported when something is searched.
"""

from __future__ import annotations

from hermes_store.search.alphabet import ACCENTS, APART, SEPARATORS
from hermes_store.search.later import compiled_later

__all__ = ["WORD", "beyond_ascii", "has_word", "is_apart", "join_up", "set_apart"]

WORD = compiled_later(f"[{APART}](?<![{SEPARATORS}])|[^{SEPARATORS}{APART}]+")
"""A word: one character of APART, or a run of other letters, digits and their marks."""

_ASCII = bytes(range(128))
_SELECTOR = "\N{VARIATION SELECTOR-16}"  # follows many an emoji, and says only how to draw it
_APART = compiled_later(f"([{APART}])")
_SET_APART = compiled_later(f" ([{APART}]) ")
_VISIBLE = compiled_later(f"[^{SEPARATORS}{ACCENTS}]")


def has_word(text: str) -> bool:
    """Whether there is anything in `text` that an index of words can find."""
    return _VISIBLE.search(text) is not None


def is_apart(text: str) -> bool:
    """Whether `text` holds a character that is a word of its own."""
    return not text.isascii() and _APART.search(text) is not None


def set_apart(text: str) -> str:
    """`text` with a blank on either side of each character of APART, as the index holds it."""
    return text if text.isascii() else _APART.sub(r" \1 ", text.replace(_SELECTOR, " "))


def join_up(text: str) -> str:
    """Undo `set_apart`."""
    return text if text.isascii() else _SET_APART.sub(r"\1", text)


def beyond_ascii(text: str) -> str:
    """The characters of `text` that are not ASCII: often few, and looked through at once."""
    encoded = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    return encoded.decode("utf-8", "surrogatepass")
