"""What a word is, and which characters count as the same: FTS5's rules, in Python.

The index and the query must agree on both. The expressions over the tables of `alphabet.py` take
Python some time to make: this module is imported when something is searched.
"""

from __future__ import annotations

import re
import unicodedata

from hermes_store.search.alphabet import ACCENTS, APART, SEPARATORS

__all__ = ["WORD", "beyond_ascii", "fold", "has_word", "is_apart", "join_up", "set_apart"]

WORD = re.compile(f"[{APART}](?<![{SEPARATORS}])|[^{SEPARATORS}{APART}]+")
"""A word: one character of APART, or a run of other letters, digits and their marks."""

_ASCII = bytes(range(128))
_SELECTOR = "\N{VARIATION SELECTOR-16}"  # follows many an emoji, and says only how to draw it
_APART = re.compile(f"([{APART}])")
_SET_APART = re.compile(f" ([{APART}]) ")
_VISIBLE = re.compile(f"[^{SEPARATORS}{ACCENTS}]")


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


# In these ranges are all lower-case characters that another one stands for. `str.translate` of a
# whole text would take ten times as long as to find that it holds none of them.
_FOLDS_FURTHER = re.compile(
    "[\u00b5\u00e0-\u017f\u01a1-\u01b0\u01ce-\u0233\u0345\u037e\u03c2-\u03d6\u03f0-\u03f5"
    "\u13f8-\u13fd\u1c80-\u1c88\u1e01-\u1ef9\u1fbe\u1fef\u2260-\u226f\uab70-\uabbf]+"
)


class _Fold(dict[int, int]):
    """Code point → the one that stands for it: lower case, and Latin letters without accents."""

    def __missing__(self, code: int) -> int:
        self[code] = ord(_folded(chr(code)))
        return self[code]


def _folded(character: str) -> str:
    cased = character.casefold()
    taken_apart = unicodedata.normalize("NFD", cased)
    if taken_apart[0].isascii() and all(map(unicodedata.combining, taken_apart[1:])):
        return taken_apart[0]
    return next(form for form in (cased, character.lower(), character) if len(form) == 1)


_FOLD = _Fold()


def fold(text: str) -> str:
    """`text` with equal characters made the same; every character keeps its place."""
    if text.isascii():
        return text.lower()
    lower = text.replace("İ", "i").lower()  # the only one that would become two
    if not _FOLDS_FURTHER.search(beyond_ascii(lower)):
        return lower
    return _FOLDS_FURTHER.sub(lambda found: found[0].translate(_FOLD), lower)


def beyond_ascii(text: str) -> str:
    """The characters of `text` that are not ASCII: often few, and looked through at once."""
    encoded = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    return encoded.decode("utf-8", "surrogatepass")
