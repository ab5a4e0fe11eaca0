"""Rows into a table by COPY, which costs the server and the process less than INSERT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table

from hermes_store.database.postgresql_errors import said_by

__all__ = ["copy_in"]


def copy_in(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Store rows with equal keys, whose texts hold no NUL. Raises the driver's errors.

    Triggers run as for INSERT. SQLAlchemy tells no listener of it.
    """
    from psycopg.types.string import StrDumper  # noqa: PLC0415 - only where it is used

    driver: Any = connection.connection.dbapi_connection
    processors = _processors(connection, table)
    with _without_context(connection), driver.cursor() as cursor:
        cursor.adapters.register_dumper(str, StrDumper)  # the connection's looks for NUL in Python
        with cursor.copy(_statement(connection, table, [*rows[0]])) as copying:
            for row in rows:
                changed = {name: process(row[name]) for name, process in processors.items()}
                copying.write_row([*(row | changed).values()])


@contextmanager
def _without_context(connection: Connection) -> Iterator[None]:
    """The server adds the beginning of the row to its words, which is the text of a message."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as exc:
        if exc.diag.context:
            exc.args = (said_by(exc),)
        raise


def _statement(connection: Connection, table: Table, names: list[str]) -> str:
    quote = connection.dialect.identifier_preparer
    columns = ", ".join(map(quote.quote, names))
    return f"COPY {quote.format_table(table)} ({columns}) FROM STDIN"


def _processors(connection: Connection, table: Table) -> dict[str, Any]:
    """What SQLAlchemy does to values of a column before the driver has them: to JSON, for one."""
    dialect = connection.dialect
    found = {
        column.name: column.type.dialect_impl(dialect).bind_processor(dialect)
        for column in table.columns
    }
    return {name: process for name, process in found.items() if process is not None}
