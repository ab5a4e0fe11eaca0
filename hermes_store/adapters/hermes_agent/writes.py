"""What a statement on `_conn` changes, written by the repository."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, func, select, update

from hermes_store import SessionRepository, Transaction
from hermes_store.adapters.hermes_agent.base import merged
from hermes_store.adapters.hermes_agent.columns import SESSION_EXTRA, Row
from hermes_store.adapters.hermes_agent.links import relink
from hermes_store.adapters.hermes_agent.message_rows import MESSAGE_EXTRA
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import messages, sessions

__all__ = ["StoreWrites"]

_RENAMED = {"session_key": "key", "platform_message_id": "external_id"}


class StoreWrites:
    """Each change is a transaction of the store; times of activity and links follow."""

    def __init__(self, repo: SessionRepository) -> None:
        self._repo = repo

    def update_row(self, table: str, row_id: Any, columns: Row) -> None:
        """Change columns of a row of `sessions` or `messages`."""
        if table == "sessions":
            with self._repo.transaction() as tx:
                _update_session(tx, row_id, columns)
        else:
            self._update_message(row_id, columns)

    def insert_session(self, session_id: Any, columns: Row) -> None:
        """Store a session. Raises `InvalidArgumentError` when there is one with its id."""
        with self._repo.transaction() as tx:
            if tx.get_session(session_id) is not None:
                raise InvalidArgumentError("id", f"{session_id!r} is taken", "give another one")
            tx.create_session(session_id, columns.get("source") or "unknown")
            rest = {name: value for name, value in columns.items() if name not in {"id", "source"}}
            _update_session(tx, session_id, rest)

    def delete_session(self, session_id: str) -> None:
        """Delete a session. As Hermes' own, it must have no messages and no continuation."""
        with self._repo.transaction() as tx:
            tx.execute(delete(sessions).where(sessions.c.id == session_id))

    def delete_message(self, session_id: str, message_id: int) -> None:
        """Delete a message; the counters of its session follow."""
        self._repo.delete_messages(session_id, [message_id])

    def _update_message(self, message_id: int, given: Row) -> None:
        of_it = messages.c.id == message_id
        with self._repo.transaction() as tx:
            row = tx.execute(select(messages.c.session_id, messages.c.extra).where(of_it)).one()
            columns = _columns(given, MESSAGE_EXTRA, json.loads(row.extra) if row.extra else None)
            active, compacted = columns.pop("active", None), columns.pop("compacted", None)
            if active is not None or compacted is not None:
                columns["state"] = None if active else "compacted" if compacted else "rewound"
            tx.execute(update(messages).where(of_it).values(columns))
            tx.execute(_active_again(row.session_id))


def _update_session(tx: Transaction, session_id: str, given: Row) -> None:
    session: Any = tx.get_session(session_id)
    columns = _columns(given, SESSION_EXTRA, session["extra"])
    if "archived" in columns:
        columns["archived"] = session["started_at"] if columns["archived"] else None
    if "started_at" in given and not session["message_count"]:
        columns["last_active"] = given["started_at"]
    tx.execute(update(sessions).where(sessions.c.id == session_id).values(columns))
    relink(tx, session_id)


def _active_again(session_id: str) -> Any:
    """Set the last activity of a session: of its newest live message, else of its start."""
    newest = select(func.max(messages.c.timestamp)).where(
        messages.c.session_id == session_id, messages.c.state.is_(None)
    )
    last = func.coalesce(newest.scalar_subquery(), sessions.c.started_at)
    return update(sessions).where(sessions.c.id == session_id).values(last_active=last)


def _columns(given: Row, in_extra: Row, extra: Any) -> Row:
    """Hermes' columns as those of the store."""
    columns = {_RENAMED.get(k, k): value for k, value in given.items() if k not in in_extra}
    more = {name: value for name, value in given.items() if name in in_extra}
    if more:
        left = merged(extra, more)
        columns["extra"] = json.dumps(left, ensure_ascii=False) if left else None
    return columns
