"""Lineage: the sessions that one conversation went through, and what it came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from hermes_store import values
from hermes_store.api.base import Topic, checked_id
from hermes_store.database.connection import OpenConnection
from hermes_store.queries import lineage, listing
from hermes_store.records import SessionListing

__all__ = ["Lineage"]


class Lineage(Topic):
    """A conversation goes on in another session when it is compressed: its tip.

    Each method takes the id of any session of the conversation, and raises `SessionNotFoundError`
    for an unknown id.
    """

    def get_root(self, session_id: str) -> str:
        """Return the id of the session in which the conversation began."""
        return self._read(lineage.chain_of, checked_id(session_id)).root

    def get_tip(self, session_id: str) -> str:
        """Return the id of the session in which the conversation goes on: the one to resume.

        Of two that continue the same session it is the one begun last.
        """
        return self._read(lineage.chain_of, checked_id(session_id)).tip

    def get_lineage(self, session_id: str) -> list[str]:
        """Return the ids of the conversation's sessions from the root to the tip.

        A branch, a delegate and what came after a reset are conversations of their own: their
        lineage begins with them, and `get_ancestors` says what they came from. Where two sessions
        continue the same one, the lineage follows the one begun last and leaves the other out.
        """
        return self._read(lineage.chain_of, checked_id(session_id)).path

    def get_ancestors(self, session_id: str) -> list[str]:
        """Return the ids of the session's parent, its parent and so on, the first one first.

        Whatever the links are: of a branch also the conversation that it was branched off.
        """
        return self._read(lineage.ancestors, checked_id(session_id))

    def list_lineage(
        self, session_id: str, *, include: Literal["conversations", "all"] = "conversations"
    ) -> list[SessionListing]:
        """Return the sessions of the conversation and of its delegates, each by itself.

        That is what `delete_session` deletes, in the order of their begin, with previews. With
        `include="all"` also everything else that parents join to it: what it came from, branches,
        what began after a reset. Raises `InvalidArgumentError` for another `include`.
        """
        ids = _WHOLE[values.one_of("include", include, _WHOLE)]
        return self._read(_listed, ids, checked_id(session_id))


_WHOLE = {"conversations": lineage.whole_conversation, "all": lineage.family}


def _listed(
    connection: OpenConnection, ids: Callable[[OpenConnection, str], list[str]], session_id: str
) -> list[SessionListing]:
    return listing.list_these(connection, ids(connection, session_id))
