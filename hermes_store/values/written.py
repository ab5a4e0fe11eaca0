"""Times, sizes, counts and amounts as people write them.

Where another program stored what is none, it is shown as it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

__all__ = ["count", "dollars", "duration", "lasted", "size", "when"]


def when(epoch: float | None) -> str:
    """Local date and time of Unix seconds."""
    if epoch is None:
        return ""
    try:
        return datetime.fromtimestamp(epoch).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError, TypeError):
        return _as_is(epoch)


def duration(seconds: float) -> str:
    """`seconds` in the two largest units that say something."""
    total = max(round(seconds), 0)
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if (number := total // length) and len(parts) < 2:  # noqa: PLR2004 - two units
            parts.append(f"{number} {unit}")
        total %= length
    return " ".join(parts) or "0 s"


def lasted(begin: Any, end: Any) -> str:
    """The time between two Unix seconds; nothing where another program stored no number."""
    try:
        return duration(end - begin)
    except (TypeError, ValueError, OverflowError):
        return ""


def size(number: float | None) -> str:
    """Bytes for people: 1.4 MB."""
    if number is None:
        return ""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(number) < 1000:  # noqa: PLR2004 - the next unit
            return f"{number:.0f} bytes" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def count(number: int | None, noun: str = "") -> str:
    """A whole number with separators, and its noun in the right form."""
    number = number or 0
    written = f"{number:,}" if isinstance(number, (int, float)) else _as_is(number)
    return f"{written} {noun}{'' if number == 1 else 's'}" if noun else written


def dollars(amount: float | None) -> str:
    """US dollars; small amounts keep the digits that say something."""
    if amount is None:
        return ""
    if not isinstance(amount, (int, float)):
        return _as_is(amount)
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"


def _as_is(value: object) -> str:
    """One line, and nothing that steers a terminal."""
    text = str(value)
    return text if text.isprintable() else repr(value)
