"""`SessionDB`: the class of Hermes Agent, by topics."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import func, select, update

from hermes_store.adapters.hermes_agent.base import merged
from hermes_store.adapters.hermes_agent.columns import MESSAGE_EXTRA, SESSION_EXTRA, Row
from hermes_store.adapters.hermes_agent.compression import Compression
from hermes_store.adapters.hermes_agent.connection import ReopeningOnly, connection_of
from hermes_store.adapters.hermes_agent.conversation import Conversations
from hermes_store.adapters.hermes_agent.exporting import Exporting
from hermes_store.adapters.hermes_agent.gateway import Gateway
from hermes_store.adapters.hermes_agent.handoff import Handoff
from hermes_store.adapters.hermes_agent.importing import Importing
from hermes_store.adapters.hermes_agent.links import relink
from hermes_store.adapters.hermes_agent.lists import Lists
from hermes_store.adapters.hermes_agent.messages import Messages
from hermes_store.adapters.hermes_agent.rewinding import Rewinding
from hermes_store.adapters.hermes_agent.searching import Searching
from hermes_store.adapters.hermes_agent.telegram import Telegram
from hermes_store.adapters.hermes_agent.titles import Titles
from hermes_store.adapters.hermes_agent.upkeep import Upkeep
from hermes_store.adapters.hermes_agent.usage import Usage
from hermes_store.models.stored import messages, sessions

__all__ = ["SessionDB"]

T = TypeVar("T")
_RENAMED = {"session_key": "key", "platform_message_id": "external_id"}


class SessionDB(
    Usage,  # sessions: begin, end, find them; their tokens and costs
    Titles,
    Lists,
    Messages,
    Conversations,  # what the model is sent; lineage
    Rewinding,
    Searching,
    Exporting,
    Importing,
    Upkeep,  # delete, prune, meta, unused space
    Compression,
    Gateway,
    Telegram,
    Handoff,
):
    """The session database of Hermes Agent 0.13 to 0.19, kept in a store."""

    _connection: Any = None

    @property
    def _conn(self) -> Any:
        """Hermes' own SQL; see `hermes_store.adapters.hermes_agent.connection`."""
        with self._lock:
            if self._connection is None and isinstance(self.db_path, Path):
                driver = self._repo.engines.read.dialect.dbapi
                self._connection = connection_of(
                    driver, str(self._repo.url.database), self._update, read_only=self.read_only
                )
            elif self._connection is None:
                self._connection = ReopeningOnly(self.reopen_session)
        return self._connection

    def _execute_write(self, function: Callable[[Any], T]) -> T:
        """Run a function that writes by `_conn`."""
        return function(self._conn)

    def close(self) -> None:
        """Close the store. Idempotent."""
        with self._lock:
            if hasattr(self._connection, "close"):
                self._connection.close()
            self._connection = None
        super().close()

    def _update(self, table: str, row_id: Any, given: Row) -> None:
        """Write columns that a statement on `_conn` changes."""
        if table == "sessions":
            self._update_session(row_id, given)
        else:
            self._update_message(row_id, given)

    def _update_session(self, session_id: str, given: Row) -> None:
        with self._repo.transaction() as tx:
            session: Any = tx.get_session(session_id)
            columns = _columns(given, SESSION_EXTRA, session["extra"])
            if "archived" in columns:
                columns["archived"] = session["started_at"] if columns["archived"] else None
            if "started_at" in given and not session["message_count"]:
                columns["last_active"] = given["started_at"]
            tx.execute(update(sessions).where(sessions.c.id == session_id).values(columns))
            relink(tx, session_id)

    def _update_message(self, message_id: int, given: Row) -> None:
        of_it = messages.c.id == message_id
        with self._repo.transaction() as tx:
            row = tx.execute(select(messages.c.session_id, messages.c.extra).where(of_it)).one()
            columns = _columns(given, MESSAGE_EXTRA, json.loads(row.extra) if row.extra else None)
            active, compacted = columns.pop("active", None), columns.pop("compacted", None)
            if active is not None or compacted is not None:
                columns["state"] = None if active else "compacted" if compacted else "rewound"
            tx.execute(update(messages).where(of_it).values(columns))
            newest = select(func.max(messages.c.timestamp)).where(
                messages.c.session_id == row.session_id, messages.c.state.is_(None)
            )
            tx.execute(
                update(sessions)
                .where(sessions.c.id == row.session_id)
                .values(last_active=func.coalesce(newest.scalar_subquery(), sessions.c.started_at))
            )


def _columns(given: Row, in_extra: Row, extra: Any) -> Row:
    """Hermes' columns as those of the store."""
    columns = {_RENAMED.get(k, k): value for k, value in given.items() if k not in in_extra}
    more = {name: value for name, value in given.items() if name in in_extra}
    if more:
        left = merged(extra, more)
        columns["extra"] = json.dumps(left, ensure_ascii=False) if left else None
    return columns
