"""Reads of the tables themselves, over the pooled connections of the repository."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Executable

from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.api.base import Namespace

__all__ = ["Tables"]


class Tables(Namespace):
    """What Hermes asks for and no method of the core answers."""

    def rows(self, statement: Executable) -> list[Row]:
        """Return the rows of a statement, from one snapshot."""
        return self._read(_rows, statement)


def _rows(connection: Any, statement: Executable) -> list[Row]:
    return [dict(row) for row in connection.core.execute(statement).mappings()]
