"""What the parent of a session is to it: `sessions.link`.

| link | the parent is |
|---|---|
| compression | the part before it of the same conversation, which goes on here |
| branch | what it was branched off from; from then on a conversation of its own |
| delegate | the agent that gave it this work |
| reset | what was there before the user began anew |

NULL: not known, as in old files.
"""

from __future__ import annotations

from typing import Any

from hermes_store import values
from hermes_store.errors import InvalidArgumentError

__all__ = ["BRANCH", "COMPRESSION", "DELEGATE", "LINKS", "RESET", "checked", "require_parent"]

COMPRESSION, BRANCH, DELEGATE, RESET = "compression", "branch", "delegate", "reset"
LINKS = (COMPRESSION, BRANCH, DELEGATE, RESET)


def checked(link: Any) -> str | None:
    """Return `link`. Raises `InvalidArgumentError` unless it is None or one of `LINKS`."""
    return None if link is None else values.one_of("link", link, LINKS)


def require_parent(link: str | None, parent: Any) -> None:
    """Raise `InvalidArgumentError` for a link without the parent that it tells of."""
    if link is not None and parent is None:
        remedy = "give the parent, or no link"
        raise InvalidArgumentError("link", f"{link!r} needs a parent_session_id", remedy)
