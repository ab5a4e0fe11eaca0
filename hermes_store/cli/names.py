"""The names a person types: sessions, sources and roles. A name that means nothing is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from hermes_store import SessionRepository
from hermes_store.cli.errors import AmbiguousNameError, NotFoundError
from hermes_store.cli.text import in_one_line, like, listed, one_line
from hermes_store.records import SessionMatch

__all__ = ["check_roles", "check_source", "find_exactly", "find_session", "refuse_mistyped"]

ROLES = ("user", "assistant", "tool", "system", "developer", "function")
"""What messages of providers have, today's and earlier."""
_MOST_NAMED = 8


def find_session(repo: SessionRepository, name: str) -> str:
    """Return the id of the session that `name` means.

    That is its id, a unique beginning of the id, its title, or words that only its title holds.
    Raises `NotFoundError`, and `AmbiguousNameError` that lists the sessions that may be meant.
    """
    if found := _by_id_or_title(repo, name):
        return found
    meant = repo.find_sessions(name, limit=None)
    if len(meant) == 1:
        return meant[0]["id"]
    raise _several(name, meant) if meant else _none(name)


def find_exactly(repo: SessionRepository, name: str) -> str:
    """Return the id of the session with this id, beginning of an id, or whole title.

    For commands that delete: words of a title are not enough. Raises as `find_session`.
    """
    if found := _by_id_or_title(repo, name):
        return found
    meant = repo.find_sessions(name, limit=None)
    by_id = [each for each in meant if each["id"].startswith(name)]
    raise _several(name, by_id) if by_id else _none(name, meant)


def _by_id_or_title(repo: SessionRepository, name: str) -> str | None:
    return repo.resolve_session_id(name) or repo.resolve_session_by_title(name)


def _none(name: str, like_it: Sequence[SessionMatch] = ()) -> NotFoundError:
    if like_it:
        return NotFoundError(
            f"no session has the id or title {name!r}; sessions with such words: "
            f"{_described(like_it)}"
        )
    return NotFoundError(
        f"no session has the id or title {name!r}, no id begins so and no title holds these "
        "words; 'hermes-store list' prints them"
    )


def _several(name: str, meant: Sequence[SessionMatch]) -> AmbiguousNameError:
    return AmbiguousNameError(
        f"{name!r} may mean {len(meant)} sessions: {_described(meant)}; name one by its id"
    )


def _described(meant: Sequence[SessionMatch]) -> str:
    lines = [
        one_line(each["id"]) + (f" ({in_one_line(each['title'])})" if each["title"] else "")
        for each in meant[:_MOST_NAMED]
    ]
    more = f", and {len(meant) - _MOST_NAMED} more" if len(meant) > _MOST_NAMED else ""
    return ", ".join(lines) + more


# --- sources and roles ----------------------------------------------------------------------------


def check_source(repo: SessionRepository, given: Iterable[str]) -> None:
    """Refuse a source that no session has. In a store without sessions none is refused."""
    given = tuple(given)
    known = _sources(repo) if given else []
    for name in given:
        if known and name not in known:
            raise _no_source(name, known)


def refuse_mistyped(repo: SessionRepository, given: Iterable[str]) -> None:
    """Refuse a source that looks mistyped.

    One that no session has is not an error: a nightly `prune` has nothing to do then.
    """
    given = tuple(given)
    known = _sources(repo) if given else []
    for name in given:
        if name not in known and like(name, known):
            raise _no_source(name, known)


def _no_source(name: str, known: list[str]) -> click.UsageError:
    return click.UsageError(
        f"no session has the source {name!r}{like(name, known)}; there are {listed(known, most=20)}"
    )


def _sources(repo: SessionRepository) -> list[str]:
    return [row["source"] for row in repo.usage_by_source()]


def check_roles(given: Iterable[str]) -> None:
    """Refuse a role that no message of a provider has."""
    for name in given:
        if name not in ROLES:
            raise click.UsageError(
                f"there is no role {name!r}{like(name, ROLES)}; use {', '.join(ROLES)}"
            )
