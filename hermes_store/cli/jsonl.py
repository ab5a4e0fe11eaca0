"""Lines of JSON: which format a file has, its objects, and what is done about a bad line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import IO, Any, Literal, NamedTuple

import click

from hermes_store.cli.text import one_line

__all__ = [
    "Bad",
    "BadLines",
    "FormatError",
    "Kind",
    "exported_sessions",
    "kind_of",
    "lines_of",
    "objects",
]

Kind = Literal["export", "log", "neither", "empty"]
Line = tuple[int, dict[str, Any]]
_MOST_KEPT = 1_000
_MOST_LOOKED_AT = 10_000
"""Lines, for one that tells the format."""
_LONGEST_OF_ANOTHER = 2**24
_LONGEST = 2**31
_REMEDY = "and no session; give a file with one JSON object a line, as export writes it"
_BEFORE = b"\xef\xbb\xbf \t\r"
"""What may stand before an object: the mark of UTF-8, and blanks."""


class Bad(NamedTuple):
    """A line, a record or a row that could not be imported."""

    file: str
    line: int
    problem: str
    unit: str = "line"
    """What the number in `line` counts."""

    def __str__(self) -> str:
        place = f":{self.line}" if self.unit == "line" else f", {self.unit} {self.line}"
        return f"{one_line(self.file)}{place}: {self.problem}"


class FormatError(click.ClickException):
    """A line of a file cannot be imported; names file and line."""

    def __init__(self, bad: Bad, *, cut_off: bool = False) -> None:
        super().__init__(str(bad))
        self.bad = bad
        self.cut_off = cut_off
        """The last line of the file, and it has no end: a program was stopped while writing it."""


class BadLines:
    """What is done about bad lines: the first is an error, or all are left out and told."""

    def __init__(self, *, skip: bool, tell: Callable[[str], None]) -> None:
        self._skip = skip
        self._tell = tell
        self.number = 0
        self.first: list[Bad] = []
        """The first thousand."""

    def meet(self, error: FormatError) -> None:
        """Raise `error`, or note that its line is left out."""
        if not self._skip:
            raise error
        self.number += 1
        if len(self.first) < _MOST_KEPT:
            self.first.append(error.bad)
            self._tell(f"skipped {error.bad}")
        elif self.number == _MOST_KEPT + 1:
            self._tell(f"more than {_MOST_KEPT} bad lines: the others are only counted")


def lines_of(stream: IO[bytes], name: str) -> Iterator[bytes]:
    """The lines of a file. Raises `FormatError` for a long one: it might never end.

    A line that begins an object may be long, as one session may be; any other is not, nor one
    with NUL, which JSON has not: a file that was made longer, and not written, is full of it.
    """
    number = 0
    while line := stream.readline(_LONGEST_OF_ANOTHER):
        number += 1
        if len(line) == _LONGEST_OF_ANOTHER and _may_be_long(line):
            line += stream.readline(_LONGEST - len(line))
        if len(line) in {_LONGEST_OF_ANOTHER, _LONGEST} and not line.endswith(b"\n"):
            raise FormatError(Bad(name, number, f"longer than {len(line):,} bytes, {_REMEDY}"))
        yield line


def _may_be_long(line: bytes) -> bool:
    return line.lstrip(_BEFORE).startswith(b"{") and b"\0" not in line


def kind_of(lines: Iterator[bytes], head: list[bytes]) -> Kind:
    """Return the format of a file; the lines that were read for it are added to `head`."""
    for number, line in enumerate(islice(lines, _MOST_LOOKED_AT), 1):
        head.append(line)
        if line.strip() and (kind := _kind(number, line)):
            return kind
    return "neither" if any(map(bytes.strip, head)) else "empty"


def _kind(number: int, line: bytes) -> Kind | None:
    try:
        value = _decoded(number, line)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        return "export"
    return "log" if isinstance(value, dict) and isinstance(value.get("role"), str) else None


def _decoded(number: int, line: bytes) -> Any:
    return json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))


def objects(
    lines: Iterable[bytes], name: str, on_bad: Callable[[FormatError], None]
) -> Iterator[Line]:
    """Yield the objects in `lines` with the numbers of their lines; `on_bad` hears of others."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = _decoded(number, line)
        except (ValueError, RecursionError) as exc:
            bad = Bad(name, number, f"not JSON ({exc})")
            on_bad(FormatError(bad, cut_off=not line.endswith(b"\n")))
            continue
        if isinstance(value, dict):
            yield number, value
        else:
            on_bad(FormatError(Bad(name, number, "not a JSON object")))


def exported_sessions(lines: Iterable[bytes], name: str, bad: BadLines) -> Iterator[Line]:
    """Yield the sessions that `export` wrote, with the numbers of their lines.

    Raises `FormatError` unless bad lines are skipped.
    """
    for number, session in objects(lines, name, bad.meet):
        if isinstance(session.get("id"), str) and isinstance(session.get("messages"), list):
            yield number, session
            continue
        problem = "a session needs an 'id' and 'messages'"
        if "messages" not in session and "role" not in session:
            problem = "neither a session with 'messages' nor a message with a 'role'"
        bad.meet(FormatError(Bad(name, number, problem)))
