"""Regular expressions that are compiled when they are first used, not when they are imported."""

from __future__ import annotations

import re
from typing import Any, cast

__all__ = ["compiled_later"]


class _Later:
    """Has the methods of a compiled pattern; the first use of one compiles it."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(self.pattern), name)
        setattr(self, name, found)  # the next use finds it without this detour
        return found


def compiled_later(pattern: str) -> re.Pattern[str]:
    """Return what can be used like `re.compile(pattern)`, which takes milliseconds for a script."""
    return cast("re.Pattern[str]", _Later(pattern))
