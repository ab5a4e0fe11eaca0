"""Leases: who alone may do something, until when."""

from __future__ import annotations

from hermes_store import values
from hermes_store.api.base import Namespace
from hermes_store.queries import leases
from hermes_store.records import LeaseRecord

__all__ = ["Leases"]


class Leases(Namespace):
    """Names that one holder at a time can have, among all processes and hosts of a store.

    A lease ends by `release`, or by itself `seconds` after it was last acquired or refreshed: then
    it is free, also when its holder was killed. `name` and `holder` are texts of at most 500
    characters; two holders must not have the same text. The clock is the server's, or for a file
    that of the machine.
    """

    def acquire(self, name: str, holder: str, seconds: float) -> bool:
        """Take a free lease for `seconds`, at most a day; return whether `holder` has it now.

        A holder that has it already has it for `seconds` from now on.
        """
        asked = values.key("name", name), values.key("holder", holder)
        return self._write(leases.acquire, *asked, values.length("seconds", seconds))

    def refresh(self, name: str, holder: str, seconds: float) -> bool:
        """Keep a lease for `seconds` from now on, at most a day.

        Returns False when `holder` does not have it any more: it expired, or was released.
        """
        asked = values.key("name", name), values.key("holder", holder)
        return self._write(leases.refresh, *asked, values.length("seconds", seconds))

    def release(self, name: str, holder: str) -> bool:
        """Give a lease back; return False when `holder` does not have it any more."""
        return self._write(leases.release, values.key("name", name), values.key("holder", holder))

    def holder(self, name: str) -> str | None:
        """Return who has a lease now; None when it is free."""
        return self._read(leases.holder, values.key("name", name))

    def held(self) -> list[LeaseRecord]:
        """Return the leases that are held now, in the order of their names."""
        return self._read(leases.held)
