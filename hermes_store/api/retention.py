"""Retention: rules that end, archive and delete what nobody has used for long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Literal

from hermes_store import values
from hermes_store.api.base import Namespace
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import HermesStoreError, NestedTransactionError, StoreClosedError
from hermes_store.execution.store import Store
from hermes_store.filters import EVERYTHING, SessionFilter, asked
from hermes_store.queries import retention_rules
from hermes_store.queries.retention_rules import RetentionDone, RetentionDue, RetentionRule

__all__ = ["Retention", "apply_at_close"]

log = logging.getLogger("hermes_store")

_AT_CLOSE = 1.0
"""Seconds that a closing process spends on the rules; the next one goes on."""
_PATIENCE = 0.1
"""Seconds that it waits for a writer."""


class Retention(Namespace):
    """Rules that are kept in the store, by name, and applied when a program asks for it.

    A pinned conversation is never touched. Rules that end come first, then those that archive,
    then those that delete.
    """

    def add(
        self,
        name: str,
        action: Literal["end", "archive", "delete"],
        days: float,
        filter: SessionFilter | None = None,
    ) -> None:
        """Store a rule, in place of the one of this name.

        It means the sessions of `filter` (all without one, archived ones too) that were last active
        more than `days` ago. "end" marks them as ended, at their last activity. "archive" and
        "delete" mean conversations by their last session; only ended ones are deleted. Raises
        `InvalidArgumentError`, also for a filter with times or of pinned sessions.
        """
        which = asked(filter, EVERYTHING)
        self._write(retention_rules.store, retention_rules.checked(name, action, days, which))

    def remove(self, name: str) -> bool:
        """Remove a rule; return False when it is not there."""
        return self._write(retention_rules.remove, values.key("name", name))

    def rules(self) -> list[RetentionRule]:
        """Return the rules, in the order in which they are applied."""
        return self._read(retention_rules.all_rules)

    def due(self) -> list[RetentionDue]:
        """Return what `run` would do now, rule by rule, and change nothing.

        What a rule would end is not yet among what another one would delete.
        """
        now = values.now()
        return [
            RetentionDue(rule, self._read(retention_rules.due, rule, now)) for rule in self.rules()
        ]

    def run(self) -> list[RetentionDone]:
        """Apply the rules; return what each did.

        Works in short transactions, so that other processes write in between. A conversation is
        archived or deleted whole or not at all.
        """
        now = values.now()
        return [RetentionDone(rule, self._apply(rule, now)) for rule in self.rules()]

    def _apply(self, rule: RetentionRule, now: float) -> int:
        return sum(iter(lambda: self._write(retention_rules.step, rule, now), 0))


def apply_at_close(store: Store) -> None:
    """Apply the rules for at most a second, at most once an hour; a failure is a warning.

    What is left is done at a later close.
    """
    try:
        _apply_soon(store, time.monotonic() + _AT_CLOSE)
    except (StoreClosedError, NestedTransactionError):
        return  # `close` says it
    except HermesStoreError as exc:
        log.warning("the rules of retention were not applied at close: %s", exc)


def _apply_soon(store: Store, deadline: float) -> None:
    now = values.now()

    def write(function: Callable[[OpenConnection], int]) -> int:
        if time.monotonic() >= deadline:
            return 0
        with store.transaction(_PATIENCE) as connection:
            return function(connection)

    if write(partial(retention_rules.is_due_at_close, now=now)):
        for rule in store.read(retention_rules.all_rules):
            while write(partial(retention_rules.step, rule=rule, now=now)):
                continue
