"""Export and import of whole sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hermes_store.api.base import Topic, checked_id
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import EVERYTHING, SessionFilter, asked
from hermes_store.records import ImportResult, SessionExport

__all__ = ["Exporting"]


class Exporting(Topic):
    """Sessions with all their messages, out of the store and into it."""

    def export_session(self, session_id: str) -> SessionExport | None:
        """Return a session with all its messages under "messages", or None."""
        from hermes_store.transfer import exports  # noqa: PLC0415 - seldom used

        return self._read(exports.export_session, checked_id(session_id))

    def export_lineage(self, session_id: str) -> list[SessionExport]:
        """Return all sessions of a conversation and of its delegates, with their messages.

        That is what `delete_session` deletes, in the order of their begin. The id of any session
        of the conversation will do. Raises `SessionNotFoundError`.
        """
        from hermes_store.transfer import exports  # noqa: PLC0415 - seldom used

        return self._read(exports.export_lineage, checked_id(session_id))

    def export_all(
        self,
        source: str | None = None,
        *,
        filter: SessionFilter | None = None,
    ) -> list[SessionExport]:
        """Return every session with its messages, the last started first: one snapshot.

        Without a filter archived sessions are exported, too. Holds all of it in memory;
        `SessionRepository.iter_export` does not.
        """
        from hermes_store.transfer import exports  # noqa: PLC0415 - seldom used

        return self._read(exports.export_all, asked(filter, EVERYTHING, source))

    def import_sessions(
        self,
        sessions: Iterable[Mapping[str, Any]],
        *,
        result: ImportResult | None = None,
        on_bad: Callable[[InvalidArgumentError], object] | None = None,
    ) -> ImportResult:
        """Store sessions that export wrote, each whole or not at all; return what was done.

        A session whose id is there already is skipped, so an import can be repeated. A session of
        more than 1,000 messages or 2,000,000 characters is stored in several transactions; until
        the last one it is open with the end_reason "importing", and the same import goes on with
        it. Its messages may be anything that can be iterated more than once.

        Messages keep their ids where those are free, else all of the session's get new ones in the
        same order. A title in use gets a number; one that is too long is cut. A parent is linked
        when it is there at the end.

        `result` is filled while the call runs, and holds what was stored when it is interrupted.
        `on_bad` is called with the error of each session that is not well-formed, which is left
        out. Without it the call raises `InvalidArgumentError`; sessions before that are stored.
        """
        from hermes_store.transfer.imports import import_all  # noqa: PLC0415 - seldom used

        return import_all(sessions, self._write, result=result, on_bad=on_bad)
