"""The id of a session that a framework names by several parts."""

from __future__ import annotations

from hermes_store import values
from hermes_store.errors import InvalidArgumentError

__all__ = ["joined", "parted", "prefix"]


def joined(*parts: str) -> str:
    """One id of several parts, with `/` between them: `claude/my-project/1f0c…`.

    Raises `InvalidArgumentError` for a part that is no text.
    """
    return "/".join(map(_escaped, parts))


def prefix(*parts: str) -> str:
    """How the ids of all that have these first parts begin."""
    return joined(*parts, "")


def parted(joined_id: str) -> list[str]:
    """The parts of an id that `joined` made."""
    return [part.replace("%2F", "/").replace("%25", "%") for part in joined_id.split("/")]


def _escaped(part: str) -> str:
    if not isinstance(part, str):
        problem = f"its part {values.shown(part)} is not a text"
        raise InvalidArgumentError("id", problem, "give a str")
    return part.replace("%", "%25").replace("/", "%2F")
