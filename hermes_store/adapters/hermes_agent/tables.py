"""Reads of the tables themselves, over the pooled connections of the repository."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Executable, bindparam, select

from hermes_store.adapters.hermes_agent.columns import SESSION_COLUMNS, Row, session_of_columns
from hermes_store.api.base import Namespace, checked_id
from hermes_store.database.alone import runs
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import sessions
from hermes_store.queries import message_pages
from hermes_store.queries.messages import Form
from hermes_store.queries.sessions import readable

__all__ = ["Tables"]

_SESSION = Statement(select(readable(SESSION_COLUMNS)).where(sessions.c.id == bindparam("session")))


class Tables(Namespace):
    """What Hermes asks for and no method of the core answers, or answers in another form."""

    def rows(self, statement: Executable) -> list[Row]:
        """Return the rows of a statement as dicts, from one snapshot."""
        with _typed_errors():
            return self._read(_rows, statement)

    def run(self, statement: Statement, parameters: Row) -> list[Any]:
        """Return the rows of a statement that is kept, as tuples, from one snapshot."""
        with _typed_errors():
            return self._read(_run, statement, parameters)

    def session(self, session_id: str) -> Row | None:
        """Return a session as Hermes' row, or None."""
        return self._read(_session, checked_id(session_id))

    def messages(self, session_id: str, form: Form, page: message_pages.MessagePage) -> list[Any]:
        """Return a page of the messages of a session in a form."""
        if not session_id:  # Hermes asks before it has a session
            return []
        with _typed_errors():
            return self._read(message_pages.get, checked_id(session_id), page, form)


@contextmanager
def _typed_errors() -> Iterator[None]:
    """A block that raises `InvalidArgumentError` for a value that no database takes."""
    try:
        yield
    except (OverflowError, UnicodeEncodeError) as exc:  # of the driver, which says no more
        raise InvalidArgumentError(
            "an argument", f"it cannot be asked for ({exc})", "give a text or number of its kind"
        ) from exc


def _rows(connection: OpenConnection, statement: Executable) -> list[Row]:
    return [dict(row) for row in connection.core.execute(statement).mappings()]


@runs("one")
def _session(connection: OpenConnection, session_id: str) -> Row | None:
    row = _SESSION.run(connection, session=session_id).fetchone()
    return None if row is None else session_of_columns(row)


@runs("one")
def _run(connection: OpenConnection, statement: Statement, parameters: Row) -> list[Any]:
    found: list[Any] = statement.run(connection, **parameters).fetchall()
    return found
