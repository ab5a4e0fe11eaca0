"""`SessionDB`: the class of Hermes Agent, by topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hermes_store.adapters.hermes_agent.compression import Compression
from hermes_store.adapters.hermes_agent.connection import ReopeningOnly, connection_of
from hermes_store.adapters.hermes_agent.conversation import Conversations
from hermes_store.adapters.hermes_agent.exporting import Exporting
from hermes_store.adapters.hermes_agent.gateway import Gateway
from hermes_store.adapters.hermes_agent.handoff import Handoff
from hermes_store.adapters.hermes_agent.importing import Importing
from hermes_store.adapters.hermes_agent.lists import Lists
from hermes_store.adapters.hermes_agent.messages import Messages
from hermes_store.adapters.hermes_agent.program import schema_version
from hermes_store.adapters.hermes_agent.rewinding import Rewinding
from hermes_store.adapters.hermes_agent.searching import Searching
from hermes_store.adapters.hermes_agent.telegram import Telegram
from hermes_store.adapters.hermes_agent.titles import Titles
from hermes_store.adapters.hermes_agent.upkeep import Upkeep
from hermes_store.adapters.hermes_agent.usage import Usage
from hermes_store.adapters.hermes_agent.writes import StoreWrites
from hermes_store.adapters.hermes_agent.wrong_arguments import naming_wrong_arguments

__all__ = ["SessionDB"]

T = TypeVar("T")


@naming_wrong_arguments
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
            if self._connection is None and self._is_file:
                driver = self._repo.engines.read.dialect.dbapi
                self._connection = connection_of(
                    driver,
                    str(self.db_path),
                    StoreWrites(self._repo),
                    schema_version(),
                    read_only=self.read_only,
                )
            elif self._connection is None:
                self._connection = ReopeningOnly(self.reopen_session)
        return self._connection

    def _execute_write(self, function: Callable[[Any], T]) -> T:
        """Run a function that reads and writes by `_conn`, one at a time.

        Each of its statements is a transaction: programs around Hermes call it.
        """
        with self._lock:
            return function(self._conn)

    def close(self) -> None:
        """Close the store. Idempotent."""
        with self._lock:
            if hasattr(self._connection, "close"):
                self._connection.close()
            self._connection = None
        super().close()
