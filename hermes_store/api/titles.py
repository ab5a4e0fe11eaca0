"""Titles: the names that people give to conversations, and lineages of numbered titles."""

from __future__ import annotations

from hermes_store.api.base import Topic, checked_id
from hermes_store.queries import titles
from hermes_store.records import SessionRecord

__all__ = ["Titles"]


class Titles(Topic):
    """Titles of conversations; no two sessions have the same.

    The tip of a conversation has its title, whichever of its sessions is named. It goes over to
    the session that continues the tip.
    """

    MAX_TITLE_LENGTH = titles.MAX_LENGTH

    @staticmethod
    def sanitize_title(title: str | None) -> str | None:
        """Return a title as it is stored: in one line, without invisible characters.

        None when nothing is left. Raises `InvalidArgumentError` above `MAX_TITLE_LENGTH`.
        """
        return titles.sanitize(title)

    def set_session_title(self, session_id: str, title: str | None) -> bool:
        """Give a conversation its title; None or blanks take it away.

        Returns False when there is no such session. Raises `TitleInUseError` when a session of
        another conversation has the title; an earlier session of the same one loses it.
        """
        return self._write(titles.set_title, checked_id(session_id), titles.sanitize(title))

    def get_session_title(self, session_id: str) -> str | None:
        """Return the title of a conversation; None when it has none or does not exist."""
        return self._read(titles.get, checked_id(session_id))

    def get_session_by_title(self, title: str) -> SessionRecord | None:
        """Return the session with exactly this title, or None."""
        return self._read(titles.session_of, titles.looked_up(title))

    def resolve_session_by_title(self, title: str) -> str | None:
        """Return the id of the session to resume by a title, or None.

        That is the tip of the conversation titled "title #N" with the highest N, else of the one
        titled "title".
        """
        return self._read(titles.resolve, titles.looked_up(title))

    def get_next_title_in_lineage(self, base_title: str) -> str:
        """Return a free title to continue under: "title", then "title #2", "title #3".

        A number that the argument ends with is not part of the base. The result always fits
        `MAX_TITLE_LENGTH`; it is free until another session takes it.
        """
        return self._read(titles.next_in_lineage, titles.visible("base_title", base_title))
