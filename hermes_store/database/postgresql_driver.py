"""What psycopg does otherwise than the store needs. Imports it: only where a server is used."""

from __future__ import annotations

from typing import Any

from psycopg import Cursor, OperationalError, ServerCursor
from psycopg.rows import Row
from psycopg.types.string import StrDumperUnknown

from hermes_store.database.postgresql_arrays import DUMPERS

__all__ = ["adapt"]


def adapt(dbapi: Any) -> None:
    """Make a new connection store what it is given, and lose its streams without noise."""
    dbapi.adapters.register_dumper(str, _WithoutNul)
    for kind, dumper in DUMPERS.items():
        dbapi.adapters.register_dumper(kind, dumper)
    dbapi.server_cursor_factory = _Stream


class _WithoutNul(StrDumperUnknown):
    """PostgreSQL has no NUL character; like a lone surrogate it is replaced, not refused."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))


class _Stream(ServerCursor[Row]):
    """A cursor of the server. It ends with its transaction, so nothing leaks that is not closed."""

    def close(self) -> None:
        try:
            super().close()
        except OperationalError:  # the connection is lost, and the cursor with it
            Cursor.close(self)

    def __del__(self, *_: Any) -> None:
        """Without psycopg's warning: of a lost connection SQLAlchemy closes no cursor."""
