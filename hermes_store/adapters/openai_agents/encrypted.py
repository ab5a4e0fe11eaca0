"""Encryption that loses nothing by a wrong key. Needs the SDK's extra `encrypt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.extensions.memory import EncryptedSession as _EncryptedSession

if TYPE_CHECKING:
    from agents.items import TResponseInputItem
    from agents.run_context import RunContextWrapper

__all__ = ["EncryptedSession"]


class EncryptedSession(_EncryptedSession):
    """The SDK's `EncryptedSession`, for a `HermesSession`: it tries the key before it deletes.

    The SDK's own class does so only above the SDK's own SQLite session. Above others it deletes
    each item that its key does not open, and goes on to the one before.
    """

    async def pop_item(
        self, *, wrapper: RunContextWrapper[Any] | None = None
    ) -> TResponseInputItem | None:
        """Delete the latest item that can be read and return it; None when there is none.

        Items that expired are deleted on the way. Raises `cryptography.fernet.InvalidToken` for an
        item of another key, which stays, and the items before it.
        """
        pop = getattr(self.underlying_session, "_pop_item_with_validation", None)
        if pop is None:  # another wrapper stands between
            return await super().pop_item(wrapper=wrapper)
        while sealed := await pop(self._open):
            item = self._unwrap(sealed)
            if item is not None:
                return item
        return None

    def _open(self, item: Any) -> None:
        """Raise unless the key opens an item; its age does not count."""
        if isinstance(item, dict) and item.get("__enc__") == 1:
            self.cipher.extract_timestamp(item["payload"].encode())
