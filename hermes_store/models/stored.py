"""The tables for statements of this package: each value as it is stored, JSON as text.

The columns are those of the models. Their types convert nothing, so a statement costs what its
driver costs, and the text that is stored can be copied as it is. This is the one list of columns:
keywords, checks, records, export, import and copy follow from it.

The models take 60 ms to import, so what follows from them is recorded (`make schema`). A program
that has imported the models may have added to them: then the models themselves are read.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

from sqlalchemy import Column, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

from hermes_store.models.recorded import COLUMNS
from hermes_store.models.types import ID, NUMBER, WHOLE

__all__ = [
    "TABLES",
    "Kind",
    "kinds",
    "leases",
    "messages",
    "meta",
    "names",
    "sessions",
    "usage",
]

Kind = Literal["text", "json", "content", "whole", "flag", "number", "other"]
"""What a value of a column is to callers; it says how the value is checked and decoded."""

_TYPES: dict[str, TypeEngine[Any]] = {"id": ID, "text": Text(), "whole": WHOLE, "number": NUMBER}


def _tables() -> tuple[Table, ...]:
    if "hermes_store.models.mapped" in sys.modules:
        from hermes_store.models.deriving import tables  # noqa: PLC0415 - only beside the models

        return tables()
    metadata = MetaData()
    return tuple(
        Table(name, metadata, *map(_column, columns.splitlines()))
        for name, columns in COLUMNS.items()
    )


def _column(line: str) -> Column[Any]:
    name, type_, kind, *facts = line.split()
    info = {"kind": kind, "hidden": "hidden" in facts}
    is_key, may_be_null = "key" in facts, "null" in facts
    return Column(name, _TYPES[type_], primary_key=is_key, nullable=may_be_null, info=info)


def kinds(table: Table) -> dict[str, Kind]:
    """Return the kind of each column that callers see; `info` of the others says "hidden".

    The names are plain texts: SQLAlchemy's own kind of text makes each dict of a row larger.
    """
    return {str(c.name): c.info["kind"] for c in table.columns if not c.info.get("hidden")}


def names(table: Table, *of: Kind) -> tuple[str, ...]:
    """Return the names of the columns that callers see, or of those of some kinds."""
    return tuple(name for name, kind in kinds(table).items() if not of or kind in of)


TABLES = _tables()
"""All tables of a store; each comes after those that it refers to."""

_by_name = {table.name: table for table in TABLES}
sessions = _by_name["sessions"]
messages = _by_name["messages"]
usage = _by_name["usage"]
meta = _by_name["meta"]
leases = _by_name["leases"]
