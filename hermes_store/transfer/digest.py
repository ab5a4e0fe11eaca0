"""What tells whether two stores hold the same."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from sqlalchemy import Table

__all__ = ["Digest"]

_BYTES = 16


class Digest:
    """Of rows in any order: databases order keys in different ways once they were made to fit."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, table: Table, row: dict[str, Any]) -> None:
        """Take a row in."""
        values = repr((table.name, *row.values())).encode("utf-8", "surrogatepass")
        self._sum += int.from_bytes(blake2b(values, digest_size=_BYTES).digest(), "big")

    def __str__(self) -> str:
        return f"{self._sum % (1 << 8 * _BYTES):0{2 * _BYTES}x}"
