"""The triggers on a server's tables, read anew every ten seconds."""

from __future__ import annotations

import time
from typing import Any

__all__ = ["LOOK_SECONDS", "TRIGGERS", "Triggers"]

LOOK_SECONDS = 10.0
"""How long another program's trigger may be unknown; a look in every append takes 3 % of it."""

# `pg_get_triggerdef` gives NULL, or an error, for what another transaction has dropped since.
TRIGGERS = (
    "SELECT tgname, relname, concat_ws(' ', tgname, tgtype, proname, pronamespace = relnamespace,"
    " tgqual IS NULL)"
    " FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid"
    " WHERE NOT tgisinternal AND relname IN"
    " ('sessions', 'messages', 'usage', 'meta', 'leases')"
    " AND pg_table_is_visible(tgrelid) ORDER BY tgname"
)


class Triggers:
    """As a connection that writes sees them."""

    __slots__ = ("_look_at", "_made")

    def __init__(self, dbapi: Any) -> None:
        """Look for the first time: the connection is new."""
        self._look(dbapi)

    def made(self, dbapi: Any, has_had_caller: bool) -> set[str]:  # noqa: ARG002 - a file's differ
        """How each was made, a moment ago."""
        if time.monotonic() >= self._look_at:
            self._look(dbapi)
        return self._made

    def _look(self, dbapi: Any) -> None:
        self._made = {made for *_, made in dbapi.execute(TRIGGERS)}
        self._look_at = time.monotonic() + LOOK_SECONDS
