"""Conversations in the SQLite file of another program: its rows, grouped by what they belong to."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hermes_store.database.pieces import pieces
from hermes_store.errors import DamagedFileError
from hermes_store.transfer.importers.log_fields import text_of
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.sqlite_rows import Row, SqliteRows, connected
from hermes_store.values import read_text

__all__ = ["Grouped", "Tables", "attachment", "database", "readable", "tables_of"]

Tables = dict[str, dict[str, str | None]]


def tables_of(path: Path) -> Tables:
    """The columns of each table. Raises `DamagedFileError` and `StoreUnavailableError`."""
    with _tables(path) as found:
        return found.columns


@contextmanager
def database(reading: Reading) -> Iterator[SqliteRows]:
    """The tables, as they are now. What turns out to be damaged is told at the end.

    The file does not change, and its program may go on writing.
    """
    with _tables(reading.file.path) as found:
        yield found
        for number, place in enumerate(found.damaged, start=1):
            reading.at(number, "damaged place")
            reading.bad(place)


@contextmanager
def _tables(path: Path) -> Iterator[SqliteRows]:
    with connected(path) as (dbapi, error):
        try:
            found = SqliteRows(dbapi, error)
        except error as exc:
            raise DamagedFileError(f"{path}: its schema cannot be read ({exc})") from exc
        yield found


class Grouped:
    """The rows of a table by the values of some columns. Memory holds a number for each row.

    A table that is not there has no rows.
    """

    def __init__(self, tables: SqliteRows, table: str, *columns: str) -> None:
        self._tables = tables
        self._table = table
        self._places: dict[tuple[Any, ...], array[int]] = {}
        if set(columns) <= set(tables.columns.get(table, ())):
            for row in tables.rows(table, ", ".join(f'"{each}"' for each in columns)):
                key = tuple(read_text(row[each]) for each in columns)
                self._places.setdefault(key, array("q")).append(row["rowid_"])

    def values(self) -> list[tuple[Any, ...]]:
        """The values that rows have, in the order of the first ones."""
        return list(self._places)

    def of(self, *values: Any) -> Iterator[Row]:
        """The rows with these values in the order of their rowids; bytes became text."""
        for row in self.raw(*values):
            yield readable(row)

    def raw(self, *values: Any) -> Iterator[Row]:
        """The same rows with bytes as they are."""
        for some in pieces(self._places.get(values, array("q"))):
            yield from map(_Given, self._tables.at(self._table, list(some)))


class _Given(Row):
    """A row. A column that its table does not have is NULL: schemas differ by version."""

    def __missing__(self, _name: str) -> None:
        return None


def readable(row: Row) -> Row:
    """A row in which bytes became text."""
    return _Given((name, read_text(value)) for name, value in row.items())


def attachment(row: Row) -> dict[str, Any]:
    """A part of a message for a file of llm: an image by its URL, whose bytes become a data URL."""
    kind, content = row["type"], row["content"]
    url = text_of(row["url"]) or text_of(row["path"])
    if isinstance(content, bytes) and content:
        mime = text_of(kind) or "application/octet-stream"
        url = f"data:{mime};base64,{base64.b64encode(content).decode()}"
    if (text_of(kind) or "").startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "mime_type": kind, "url": url}
