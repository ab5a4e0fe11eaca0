"""What an import of a Hermes Agent file says at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Account", "Line", "Remarks"]


@dataclass(frozen=True)
class Line:
    """What became of one table."""

    table: str
    rows: int | None
    """In the old file; None when it is too damaged to count them."""
    went_to: str
    now: int
    """How many of them are there now."""


@dataclass(frozen=True)
class Account:
    """What an import did: each table, and every row that was altered or left out, by name."""

    version: int | None
    """Of the old file's schema."""
    tables: list[Line]
    altered: list[str]
    left_out: list[str]


@dataclass
class Remarks:
    """What is noted on the way, each line once: rows are read more than once."""

    altered: dict[str, None] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)

    def alter(self, what: str, change: str) -> None:
        """Note what was altered."""
        self.altered[f"{what}: {change}"] = None

    def leave_out(self, what: str) -> None:
        """Note what could not come along."""
        self.left_out[what] = None
