r"""Characters that a text has as codes: `%C3%BC`, `\u00fc`, `&uuml;` and `\303\274` are all `ü`.

JSON is undone in `texts.py`. This is for codes in other texts: in addresses, in pages, in what a
program quotes, in names of files as git writes them. The index holds the words with such codes
twice, as they are and decoded. The snippet of a hit that is found so is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_to_bytes

__all__ = ["decoded", "decoded_words", "has_entities", "has_escapes"]

_HEX = "[0-9A-Fa-f]"


def _repeated(kind: str, sign: str, code: str) -> str:
    """A group for a code behind its sign, and those that follow at once."""
    return f"(?P<{kind}>{code}(?:{sign}{code})*)"


# It begins with a class of characters: `re` then skips other text ten times as fast. Of a run of
# backslashes only the first is looked at.
_CODE = re.compile(
    r"[%&\\](?:"
    f"(?<=%){_repeated('percent', '%', _HEX + '{2}')}"
    f"|(?<=&)(?P<entity>(?:#[0-9]{{1,7}}|#[xX]{_HEX}{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,31}});)"
    r"|(?<=\\)(?<!\\\\)\\*+(?:"
    + "|".join(
        (
            _repeated("unit", r"\\++", f"u{_HEX}{{4}}"),
            _repeated("byte", r"\\++", f"x{_HEX}{{2}}"),
            _repeated("octal", r"\\++", "[23][0-7]{2}"),
            _repeated("space", r"\\++", "[nrt]"),
            """(?P<sign>["'/])""",
        )
    )
    + "))"
)
_MAY_BE_ESCAPED = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[23][0-7]{2})")
_MAY_BE_ENTITY = re.compile("&#?[A-Za-z0-9]{2,31};")
_STOP = re.compile("[\\s\"'`<>]")
_LONGEST_BESIDE = 50
"""Characters of a word that are taken along before its first code and behind its last one."""
_LONGEST_KNOWN = 24
"""Characters of a code that is remembered."""
_WITHOUT_SIGNS = str.maketrans("", "", "\\ux")
_CONTROLS = dict.fromkeys(range(32), " ")


def decoded(text: str) -> str:
    """`text` with all codes undone."""
    if not any(sign in text for sign in "%&\\"):
        return text
    return _CODE.sub(_undone, text)


def decoded_words(text: str) -> Iterator[str]:
    """The words of `text` with escapes or entities in them, decoded."""
    start, end, is_other = -1, 0, False
    for code in _CODE.finditer(text):
        if start < 0 or _STOP.search(text, end, code.start()):
            if is_other:
                yield _decoded_word(text, start, end)
            start, is_other = code.start(), False
        end = code.end()
        is_other = is_other or _makes_a_word(code)
    if is_other:
        yield _decoded_word(text, start, end)


def has_entities(text: str) -> bool:
    """Whether there may be any, such as `&uuml;`."""
    return ";" in text and _MAY_BE_ENTITY.search(text) is not None


def has_escapes(text: str) -> bool:
    """Whether there may be any for letters."""
    return _MAY_BE_ESCAPED.search(text) is not None


def _decoded_word(text: str, start: int, end: int) -> str:
    """The word whose codes stand between two places."""
    before = _STOP.split(text[max(0, start - _LONGEST_BESIDE) : start])[-1]
    after = _STOP.split(text[end : end + _LONGEST_BESIDE], maxsplit=1)[0]
    return before + _CODE.sub(_undone, text[start:end]) + after


def _makes_a_word(code: re.Match[str]) -> bool:
    """Whether there is another word without the code: it is a letter, or stands between two."""
    character = _undone(code)
    if character == code[0] or code.lastgroup in ("percent", "space", "sign"):
        return False
    text, (start, end) = code.string, code.span()
    is_between = text[start - 1 : start].isalnum() and text[end : end + 1].isalnum()
    return is_between or not character.isascii() or character.isalnum()


def _undone(code: re.Match[str]) -> str:
    """What a code stands for; the code itself where it stands for nothing."""
    found = code[0]
    decode = _known_characters if len(found) <= _LONGEST_KNOWN else _characters
    return decode(code.lastgroup or "", found)


def _characters(kind: str, code: str) -> str:
    if kind == "entity":
        return _of_entity(code)
    if kind == "space":
        return "\n" if "n" in code else " "
    if kind == "sign":
        return code[-1]
    if kind == "unit":
        units = bytes.fromhex(code.translate(_WITHOUT_SIGNS))
        return units.decode("utf-16-be", "replace").translate(_CONTROLS)
    try:
        return _bytes(kind, code).decode().translate(_CONTROLS)
    except UnicodeDecodeError:
        return _bytes(kind, code).decode("latin-1").translate(_CONTROLS) if kind == "byte" else code


_known_characters = lru_cache(maxsize=1024)(_characters)


def _bytes(kind: str, code: str) -> bytes:
    if kind == "percent":
        return unquote_to_bytes(code)
    if kind == "byte":
        return bytes.fromhex(code.translate(_WITHOUT_SIGNS))
    return bytes(int(each, 8) for each in re.findall("[0-7]+", code))


def _of_entity(code: str) -> str:
    from html import unescape  # noqa: PLC0415 - it has two thousand names, and few texts need one

    character = unescape(code)
    return code if character.endswith(";") else character
