"""What of a message is text: JSON and escape sequences undone, noise left out.

A snippet shows these texts, and the index holds their words. A text that cannot be parsed is taken
as it is. The time of everything here grows with the length of the text and no faster.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, NoReturn

from hermes_store.search.ddl import LONGEST_TEXT, NOISE_KEYS
from hermes_store.search.forms import HUMP, seams_of

__all__ = ["calls", "clean", "looked_through", "of_calls", "of_content", "parts", "undone"]

_NOISE_KEYS = frozenset(key.strip("' ") for key in NOISE_KEYS.split(","))
_LONGEST_WORD = 512
_DEEPEST = 5  # JSON text in a string of JSON text, and so on


def of_content(content: str, content_format: str | None) -> str:
    """The text of a message, or the texts in structured content, one a line."""
    if content_format is not None:
        try:
            return _bounded("\n".join(clean(undone(each)[0]) for each in parts(content)))
        except (ValueError, RecursionError):
            pass
    return clean(undone(content)[0])


def of_calls(tool_calls: str) -> str:
    """Of each call its name and its arguments: `read_file {path: foo/bar.py}`."""
    return clean(calls(tool_calls))


def clean(text: str) -> str:
    """`text` without escape sequences and blocks of base64."""
    text = _printed(text)
    if not (_HAS_LONG_WORD.match(text) and may_hold_base64(text, seams_of(text)[1])):
        return text
    return _without_base64(text)


def looked_through(text: str) -> tuple[str, bytes, bytes]:
    """`text` clean, and its classes and seams."""
    text = _printed(text)
    classes, seams = seams_of(text)
    if not may_hold_base64(text, seams):
        return text, classes, seams
    text = _without_base64(text)
    return text, *seams_of(text)


def _printed(text: str) -> str:
    """`text`, not too long, without escape sequences and data URLs."""
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT]
    if "\x1b" in text or "\x08" in text or not text.isascii():
        text = _without_sequences(text)
    return _DATA_URL.sub(" ", text) if ";" in text and ";base64," in text else text


def _bounded(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT]


# --- terminals ----------------------------------------------------------------------------------

_CONTROL = "[\x1b\x90\x98\x9b\x9d-\x9f]"
_REST = (
    "(?:(?:(?<=\x1b)\\[|(?<=\x9b))[0-?]*(?: q|[!-/]*[@-~])"  # CSI: colours, moves of the cursor
    # OSC, DCS and the like: titles, links
    "|(?:(?<=\x1b)[\\]PX^_]|(?<=[\x90\x98\x9d-\x9f]))[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\\\|\x9c)"
    "|(?<=\x1b)(?:[!-/]+[0-~]|[0-?cHMNOZ=>|}~]|\\[[0-?]*|[\\]PX^_]?))"
)
# All begin with a class of characters: `re` then skips other text ten times as fast.
_SEQUENCES = re.compile(f"{_CONTROL}{_REST}(?:{_CONTROL}{_REST})*")
_SEQUENCES_AND_OVERSTRIKES = re.compile(f"(?:{_CONTROL}{_REST}|.\x08)+")
_BETWEEN_WORDS = re.compile("\x1b(?<=[^\\W_].)(?=[^\\W_])")
_INTRODUCERS = "\x08\x1b\x90\x98\x9b\x9d\x9e\x9f"


def _without_sequences(text: str) -> str:
    """`text` without what a terminal does not print; between two words a blank stands for it."""
    if not any(map(text.__contains__, _INTRODUCERS)):
        return text
    if "\x08" in text:
        return _SEQUENCES_AND_OVERSTRIKES.sub(_blank_between_words, text)
    marked = _SEQUENCES.sub("\x1b", text)  # which no other text has left then
    return _BETWEEN_WORDS.sub(" ", marked).replace("\x1b", "")


def _blank_between_words(found: re.Match[str]) -> str:
    if "\x08" in found[0]:  # a letter typed over another one, to make it bold
        return ""
    text, (start, end) = found.string, found.span()
    return " " if text[start - 1 : start].isalnum() and text[end : end + 1].isalnum() else ""


# --- bytes written as text ------------------------------------------------------------------------

_DATA_URL = re.compile(r"(?<![\w-])data:[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*;base64,[\w+/=-]*")
_BLOCK = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{256,}={0,2}")
_WRAPPED = re.compile(r"(?<![\w+/=-])(?:[A-Za-z0-9+/]{60,76}\r?\n){3,}[A-Za-z0-9+/]*={0,2}")
_LINE = 60
_FEWEST_HUMPS = 12
_HUMPS = re.compile(b"\\x%02x(?:[^\\x%02x]{0,40}+\\x%02x){11}" % (HUMP, HUMP, HUMP))
"""`aB` stands in base64 at every fifth place, hardly ever so close together in other texts."""
_MIXED = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])")


_HAS_LONG_WORD = re.compile(f"(?:.{{0,{3 * _LINE - 1}}} )*+.{{{3 * _LINE}}}", re.DOTALL)
"""Whether so many characters follow each other without a blank as there are in any such block."""


def may_hold_base64(text: str, seams: bytes) -> bool:
    """Whether there may be blocks of it in a text with these seams."""
    if seams.count(HUMP) < _FEWEST_HUMPS or not _HUMPS.search(seams):
        return False
    return max(map(len, text.split()), default=0) >= _LINE


def _without_base64(text: str) -> str:
    return _WRAPPED.sub(_unless_mixed, _BLOCK.sub(_unless_mixed, text))


def _unless_mixed(found: re.Match[str]) -> str:
    return " " if _MIXED.match(found[0]) else found[0]


# --- JSON -----------------------------------------------------------------------------------------

_CONTAINERS = ("{", "[")
_OPENING = (*_CONTAINERS, '"')
_OPENING_LINES = (*_OPENING, "data: ")
_BEGIN_OF_INNER = ('"{', '"[', '"\\"', "\\n{", "\\n[", "data: {")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_loads = partial(json.loads, parse_constant=_refuse)
_loads_leniently = partial(json.loads, strict=False)
_BEGUN_CODE = re.compile(r"u?[0-9A-Fa-f]{0,3}\Z")


def may_be_json(text: str) -> bool:
    """Whether `text` may be JSON with something in it to undo."""
    return "\\" in text and text[:50].lstrip().startswith(_OPENING_LINES)


def undone(text: str) -> tuple[str, bool]:
    """JSON text as it reads, and whether the view of the index makes the same of it.

    Lines are undone one by one where each is JSON by itself. Other texts stay as they are.
    """
    if not may_be_json(text):
        return text, True
    try:
        value = _loads(text)
        inner = _with_inner(text, value)
    except (ValueError, RecursionError):
        if (read := _leniently(text)) is not None:
            return read, False
        text = _bounded(text)  # to read line by line takes microseconds a character
        lines = "\n".join(map(_undone_line, text.split("\n"))) if "\n" in text else text
        return lines, lines == text
    if inner is not None:
        return inner, False
    shown = _as_it_reads(text)
    return shown, text.startswith(_OPENING) and "\ufffd" not in shown


def _undone_line(line: str) -> str:
    begins = line.removeprefix("data: ")
    if "\\" not in line or begins[:1] not in _OPENING:
        return line
    try:
        return _with_inner(begins, _loads_leniently(begins)) or _as_it_reads(begins)
    except (ValueError, RecursionError) as exc:
        return _cut_off(begins, exc) or line


def _leniently(text: str) -> str | None:
    """JSON that ends too soon, or has line breaks in its strings, as it reads; None of all else."""
    try:
        _loads_leniently(text)
        return _as_it_reads(text)
    except (ValueError, RecursionError) as exc:
        return _cut_off(text, exc)


def _cut_off(text: str, exc: Exception) -> str | None:
    """The same of JSON that ends too soon, without the escape in which it ends.

    None where the error is before the end, or none of the text, as of too many digits.
    """
    if not isinstance(exc, json.JSONDecodeError) or text.lstrip()[:1] not in _CONTAINERS:
        return None
    end = len(text.rstrip())
    if exc.msg.startswith("Unterminated string"):
        end = len(text) - (len(text) - len(text.rstrip("\\"))) % 2
    elif exc.msg.startswith("Invalid \\u") and _BEGUN_CODE.match(text, exc.pos):
        end = text.rindex("\\", 0, exc.pos + 1)
    elif exc.pos < end:
        return None
    return _as_it_reads(text[:end])


def _with_inner(text: str, value: Any) -> str | None:
    """The text of `value`, when a string in it is JSON text itself; `text` stands for `value`."""
    if "\\\\" not in text or not any(sign in text for sign in _BEGIN_OF_INNER):
        return None
    shown = _shown(value, _DEEPEST)
    return shown if shown != _shown(value, 0) else None


def _as_it_reads(text: str) -> str:
    """JSON with its braces and commas, its strings bare: what the view makes of it as well."""
    bare = text.replace("\\\\", "\\u005c").replace("\\u0000", " ").replace('\\"', "\\u0022")
    bare = bare.replace('"', "").replace("\t", " ").replace("\n", " ").replace("\r", " ")
    return _storable(json.loads(f'["{bare}"]', strict=False)[0])


def _shown(value: Any, deeper: int) -> str:
    """The same, where a string may be JSON text itself."""
    if isinstance(value, str):
        return _shown_string(value, deeper)
    if isinstance(value, dict):
        pairs = (f"{_storable(key)}: {_shown(each, deeper)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(each, deeper) for each in value) + "]"
    return json.dumps(value)


def _shown_string(text: str, deeper: int) -> str:
    if not deeper or "\\" not in text:
        return _storable(text)
    if text.lstrip()[:1] in _OPENING:
        try:
            return _shown(_loads(text), deeper - 1)
        except ValueError:
            if (read := _leniently(text)) is not None:
                return read
    return "\n".join(_storable(_undone_line(line)) for line in text.split("\n"))


def _storable(text: str) -> str:
    """`text` without surrogates, of which JSON may hold single ones, and without NUL."""
    if text.isascii():
        return text.replace("\0", " ")
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\0", " ")


# --- structured content ---------------------------------------------------------------------------


def parts(content: str) -> list[str]:
    """The strings of structured content that are read: what the view makes of it as well.

    Raises `ValueError` for a text that is not JSON, and `RecursionError`.
    """
    return [*map(_storable, _strings(_loads(content)))]


def _strings(value: Any) -> Iterator[str]:
    """Every string that is a value, without identifiers and the bytes of pictures."""
    if isinstance(value, str):
        if not ((value.startswith("data:") and _DATA.match(value)) or _is_bytes(value)):
            yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if not (isinstance(each, str) and key in _NOISE_KEYS):
                yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


_DATA = re.compile(r"data:(?:[\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*,")
"""The view leaves out all that begins with `data:`."""


def _is_bytes(value: str) -> bool:
    return len(value) > _LONGEST_WORD and value.isascii() and " " not in value and "\n" not in value


# --- tool calls -----------------------------------------------------------------------------------


def calls(tool_calls: str, deepest: int = _DEEPEST) -> str:
    """Name and arguments of each call, with whatever stands in them."""
    try:
        found = _loads(tool_calls)
        some = found if isinstance(found, list) else [found]
        return _bounded(" ".join(_call(call, deepest) for call in some))
    except (ValueError, RecursionError):
        return _bounded(tool_calls)


def _call(call: Any, deepest: int) -> str:
    outer = call if isinstance(call, dict) else {}
    function = outer.get("function")
    inner = function if isinstance(function, dict) else {}
    given = (inner.get("arguments"), outer.get("arguments"), outer.get("input"), call)
    name = inner.get("name", outer.get("name"))
    arguments = _arguments(next((each for each in given if each is not None), ""), deepest)
    return f"{name} {arguments}" if isinstance(name, str) else arguments


def _arguments(given: Any, deepest: int) -> str:
    try:
        return _shown(_loads(given) if isinstance(given, str) else given, deepest)
    except ValueError:
        return (_leniently(given) if deepest else None) or _storable(given)
