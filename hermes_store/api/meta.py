"""Meta: what a program keeps beside its sessions."""

from __future__ import annotations

from typing import Any

from hermes_store import values
from hermes_store.api.base import Namespace
from hermes_store.queries import meta

__all__ = ["Meta"]


class Meta(Namespace):
    """Values under keys: the settings, positions and marks of a program.

    A key is a text of at most 500 characters, a value whatever JSON can hold. Programs that share
    a store begin their keys with their names.
    """

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key; `default` when there is no such key."""
        return self._read(meta.get, values.key("key", key), default)

    def set(self, key: str, value: Any) -> None:
        """Store a value under a key, in place of the one that is there."""
        self._write(meta.put, values.key("key", key), values.encode_json("value", value))

    def delete(self, key: str) -> bool:
        """Delete a key with its value; return False when it is not there."""
        return self._write(meta.delete_one, values.key("key", key))

    def items(self, prefix: str = "") -> list[tuple[str, Any]]:
        """Return the keys that begin with `prefix`, each with its value, in the order of keys.

        Case matters, and no character is a wildcard.
        """
        return self._read(meta.items, values.prefix("prefix", prefix))
