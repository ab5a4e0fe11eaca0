"""Topics that are objects of their own, so that their short names do not meet other topics'."""

from __future__ import annotations

from hermes_store.api.base import Topic
from hermes_store.api.leases import Leases
from hermes_store.api.meta import Meta
from hermes_store.api.retention import Retention

__all__ = ["Namespaces"]


class Namespaces(Topic):
    """What a repository and a transaction keep beside the sessions."""

    @property
    def leases(self) -> Leases:
        """Names that one holder at a time can have: `acquire`, `refresh`, `release`, `holder`."""
        return Leases(self)

    @property
    def meta(self) -> Meta:
        """What a program keeps under keys of its own: `get`, `set`, `delete`, `items`."""
        return Meta(self)

    @property
    def retention(self) -> Retention:
        """Rules for what nobody has used for long: `add`, `remove`, `rules`, `due`, `run`."""
        return Retention(self)
