"""Keywords that a newer Hermes passes and this adapter does not know: kept, and told once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

__all__ = ["kept"]

_log = logging.getLogger(__name__)
_told: set[tuple[str, str]] = set()


def kept(method: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords that have a value, for `extra`; warn of each name once."""
    found = {name: value for name, value in more.items() if value is not None}
    for name in found:
        if (method, name) not in _told:
            _told.add((method, name))
            _log.warning("%s(%s=…) is not known here; its value is kept in extra", method, name)
    return found
