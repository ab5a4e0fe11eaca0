"""Text that others wrote, as it can be shown: what steers a reader's screen becomes a picture.

A terminal obeys control characters, and some characters of Unicode turn the text around them or
cannot be seen.
"""

from __future__ import annotations

__all__ = ["OTHERS", "in_one_line", "one_line", "plain", "read"]

_C0 = [code for code in range(0x20) if code not in (0x09, 0x0A)]
OTHERS = (
    *range(0x80, 0xA0),  # C1: some terminals obey them
    0x2028,  # ends of lines
    0x2029,
    *range(0x202A, 0x202F),  # directions of writing
    *range(0x2066, 0x206A),
    *range(0xE0000, 0xE0080),  # tags: invisible text
)
"""Code points behind ASCII that are shown as `<U+202E>`."""
_PICTURES = {code: chr(0x2400 + code) for code in _C0} | {0x7F: "\u2421"}
_PICTURES |= {code: f"<U+{code:04X}>" for code in OTHERS}
_LINE_ENDS = {0x09: "\u2409", 0x0A: "\u240a"}
_IN_ONE_LINE = _PICTURES | _LINE_ENDS


def plain(text: str | bytes | None) -> str:
    """Return `text` with what steers a terminal as pictures; line ends and tabs stay."""
    return read(text).replace("\r\n", "\n").translate(_PICTURES)


def one_line(text: str | bytes | None) -> str:
    """Return `plain` text with line ends and tabs as pictures: for ids, names and paths."""
    return read(text).translate(_IN_ONE_LINE)


def in_one_line(text: str | bytes | None) -> str:
    """Return `plain` text with line ends and runs of blanks as one blank: for titles."""
    return " ".join(plain(text).split())


def read(text: str | bytes | None) -> str:
    """A text, also where another program stored it as bytes."""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text or ""
