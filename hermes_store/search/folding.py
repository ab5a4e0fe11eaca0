"""One folding of text and query: other forms of the same letters become the same characters.

A text is folded cluster by cluster: a character with the marks that follow it. So a text and its
pieces fold alike, and it is known where each folded character stands in the text. Unicode's tables
decide what is the same, then `_LETTERS`, and which marks a script can be written without.
"""

# ruff: noqa: RUF001 - the letters are what they are

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property, lru_cache

from hermes_store.search.characters import beyond_ascii
from hermes_store.search.folding_tables import CHANGING, FOLDED, INVISIBLE, MARKS
from hermes_store.search.places import Places

__all__ = ["changes_words", "fold", "has_many_marks", "has_typography_only", "plain"]

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
_JAMO = "\u1100-\u11ff\uffa0-\uffdc"
_IOTA = "\N{COMBINING GREEK YPOGEGRAMMENI}"
_ON_ALEF = "\u0653\u0654\u0655"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_VOICED = str.maketrans("゛゜", "\u3099\u309a")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]-[\U00010000-\U0010ffff]")
_TYPOGRAPHY = "‘’‚“”„–—…•·«»°§"
"""The most frequent characters of English outside of ASCII; none belongs to a word."""

_FEW = 60
"""Most different characters that are replaced one by one."""

_LONGEST = 128
"""Characters of a cluster that count. To bring marks into their order takes the square of their
number, here and on a server, and no word has so many."""
_MANY = 4_000
"""So many marks in one cluster take a server a hundredth of a second."""

_LEFT_ALONE = frozenset("™℠ำຳ")
"""Kept whole: ™ and ℠ are not letters after a word, and Thai and Lao type ำ and ຳ as one."""

_CHILLU = {"ണ്‍": "ൺ", "ന്‍": "ൻ", "ര്‍": "ർ", "ല്‍": "ൽ", "ള്‍": "ൾ", "ക്‍": "ൿ"}
"""Letters of Malayalam in the spelling that older texts have."""


def fold(text: str) -> str:
    """`text` as it is compared: lower case, one form of each letter, no optional marks."""
    if text.isascii():
        return text.lower()
    text, rest = _one_for_one(text)
    return (rest.sub(lambda found: _folded(found[0][:_LONGEST]), text) if rest else text).lower()


def plain(text: str) -> tuple[str, Places | None]:
    """`text` folded, and where in it each folded character stands.

    No places when every character kept its own.
    """
    if text.isascii():
        return text.lower(), None
    text, rest = _one_for_one(text)
    if rest is None:
        return text.lower(), None
    pieces: list[str] = []
    moved: list[tuple[int, int, int]] = []
    at = length = 0
    for found in rest.finditer(text):
        start, end = found.span()
        folded = _folded(found[0][:_LONGEST])
        pieces += (text[at:start], folded)
        length += start - at + len(folded)
        at = end
        if not len(folded) == end - start == 1:
            moved.append((length, start, end))
    pieces.append(text[at:])
    return "".join(pieces).lower(), Places(moved) if moved else None


def _one_for_one(text: str) -> tuple[str, re.Pattern[str] | None]:
    """`text` with all folded that stays one character, and what finds the rest but capitals.

    Most texts beyond ASCII have few such characters, as quotation marks: to replace each in the
    whole text is faster. None that is put there is folded itself, so any order is right.
    """
    same, rest = _changes("".join(sorted(set(beyond_ascii(text)))))
    for character, folded in same:
        text = text.replace(character, folded)
    return text, rest


@lru_cache(maxsize=256)
def _changes(others: str) -> tuple[Sequence[tuple[str, str]], re.Pattern[str] | None]:
    """What is replaced in a text with these characters beyond ASCII, and what finds the rest."""
    clusters = _PATTERNS.clusters(others)
    if clusters is not _PATTERNS.single or len(found := clusters.findall(others)) > _FEW:
        return (), clusters
    folded = {character: _folded(character) for character in found}
    rest = "".join(character for character in found if len(folded[character]) != 1)
    same = [(character, one) for character, one in folded.items() if len(one) == 1]
    return same, re.compile(f"[{rest}]") if rest else None


def changes_words(text: str) -> bool:
    """Whether an index of words may hold other words for `text` folded than for `text` itself."""
    if text.isascii() or has_typography_only(text):
        return False
    others = beyond_ascii(text)
    if _PATTERNS.changing.search(others) is not None or _PATTERNS.has_astral(others):
        return True
    return len(others) >= _MANY and has_many_marks(text)


def has_many_marks(text: str) -> bool:
    """Whether a character of `text` has more marks than count."""
    return len(text) >= _LONGEST and _PATTERNS.many_marks.search(text) is not None


def has_typography_only(text: str) -> bool:
    """Whether nothing in `text` beyond ASCII belongs to a word."""
    return beyond_ascii(text).strip(_TYPOGRAPHY) == ""


class _Patterns:
    """Each is made when a text first needs it: that takes a millisecond or two.

    A class with characters beyond the first plane takes `re` ten times as long: those, such as
    emoji, are looked at by themselves.
    """

    @cached_property
    def changing(self) -> re.Pattern[str]:
        return re.compile(f"[{_ASTRAL.sub('', CHANGING)}]")

    @cached_property
    def many_marks(self) -> re.Pattern[str]:
        return re.compile(f"[{_ASTRAL.sub('', MARKS)}]{{{_LONGEST}}}")

    @cached_property
    def _joining(self) -> re.Pattern[str]:
        return re.compile(f"[{_JAMO}{_ASTRAL.sub('', MARKS)}]")

    @cached_property
    def single(self) -> re.Pattern[str]:
        return re.compile(f"[{_ASTRAL.sub('', FOLDED)}]")

    @cached_property
    def _near(self) -> re.Pattern[str]:
        return self._of(_ASTRAL.sub("", MARKS), _ASTRAL.sub("", FOLDED))

    @cached_property
    def _all(self) -> re.Pattern[str]:
        return self._of(MARKS, FOLDED)

    @cached_property
    def _astral(self) -> re.Pattern[str]:
        return re.compile("[\U00010000-\U0010ffff]")

    @cached_property
    def _astral_folded(self) -> re.Pattern[str]:
        return re.compile(f"[{MARKS}{FOLDED}]")

    @staticmethod
    def _of(marks: str, folded: str) -> re.Pattern[str]:
        return re.compile(f"[{_JAMO}]{{2,{_LONGEST}}}|[^{marks}]?[{marks}]+|[{folded}]")

    def clusters(self, others: str) -> re.Pattern[str]:
        """What finds all of a text that is folded, given its characters beyond ASCII."""
        if self.has_astral(others):
            return self._all
        # A single class is looked for several times as fast.
        return self._near if self._joining.search(others) else self.single

    def has_astral(self, text: str) -> bool:
        """Whether characters beyond the first plane are folded."""
        if len(text.encode("utf-16-le", "surrogatepass")) == 2 * len(text):
            return False  # to look for them with `re` takes many times as long
        astral = "".join(self._astral.findall(text))
        return self._astral_folded.search(astral) is not None


_PATTERNS = _Patterns()


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
