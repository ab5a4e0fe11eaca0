"""The base of every topic of the adapter: the repository, reads of tables, changes of `extra`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Executable, select

from hermes_store import Transaction
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.paths import FILE, home, store_of
from hermes_store.adapters.hermes_agent.program import tell_failure
from hermes_store.adapters.hermes_agent.tables import Tables
from hermes_store.adapters.hermes_agent.taken import as_taken
from hermes_store.adapters.hermes_agent.taking_over import opened
from hermes_store.adapters.hermes_agent.unknown import kept
from hermes_store.api.base import checked_id
from hermes_store.errors import SessionNotFoundError
from hermes_store.models.stored import sessions

__all__ = ["Base"]

T = TypeVar("T")


class Base:
    """One store, opened as Hermes opens its database."""

    def __init__(self, db_path: Path | None = None, read_only: bool = False) -> None:
        """Open the store that `db_path` means; see `paths.store_of`.

        Raises `hermes_store.errors.HermesStoreError`.
        """
        self.read_only = read_only
        self._lock = threading.RLock()
        where = store_of(db_path)
        try:
            self._repo = opened(where, read_only=read_only)
        except Exception as exc:
            tell_failure(exc)
            raise
        self._is_file = isinstance(where, Path)
        self._tables = Tables(self._repo)
        # Hermes asks whether its file is there and how long it is: on a server there is none.
        self.db_path = Path(self._repo.url.database or "") if self._is_file else home() / FILE

    def close(self) -> None:
        """Close the store. Idempotent."""
        self._repo.close()

    # --- reads ----------------------------------------------------------------------------------

    def _rows(self, statement: Executable) -> list[Row]:
        """The rows of a statement, from one snapshot."""
        return self._tables.rows(statement)

    # --- writes ---------------------------------------------------------------------------------

    def _change(self, session_id: str, change: Callable[[Transaction, Any], T], missing: T) -> T:
        """Run `change(transaction, session)` while no other writer changes the session."""
        if not session_id:
            return missing
        checked_id(session_id)
        with self._repo.transaction() as tx:
            tx.execute(select(sessions.c.id).where(sessions.c.id == session_id).with_for_update())
            session = tx.get_session(session_id)
            return missing if session is None else change(tx, session)

    def _put_extra(self, session_id: str, **values: Any) -> bool:
        """Store what Hermes alone knows of a session; None takes it away. Whether it is there."""

        def put(tx: Transaction, session: Any) -> bool:
            _store_extra(tx, session, values)
            return True

        return self._change(session_id, put, missing=False)

    def _keep(self, method: str, session_id: str, more: Mapping[str, Any]) -> None:
        """Keep what a newer Hermes gives to a method beside the keywords that are known here."""
        if more and (found := kept(method, more)):
            self._put_extra(session_id, **found)

    def _if_there(
        self, call: Callable[..., T], session_id: str, *args: Any, **kwargs: Any
    ) -> T | None:
        """Hermes says nothing when a session is not there, or none is named."""
        try:
            return call(session_id, *args, **kwargs) if session_id else None
        except SessionNotFoundError:
            return None


def merged(extra: Mapping[str, Any] | None, values: Mapping[str, Any]) -> Row | None:
    """An `extra` with other values; None takes one away."""
    new = {**(extra or {}), **values}
    return {name: value for name, value in new.items() if value is not None} or None


def _store_extra(tx: Transaction, session: Any, values: Mapping[str, Any]) -> None:
    given: Row = {"extra": merged(session["extra"], values)}
    as_taken(given, partial(tx.update_session, session["id"]))
