"""Statements built once from the tables and run by the driver itself.

SQLAlchemy writes the SQL, once per dialect; after that the driver gets text and parameters. Its
work at every execution would cost an append as much time as SQLite takes for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.exc import DBAPIError

from hermes_store.database.engine import in_transaction
from hermes_store.errors import TransactionRolledBackError

__all__ = ["Statement", "errors_of"]


class Statement:
    """A Core statement with named parameters, without lists of unknown length (`IN`).

    `columns` names the columns of an INSERT that has no values; its parameters have their names.
    """

    def __init__(self, core: ClauseElement, columns: Sequence[str] | None = None) -> None:
        self._core = core
        self._columns = columns
        self._texts: dict[type, tuple[str, dict[str, Any]]] = {}

    def run(self, connection: Connection, /, **parameters: Any) -> Any:
        """Run it with `parameters`; return the driver's cursor: rows as tuples, and `rowcount`."""
        if not in_transaction(connection):
            if connection.in_transaction():
                raise TransactionRolledBackError
            connection.begin()  # the driver's own execute() would not, and see no snapshot
        sql, constants = self._compiled(connection)
        dbapi: Any = connection.connection.dbapi_connection
        return dbapi.execute(sql, constants | parameters if constants else parameters)

    def _compiled(self, connection: Connection) -> tuple[str, dict[str, Any]]:
        dialect = connection.dialect
        found = self._texts.get(type(dialect))
        if found is None:
            make_dialect: Any = type(dialect)
            named = make_dialect(paramstyle="named") if dialect.positional else dialect
            compiled = self._core.compile(dialect=named, column_keys=self._columns)
            binds = compiled.binds  # type: ignore[attr-defined]
            constants = {name: b.effective_value for name, b in binds.items() if not b.required}
            found = self._texts[type(dialect)] = (str(compiled), constants)
        return found


def errors_of(connection: Connection) -> tuple[type[Exception], ...]:
    """What running a statement raises: the driver's errors, which SQLAlchemy wraps in its own."""
    return DBAPIError, connection.dialect.loaded_dbapi.Error
