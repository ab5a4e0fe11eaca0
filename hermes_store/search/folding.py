"""One folding of text and query: other forms of the same letters become the same characters.

A text is folded cluster by cluster: a character with the marks that follow it. So a text and its
pieces fold alike, and it is known where each folded character stands in the text. Unicode's tables
decide what is the same, then `_LETTERS`, and which marks a script can be written without.
"""

# ruff: noqa: RUF001 - the letters are what they are

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from hermes_store.search.characters import beyond_ascii
from hermes_store.search.folding_tables import CHANGING, FOLDED, INVISIBLE, MARKS

__all__ = ["changes_words", "fold", "plain"]

_LETTERS = str.maketrans(
    {
        # letters that Unicode does not take apart
        "ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ð": "d", "þ": "th",
        "æ": "ae", "œ": "oe", "ŋ": "n",
        # Arabic letters as other keyboards have them
        "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ہ": "ه", "ھ": "ه",
        # typography
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"',
        "‐": "-", "‒": "-", "–": "-", "−": "-",
    }
)  # fmt: skip
_KEPT = {"и": "\u0306", "у": "\u0306", "і": "\u0308", "г": "\u0301", "к": "\u0301"}
"""Letters that a mark makes another letter of the same alphabet: й, ў, ї, ѓ, ќ."""

_OPTIONAL = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # Latin, Greek, Cyrillic
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # niqqud
    "\u0610-\u061a\u0640\u064b-\u0652\u0656-\u065f\u0670"  # harakat and tatweel
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u08d3-\u08e1\u08e3-\u08ff]"
)
_IOTA = "\N{COMBINING GREEK YPOGEGRAMMENI}"
_ON_ALEF = "\u0653\u0654\u0655"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_VOICED = str.maketrans("゛゜", "\u3099\u309a")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]-[\U00010000-\U0010ffff]")
_TYPOGRAPHY = "‘’‚“”„–—…•·«»°§"
"""The most frequent characters of English outside of ASCII; none belongs to a word."""

_LEFT_ALONE = frozenset("™℠ำຳ")
"""Kept whole: ™ and ℠ are not letters after a word, and Thai and Lao type ำ and ຳ as one."""

_CHILLU = {"ണ്‍": "ൺ", "ന്‍": "ൻ", "ര്‍": "ർ", "ല്‍": "ൽ", "ള്‍": "ൾ", "ക്‍": "ൿ"}
"""Letters of Malayalam in the spelling that older texts have."""


def fold(text: str) -> str:
    """`text` as it is compared: lower case, one form of each letter, no optional marks."""
    if text.isascii():
        return text.lower()
    return _patterns().clusters(text).sub(lambda found: _folded(found[0]), text).lower()


def plain(text: str) -> tuple[str, list[int]]:
    """`text` folded, and where in it each folded character stands.

    No places when every character kept its own.
    """
    if text.isascii():
        return text.lower(), []
    pieces: list[str] = []
    places: list[int] = []
    at, moved = 0, False
    for found in _patterns().clusters(text).finditer(text):
        start, end = found.span()
        folded = _folded(found[0])
        pieces += (text[at:start], folded)
        places += range(at, start)
        places += [start] * len(folded)
        moved = moved or len(folded) != end - start
        at = end
    pieces.append(text[at:])
    whole = "".join(pieces).lower()
    return whole, [*places, *range(at, len(text) + 1)] if moved else []


def changes_words(text: str) -> bool:
    """Whether an index of words may hold other words for `text` folded than for `text` itself."""
    if text.isascii():
        return False
    others = beyond_ascii(text)
    if others.strip(_TYPOGRAPHY) == "":
        return False
    return _patterns().changing.search(others) is not None or _patterns().has_astral(others)


class _Patterns:
    """Made at the first text that is not ASCII: the tables take milliseconds.

    A class with characters beyond the first plane takes `re` ten times as long: those, such as
    emoji, are looked at by themselves.
    """

    def __init__(self) -> None:
        self.changing = re.compile(f"[{_ASTRAL.sub('', CHANGING)}]")
        self._near = self._of(_ASTRAL.sub("", MARKS), _ASTRAL.sub("", FOLDED))
        self._all = self._of(MARKS, FOLDED)
        self._astral = re.compile("[\U00010000-\U0010ffff]")
        self._astral_folded = re.compile(f"[{MARKS}{FOLDED}]")

    @staticmethod
    def _of(marks: str, folded: str) -> re.Pattern[str]:
        jamo = "[\u1100-\u11ff\uffa0-\uffdc]{2,}"
        return re.compile(f"{jamo}|[^{marks}]?[{marks}]+|[{folded}]")

    def clusters(self, text: str) -> re.Pattern[str]:
        """What finds all of `text` that is folded."""
        return self._all if self.has_astral(text) else self._near

    def has_astral(self, text: str) -> bool:
        """Whether characters beyond the first plane are folded."""
        astral = "".join(self._astral.findall(text)) if max(text) > "\uffff" else ""
        return bool(astral) and self._astral_folded.search(astral) is not None


_patterns = cache(_Patterns)


@lru_cache(maxsize=8192)
def _folded(cluster: str) -> str:
    """A character with its marks, as it is compared."""
    if cluster in _LEFT_ALONE:
        return cluster
    visible = _INVISIBLE.sub("", _CHILLU.get(cluster, cluster)).translate(_VOICED)
    once = _same(visible)
    return once if once == visible else _same(once)


def _same(cluster: str) -> str:
    compatible = unicodedata.normalize("NFKC", cluster)
    if _IOTA in unicodedata.normalize("NFD", compatible):  # casefold would write it as a letter
        compatible = unicodedata.normalize("NFD", compatible).replace(_IOTA, "")
    letters = _without_marks(unicodedata.normalize("NFD", compatible.casefold()))
    same = unicodedata.normalize("NFC", letters).translate(_LETTERS)
    return "".join(str(unicodedata.decimal(each, each)) for each in same).lower()


def _without_marks(apart: str) -> str:
    kept, base = [], ""
    for character in apart:
        if not unicodedata.combining(character) and character != "\u0640":
            base = character
        elif character not in _KEPT.get(base, "") and (
            _OPTIONAL.match(character) or (base == "ا" and character in _ON_ALEF)
        ):
            continue
        kept.append(character)
    return "".join(kept)
