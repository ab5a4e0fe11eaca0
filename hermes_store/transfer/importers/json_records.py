"""JSON of any length, read record by record: an array, lines, or one object.

Memory holds one record. Text is UTF-8 with or without a byte order mark, or UTF-16 with one.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

__all__ = ["MOST_CHARACTERS", "JsonRecords", "Record", "Stream", "pass_over"]

Record = tuple[int, Any]
OnBad = Callable[[int, str, bool], object]
"""Hears of a number, what is wrong there, and whether it is only the last line, cut off."""


def pass_over(_number: int, _problem: str, _is_cut_off: bool) -> None:
    """Hear of what cannot be read, and do nothing about it: another reading tells it."""


_AT_ONCE = 1 << 20
MOST_CHARACTERS = 256_000_000
"""Of one record."""
_NEAR_THE_END = 12
"""The longest token that can be cut off is shorter."""
_BLANKS = " \t\r\n"
_BLANK = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n,]*")
_ESCAPED = re.compile("[\udc80-\udcff]")
"""Bytes that are not valid UTF-8, as the decoder marks them."""
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_FOLLOWS = tuple(" \t\r\n,]")
_FIRST_KEY = re.compile(r'\{\s*("(?:[^"\\]|\\.){0,100}")\s*:')


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


class JsonRecords:
    """The records of a stream, each with its number: of the record in an array, else of its line.

    `on_bad` hears of those that cannot be read. Iterate once.
    """

    def __init__(self, stream: Stream, on_bad: OnBad) -> None:
        self._stream = stream
        self._on_bad = on_bad
        self._decoder: codecs.IncrementalDecoder | None = None
        self._text = ""
        self._at = 0
        self._ended = False
        self._decode = json.JSONDecoder(parse_constant=str).raw_decode
        self.unit = "line"
        """What the numbers count: "record" or "line"."""
        self.had_invalid_bytes = False

    def __iter__(self) -> Iterator[Record]:
        while not self._ended and self._skip(_BLANK) == "":
            self._fill()
        if self._skip(_BLANK) == "[":
            self.unit = "record"
            self._at += 1
            yield from self._array()
        else:
            yield from self._lines()

    # --- lines -----------------------------------------------------------------------------------

    def _lines(self) -> Iterator[Record]:
        number = 1 + self._text.count("\n", 0, self._at)
        while line := self._line():
            if len(line) > MOST_CHARACTERS:
                self._on_bad(number, f"longer than {MOST_CHARACTERS:,} characters", False)
                line = line[-1:] if line.endswith("\n") else self._rest_of_line()
            elif line.strip(_BLANKS):
                yield from self._of_line(number, line)
            number += line.count("\n")

    def _of_line(self, number: int, line: str) -> Iterator[Record]:
        try:
            yield number, _whole(self._decode, line)
        except (ValueError, RecursionError) as exc:
            begins = number == 1 and line.startswith("{") and _is_cut_off(exc, line)
            if begins and (found := self._document(line)) is not None:
                yield number, found
                return
            self._on_bad(number, f"not JSON ({_said(exc)})", not line.endswith("\n"))

    def _line(self) -> str:
        """The next line with its end; "" behind the last."""
        begin = self._at
        while (end := self._text.find("\n", begin)) < 0:
            begin = len(self._text) - self._at
            if self._ended or not self._fill():
                end = len(self._text) - 1
                break
        line, self._at = self._text[self._at : end + 1], end + 1
        return line

    def _rest_of_line(self) -> str:
        """Go on behind the end of a line without holding it; "" when it has none."""
        while (end := self._text.find("\n", self._at)) < 0:
            self._at = len(self._text)
            if not self._fill():
                return ""
        self._at = end + 1
        return "\n"

    def _document(self, first: str) -> Any:
        """One object on many lines, which is all of the stream; None for anything else."""
        self._text, self._at = first + self._text[self._at :], 0
        while self._fill():
            pass
        try:
            value = _whole(self._decode, self._text)
        except (ValueError, RecursionError):
            self._at = len(first)
            return None
        self._at = len(self._text)
        return value

    # --- an array --------------------------------------------------------------------------------

    def _array(self) -> Iterator[Record]:
        number, first_key = 0, ""
        while (sign := self._next_sign()) not in {"", "]"}:
            number += 1
            begin_key = _FIRST_KEY.match(self._text, self._at)
            first_key = begin_key[1] if begin_key and not first_key else first_key
            try:
                yield number, self._value(sign)
            except (ValueError, RecursionError) as exc:
                is_cut_off = self._ended and _is_cut_off(exc, self._text)
                self._on_bad(number, f"{'cut off, ' * is_cut_off}not JSON ({_said(exc)})", False)
                if not self._find_next(first_key):
                    return
        if sign == "":
            self._on_bad(number + 1, "cut off: the array has no end", False)
        self._at += 1
        while (sign := self._skip(_BLANK)) == "" and self._fill():
            pass
        if sign:
            self._on_bad(number + 1, "the array has ended, and more text follows", False)

    def _next_sign(self) -> str:
        while (sign := self._skip(_BETWEEN)) == "" and self._fill():
            pass
        return sign

    def _value(self, sign: str) -> Any:
        """The value that begins here. Raises `ValueError` and `RecursionError`."""
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except ValueError as exc:
                if _is_cut_off(exc, self._text) and self._fill():
                    continue
                raise
            follows = self._text[end : end + 1]
            if sign not in "{[" and follows not in _FOLLOWS and self._fill():
                continue  # a number may go on
            self._at = end
            return value

    def _find_next(self, first_key: str) -> bool:
        """Go to where a record like those before may begin; False when there is none."""
        begin = re.compile(r"\{\s*" + re.escape(first_key) + r"\s*:")
        self._at += 1
        while first_key:
            if found := begin.search(self._text, self._at):
                self._at = found.start()
                return True
            self._at = max(self._at, len(self._text) - 200)
            if not self._fill():
                break
        return False

    # --- text ------------------------------------------------------------------------------------

    def _skip(self, what: re.Pattern[str]) -> str:
        """Go on behind what does not count; return the sign there, "" where the text ends."""
        found = what.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return self._text[self._at : self._at + 1]

    def _fill(self) -> bool:
        """Read on, twice as much each time that a record needs more. False when nothing is left.

        Also False for a record that is too long.
        """
        held = len(self._text) - self._at
        if self._ended or held > MOST_CHARACTERS:
            return False
        read = self._stream.read(min(max(_AT_ONCE, held), MOST_CHARACTERS + _AT_ONCE - held))
        if self._decoder is None:
            name, errors = _encoding(read)
            self._decoder = codecs.getincrementaldecoder(name)(errors)
        self._ended = not read
        more = self._decoder.decode(read, final=self._ended)
        if _ESCAPED.search(more):
            self.had_invalid_bytes, more = True, _ESCAPED.sub("\ufffd", more)
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more) or not self._ended


def _encoding(head: bytes) -> tuple[str, str]:
    """The encoding that a byte order mark names, and what is done with invalid bytes."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name, "replace"
    return "utf-8-sig", "surrogateescape"


def _whole(decode: Callable[..., tuple[Any, int]], text: str) -> Any:
    """The one value of a text. Raises `ValueError` and `RecursionError`."""
    begin = _BLANK.match(text)
    assert begin is not None
    value, end = decode(text, begin.end())
    if text[end:].strip(_BLANKS):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _is_cut_off(error: Exception, text: str) -> bool:
    """Whether more text may mend it."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated") or error.pos >= len(text) - _NEAR_THE_END


def _said(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it nests too deep"
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)
