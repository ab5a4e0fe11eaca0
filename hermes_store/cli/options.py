"""What every command is told: which database, and whether a machine reads the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Options"]


def _nothing_changed() -> str:
    return "nothing was changed"


@dataclass
class Options:
    """The options that all commands share."""

    db: str | None = None
    """A path, a database URL, or None for the default file."""
    read_only: bool = False
    """Change nothing, whatever the command."""
    as_json: bool = False
    """Print JSON instead of tables."""
    kept: Callable[[], str] = _nothing_changed
    """What an interruption leaves behind; a command that changes something says it here."""
