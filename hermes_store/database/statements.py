"""Statements built once from the tables and run in the driver's own words.

SQLAlchemy writes the SQL once for each dialect; then the driver gets the text and its parameters.
With SQLAlchemy at every execution an append would take twice the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ClauseElement, Dialect

from hermes_store.database.connection import OpenConnection
from hermes_store.errors import TransactionRolledBackError

__all__ = ["Statement"]


class Statement:
    """A Core statement with named parameters, without lists of unknown length (`IN`).

    `columns` names the columns of an INSERT that has no values; its parameters have their names.
    """

    def __init__(self, core: ClauseElement, columns: Sequence[str] | None = None) -> None:
        self._core = core
        self._columns = columns
        self._texts: dict[str, tuple[str, dict[str, Any]]] = {}

    def run(self, connection: OpenConnection, /, **parameters: Any) -> Any:
        """Run it with `parameters`; return a cursor: rows like tuples, and `rowcount`.

        Raises `TransactionRolledBackError` when the database has ended the transaction.
        """
        backend = connection.backend
        if not (connection.alone or backend.in_transaction(connection.dbapi)):
            raise TransactionRolledBackError
        try:
            sql, constants = self._texts[backend.name]
        except KeyError:
            sql, constants = self._compile(backend.name, connection.core.dialect)
        return connection.execute(sql, constants | parameters if constants else parameters)

    def _compile(self, name: str, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """The text for a dialect, and the values that stand in it."""
        make_dialect: Any = type(dialect)
        named = make_dialect(paramstyle="named") if dialect.positional else dialect
        compiled: Any = self._core.compile(dialect=named, column_keys=self._columns)
        binds = compiled.binds
        constants = {key: b.effective_value for key, b in binds.items() if not b.required}
        found = self._texts[name] = (str(compiled), constants)
        return found
