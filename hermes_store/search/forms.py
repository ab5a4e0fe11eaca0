"""Other forms of the words of a text: parts of identifiers, dates, numbers of versions.

`getUserName` is one word of the index; `get User Name` is added beside it. What is added is short,
and most texts need nothing: that is seen from the classes of their characters, in a microsecond.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from urllib.parse import unquote

from hermes_store.search.codes import decoded_words, has_entities, has_escapes

__all__ = ["HUMP", "forms", "forms_at_seams", "otherwise", "parts_apart", "seams_of"]

_LOWER, _UPPER, _TEE, _DIGITS = 0b0010001, 0b0010010, 0b1010010, 0b0100000
_CLASSES = bytes(
    _LOWER if chr(code) in ascii_lowercase
    else _TEE if chr(code) == "T"
    else _UPPER if chr(code) in ascii_uppercase
    else _DIGITS if chr(code) in digits
    else 0
    for code in range(256)
)  # fmt: skip
"""The bits are such that of two neighbours only those have bits in a row that make a seam."""

HUMP = 2
"""A capital after a small letter."""
_LAST_CAPITAL, _NUMBER_AFTER_LETTER, _TIME = 4, 32, 64
_TEE_BETWEEN_DIGITS = bytes([_DIGITS, _TEE, _DIGITS])
_LONGEST_IDENTIFIER = 100
_LONGEST_ADDRESS = 2_000
_LONGEST_KEY = 50
_PART = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[^\WA-Z\d_]+\d*|\d+")
_MOMENT = re.compile(r"(?<!\d)(\d{4}-?\d\d-?\d\d)T(\d\d(?::?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?)?)")
_NUMBER = re.compile(r"\d+(?:\.\d+)+(?:-\w{1,20}(?:\.\d+)*)?", re.ASCII)
_GOES_ON = frozenset("." + digits)
_NUMBERED = re.compile(r"(?<![A-Za-z0-9])[vV](\d+(?:\.\d+)+)")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPED = re.compile(r"\\[nrt]([^\W_]\w{0,99})")
_JOINED = re.compile("\\w{1,50}(?:[\u200b\u200c]\\w{1,50})+")
_JOINERS = str.maketrans("\u200b\u200c", "  ")


def seams_of(text: str) -> tuple[bytes, bytes]:
    """Of each character a byte: what kind of letter or digit of ASCII it is; 0 for all others.

    And of each a byte how it differs from the one before; nothing for most prose. All are compared
    at once, as one number: to search for pairs takes longer.
    """
    classes = text.encode("ascii", "replace").translate(_CLASSES)
    number = int.from_bytes(classes, "big")
    alike = number & (number >> 8)
    # `S` of `HTTPServer`: a capital after another one, before two small letters. Digits before two
    # letters leave a sign of _TIME there that is none.
    last_capitals = (alike & (alike << 17)) << 1
    seams = number & (number >> 7) | last_capitals
    return classes, seams.to_bytes(len(classes), "big") if seams else b""


def forms(text: str, classes: bytes, seams: bytes) -> list[str]:
    """What is indexed beside `text`, of which the classes and seams are given."""
    found = forms_at_seams(text, classes, seams) if seams else []
    if "%" in text and _PERCENT.search(text):
        found += _percent_decoded(text)
    if not text.isascii() and ("\u200b" in text or "\u200c" in text):
        found += [each.translate(_JOINERS) for each in _JOINED.findall(text)]
    if "\\" in text and ('"' in text or "'" in text or "`" in text):
        found += _ESCAPED.findall(text)
        if has_escapes(text):
            return found + list(decoded_words(text))
    if "&" in text and has_entities(text):
        found += decoded_words(text)
    return found


def forms_at_seams(text: str, classes: bytes, seams: bytes) -> list[str]:
    """Those of them that are parts of words: of identifiers, dates and versions."""
    found: list[str] = []
    for sign in (HUMP, _LAST_CAPITAL):
        at = seams.find(sign)
        while at >= 0:
            start, end = classes.rfind(0, 0, at) + 1, classes.find(0, at)
            if end < 0:
                end = len(classes)
            if end - start <= _LONGEST_IDENTIFIER:
                if start and text[start - 1] == "\\" and text[start] in "nrt":
                    found += _parts_behind_backslash(text[start:end])
                elif parts := _parts(text[start:end]):
                    found.append(parts)
            at = seams.find(sign, end)
    if _TIME in seams and _TEE_BETWEEN_DIGITS in classes:
        found += map(_with_key, _MOMENT.finditer(text))
    if _NUMBER_AFTER_LETTER in seams:
        found += _numbers_of_versions(text, seams)
    return found


def _with_key(moment: re.Match[str]) -> str:
    """Day and time, and what they are joined to, as in `start=2026-04-28T23:15`."""
    text, start = moment.string, moment.start()
    before = ""
    if start and text[start - 1] in "=:":
        before = text[max(0, start - _LONGEST_KEY) : start].split()[-1]
    return f"{before}{moment[1]} {moment[2]}"


def _numbers_of_versions(text: str, seams: bytes) -> list[str]:
    """`1.22.19` of `v1.22.19`; those after a small letter come first."""
    after_small: list[str] = []
    after_capitals: list[str] = []
    at = seams.find(_NUMBER_AFTER_LETTER)
    while at >= 0:
        if text[at + 1 : at + 2] in _GOES_ON and (number := _NUMBER.match(text, at)):
            (after_small if text[at - 1].islower() else after_capitals).append(number[0])
        at = seams.find(_NUMBER_AFTER_LETTER, at + 1)
    return after_small + after_capitals


def _percent_decoded(text: str) -> Iterator[str]:
    """Pieces of addresses such as `a%20b`."""
    words = (word for word in text.split() if "%" in word and len(word) < _LONGEST_ADDRESS)
    yield from (unquote(word) for word in words if _PERCENT.search(word))


def _parts_behind_backslash(identifier: str) -> Iterator[str]:
    r"""Its first letter may be that of an escape: `\nREADME`; or its own: `\newFile`."""
    words = [identifier[1:]]
    if words[0][:1].islower():
        words.append(identifier)
    return filter(None, map(_parts, filter(None, words)))


@lru_cache(maxsize=4096)
def _parts(identifier: str) -> str:
    """The parts with blanks between them; nothing of what is rather a number or a key."""
    parts = _PART.findall(identifier)
    if 2 * len(parts) > len(identifier) or identifier[0].isdecimal():
        return ""
    return " ".join(parts)


def otherwise(typed: str) -> list[str]:
    """What is typed, and how the same date or version may stand in a text as well."""
    if typed.isalpha():
        return [typed]
    return list(dict.fromkeys([typed, _MOMENT.sub(r"\1 \2", _NUMBERED.sub(r"\1", typed))]))


# --- for snippets ---------------------------------------------------------------------------------


def _kinds(**characters: str) -> bytes:
    """What each character becomes: the name of its kind, or a blank."""
    of = {character: kind for kind, some in characters.items() for character in some}
    return "".join(of.get(chr(code), " ") for code in range(256)).encode()


# To look for kinds next to each other takes a fifth of the time of `re`.
_CAPITALS = _kinds(A=ascii_uppercase, a=ascii_lowercase + digits)
_NUMBERS = _kinds(a=ascii_letters, n=digits)
_NUMBER_GOES_ON = re.compile(r"\d*\.\d", re.ASCII)
_BEFORE_A_PART = re.compile("%[0-9A-Fa-f]{2}|\\\\[nrt](?=\\w)|\u200b|\u200c")


def parts_apart(text: str) -> tuple[str, Callable[[int], int]]:
    """`text` with a blank between the parts of its words, and where in it a character stands."""
    seams = {*_part_begins(text)}
    if "T" in text:
        seams.update(moment.end() for moment in _MOMENT.finditer(text))
        text = _MOMENT.sub(r"\1 \2", text)
    if "%" in text or "\\" in text or not text.isascii():
        seams.update(sign.end() for sign in _BEFORE_A_PART.finditer(text))
    in_order = sorted(seams - {len(text)})
    pieces = [text[start:end] for start, end in pairwise([0, *in_order, len(text)])]
    blanks = [seam + number for number, seam in enumerate(in_order)]
    return " ".join(pieces), lambda at: at - bisect_left(blanks, at)


def _part_begins(text: str) -> Iterator[int]:
    """Where a part begins after another one: of identifiers, times and numbers of versions."""
    encoded = text.encode("ascii", "replace")
    kinds, numbers = encoded.translate(_CAPITALS), encoded.translate(_NUMBERS)
    for at in _places(kinds, b"aA"):
        yield at + 1
        if text[at + 1] == "T" and numbers[at : at + 3] == b"nan":
            yield at + 2
    yield from (at + 1 for at in _places(kinds, b"AAaa") if text[at + 2 : at + 4].isalpha())
    for at in _places(numbers, b"an"):
        if _NUMBER_GOES_ON.match(text, at + 2):
            yield at + 1


def _places(kinds: bytes, sign: bytes) -> Iterator[int]:
    at = kinds.find(sign)
    while at >= 0:
        yield at
        at = kinds.find(sign, at + 1)
