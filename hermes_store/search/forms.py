"""Other forms of the words of a text: parts of identifiers, dates, numbers of versions.

`getUserName` is one word of the index; `get User Name` is added beside it. What is added is short,
and most texts need nothing: that is seen from the classes of their characters, in a microsecond.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from string import ascii_lowercase, ascii_uppercase, digits
from urllib.parse import unquote

__all__ = ["BREAK", "classes_of", "forms", "otherwise", "parts_apart"]

BREAK = "\ue01c"
"""A word that no text holds: no phrase reaches from one form to the next."""

_CLASSES = bytes.maketrans(
    (ascii_lowercase + ascii_uppercase + digits).encode(), b"a" * 26 + b"A" * 26 + b"0" * 10
)
_LONGEST_IDENTIFIER = 100
_LONGEST_ADDRESS = 2_000
_NO_LETTER = re.compile(rb"[^aA0?]")
_PART = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[^\WA-Z\d_]+\d*|\d+")
_MOMENT = re.compile(r"(?<!\d)(\d{4}-?\d\d-?\d\d)T(\d\d(?::?\d\d(?::?\d\d)?)?)")
_VERSION = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,12}(\d+(?:\.\d+)+(?:-\w+(?:\.\d+)*)?)")
_NUMBERED = re.compile(r"(?<![A-Za-z0-9])[vV](\d+(?:\.\d+)+)")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPED = re.compile(r"\\[nrt]([^\W_]\w{0,99})")
_CODED = re.compile(r"(?:(?<![\w\\])\w{1,50})?(?:\\u[0-9A-Fa-f]{4}\w{0,50})+")
_JOINED = re.compile("\\w{1,50}(?:[\u200b\u200c]\\w{1,50})+")
_JOINERS = str.maketrans("\u200b\u200c", "  ")


def classes_of(text: str) -> bytes:
    """Of each character a byte: `a`, `A` or `0` for letters and digits of ASCII, `?` beyond it."""
    return text.encode("ascii", "replace").translate(_CLASSES)


def forms(text: str, classes: bytes) -> Iterator[str]:
    """What is indexed beside `text`, whose `classes_of` are given; of most prose nothing."""
    yield from _parts_of_identifiers(text, classes, b"aA")
    yield from _parts_of_identifiers(text, classes, b"AAaa")
    if b"0" in classes:
        if b"00A00" in classes:
            yield from (f"{day} {time}" for day, time in _MOMENT.findall(text))
        if b"a0.0" in classes or b"a00.0" in classes:
            yield from _VERSION.findall(text)
    if "%" in text and _PERCENT.search(text):
        yield from _percent_decoded(text)
    if "\\" in text and any(mark in text for mark in "\"'`"):
        yield from _ESCAPED.findall(text)
        if "\\u" in text:
            yield from filter(None, map(_uncoded, _CODED.findall(text)))
    if not text.isascii() and ("\u200b" in text or "\u200c" in text):
        yield from (each.translate(_JOINERS) for each in _JOINED.findall(text))


def _percent_decoded(text: str) -> Iterator[str]:
    """Pieces of addresses such as `a%20b`."""
    words = (word for word in text.split() if "%" in word and len(word) < _LONGEST_ADDRESS)
    yield from (unquote(word) for word in words if _PERCENT.search(word))


def _parts_of_identifiers(text: str, classes: bytes, hump: bytes) -> Iterator[str]:
    at = classes.find(hump)
    while at >= 0:
        start, least = at, max(0, at - _LONGEST_IDENTIFIER)
        while start > least and classes[start - 1] in b"aA0?":
            start -= 1
        after = _NO_LETTER.search(classes, at)
        end = after.start() if after else len(classes)
        start += text[start - 1 : start] == "\\"  # the n of \nREADME
        parts = _PART.findall(text[start:end]) if end - start <= _LONGEST_IDENTIFIER else []
        if 2 * len(parts) <= end - start and classes[start] != ord("0"):  # else a number or key
            yield " ".join(parts)
        at = classes.find(hump, end)


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
