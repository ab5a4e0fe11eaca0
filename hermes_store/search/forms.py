"""Other forms of the words of a text: parts of identifiers, dates, numbers of versions.

`getUserName` is one word of the index; `get User Name` is added beside it. What is added is short,
and most texts need nothing: that is seen from the classes of their characters, in a microsecond.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase, digits
from urllib.parse import unquote

__all__ = ["classes_of", "forms", "otherwise", "parts_apart"]

_CLASSES = bytes(
    ord("a") if chr(code) in ascii_lowercase
    else ord("A") if chr(code) in ascii_uppercase
    else ord("0") if chr(code) in digits
    else ord(" ")
    for code in range(256)
)  # fmt: skip
_LONGEST_IDENTIFIER = 100
_LONGEST_ADDRESS = 2_000
_PART = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[^\WA-Z\d_]+\d*|\d+")
_MOMENT = re.compile(r"(?<!\d)(\d{4}-?\d\d-?\d\d)T(\d\d(?::?\d\d(?::?\d\d)?)?)")
_NUMBER = re.compile(r"\d+(?:\.\d+)+(?:-\w{1,20}(?:\.\d+)*)?", re.ASCII)
_LONGEST_NUMBER = 20
_DIGIT, _BLANK = b"0 "
_NUMBERED = re.compile(r"(?<![A-Za-z0-9])[vV](\d+(?:\.\d+)+)")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPED = re.compile(r"\\[nrt]([^\W_]\w{0,99})")
_CODED = re.compile(r"(?:(?<![\w\\])\w{1,50})?(?:\\u[0-9A-Fa-f]{4}\w{0,50})+")
_JOINED = re.compile("\\w{1,50}(?:[\u200b\u200c]\\w{1,50})+")
_JOINERS = str.maketrans("\u200b\u200c", "  ")


def classes_of(text: str) -> bytes:
    """Of each character a byte: `a`, `A` or `0` for letters and digits of ASCII, else a blank."""
    return text.encode("ascii", "replace").translate(_CLASSES)


def forms(text: str, classes: bytes, humps: int) -> list[str]:
    """What is indexed beside `text`; of most prose nothing.

    Its `classes_of` are given, and how often a capital follows a small letter.
    """
    found = _parts_of_identifiers(text, classes, b"aA") if humps else []
    if b"AA" in classes and b"AAaa" in classes:
        found += _parts_of_identifiers(text, classes, b"AAaa")
    if b"0" in classes:
        if b"00A00" in classes:
            found += [f"{day} {time}" for day, time in _MOMENT.findall(text)]
        if b"0 0" in classes:
            found += _numbers_of_versions(text, classes)
    if "%" in text and _PERCENT.search(text):
        found += _percent_decoded(text)
    if "\\" in text and any(mark in text for mark in "\"'`"):
        found += _ESCAPED.findall(text)
        if "\\u" in text:
            found += filter(None, map(_uncoded, _CODED.findall(text)))
    if not text.isascii() and ("\u200b" in text or "\u200c" in text):
        found += [each.translate(_JOINERS) for each in _JOINED.findall(text)]
    return found


def _numbers_of_versions(text: str, classes: bytes) -> Iterator[str]:
    """`1.22.19` of `v1.22.19`."""
    at = classes.find(b"0 0")
    while at >= 0:
        end = at + 1
        if text[end] == ".":
            start = _start_of_number(classes, at)
            number = _NUMBER.match(text, start)
            end = number.end() if number else end
            if number and start and classes[start - 1] != _BLANK:
                yield number[0]
        at = classes.find(b"0 0", end)


def _start_of_number(classes: bytes, at: int) -> int:
    least = max(0, at - _LONGEST_NUMBER)
    while at > least and classes[at - 1] == _DIGIT:
        at -= 1
    return at


def _percent_decoded(text: str) -> Iterator[str]:
    """Pieces of addresses such as `a%20b`."""
    words = (word for word in text.split() if "%" in word and len(word) < _LONGEST_ADDRESS)
    yield from (unquote(word) for word in words if _PERCENT.search(word))


def _parts_of_identifiers(text: str, classes: bytes, hump: bytes) -> list[str]:
    found = []
    at = classes.find(hump)
    while at >= 0:
        start, end = classes.rfind(b" ", 0, at) + 1, classes.find(b" ", at)
        end = end if end >= 0 else len(classes)
        if end - start <= _LONGEST_IDENTIFIER:
            start += text[start - 1 : start] == "\\"  # the n of \nREADME
            if parts := _parts(text[start:end]):
                found.append(parts)
        at = classes.find(hump, end)
    return found


@lru_cache(maxsize=4096)
def _parts(identifier: str) -> str:
    """The parts with blanks between them; nothing of what is rather a number or a key."""
    parts = _PART.findall(identifier)
    if 2 * len(parts) > len(identifier) or identifier[0].isdecimal():
        return ""
    return " ".join(parts)


def _uncoded(word: str) -> str:
    try:
        decoded: str = json.loads(f'"{word}"')
    except ValueError:
        return ""
    return decoded.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def otherwise(typed: str) -> list[str]:
    """What is typed, and how the same date or version may stand in a text as well."""
    return list(dict.fromkeys([typed, _MOMENT.sub(r"\1 \2", _NUMBERED.sub(r"\1", typed))]))


# --- for snippets ---------------------------------------------------------------------------------

_SEAM = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})|(?<=\dT)(?=\d)|(?<=[A-Za-z])(?=\d+\.\d)"
    r"|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])(?=\w)|(?<=\d)(?=Z)"
    "|(?<=[\u200b\u200c])"
)


def parts_apart(text: str) -> tuple[str, list[int]]:
    """`text` with a blank between the parts of its words, and where each character stands in it."""
    seams = [seam.start() for seam in _SEAM.finditer(text)]
    pieces: list[str] = []
    places: list[int] = []
    for start, end in zip([0, *seams], [*seams, len(text)], strict=True):
        pieces.append(text[start:end])
        places += [*range(start, end), end]
    return " ".join(pieces), places
