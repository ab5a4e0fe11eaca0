"""The page `/`: conversations, the last active first, and what they can be chosen by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hermes_store import SessionFilter, SessionRepository
from hermes_store.queries import facets
from hermes_store.records import SessionFacets
from hermes_store.values.pictures import in_one_line, one_line
from hermes_store.values.written import count, dollars, when
from hermes_store.web.asked import CHOOSING, parameters
from hermes_store.web.rendering import address, render
from hermes_store.web.titles import titles_near

__all__ = ["facts", "page", "short", "title"]

_SESSIONS = 50
_AMONG = 1_000
"""Conversations that the values beside the list are counted in."""
_MOST_VALUES = 8
_LONGEST = 120
_FACETS: dict[str, Literal["source", "model", "user_id", "month"]] = {
    "source": "source",
    "model": "model",
    "user": "user_id",
    "month": "month",
}
"""Parameters, and the facet that has their values."""


class Value(NamedTuple):
    """A value that sessions can be chosen by."""

    shown: str
    number: int
    href: str
    chosen: bool


def page(request: Request) -> Response:
    """List conversations."""
    given = parameters(request, *CHOOSING, "after", "look")
    after = given.pop("after", None)
    repository = request.app.state.repository
    near = titles_near(repository, given, after)
    found = repository.list_sessions_rich(
        limit=_SESSIONS + 1, order_by_last_active=True, filter=near.which, after=after
    )
    shown, is_full = found[:_SESSIONS], len(found) > _SESSIONS
    counted = _counted(repository, near.which, found, behind=after is not None)
    return HTMLResponse(
        render(
            "sessions.html",
            given=given,
            sessions=[_listed(each) for each in shown],
            facets=_facets(counted, given),
            counted=_among(counted),
            older=address("/", **given, after=shown[-1]["id"]) if is_full else "",
            looked_at="" if is_full else when(near.since),
            further=address("/", **given, after=near.last),
            everything=address("/", **given | {"look": "all"}, after=after),
        )
    )


def title(session: Mapping[str, Any]) -> str:
    """What a session is called: its title, else its first words, else its id."""
    return short(session["title"] or session.get("preview") or session["id"])


def facts(session: Mapping[str, Any]) -> str:
    """What is known about a session, in one line."""
    cost = session["actual_cost_usd"]
    known = (
        short(session["source"]),
        short(session["model"]),
        when(session["last_active"]),
        count(session["message_count"], "message"),
        dollars(session["estimated_cost_usd"] if cost is None else cost),
    )
    return " · ".join(filter(None, known))


def short(text: Any) -> str:
    """A text in one line, or its beginning."""
    line = in_one_line(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _listed(session: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: session[name] for name in ("id", "archived", "pinned")}
    return {**names, "title": title(session), "facts": facts(session)}


def _facets(counted: SessionFacets | None, given: Mapping[str, str]) -> list[dict[str, Any]]:
    if counted is None:
        return []
    shown = []
    for parameter, facet in _FACETS.items():
        most = list(counted[facet].items())[:_MOST_VALUES]
        found = [_value(parameter, value, number, given) for value, number in most]
        if found:
            shown.append({"label": parameter.capitalize(), "found": found})
    return shown


def _value(parameter: str, value: str, number: int, given: Mapping[str, str]) -> Value:
    """A value; to choose what is chosen already takes the choice back."""
    chosen = given.get(parameter) == value
    others = {**given, parameter: "" if chosen else value}
    return Value(one_line(value)[:_LONGEST], number, address("/", **others), chosen)


def _counted(
    repository: SessionRepository,
    which: SessionFilter,
    found: Sequence[Mapping[str, Any]],
    *,
    behind: bool,
) -> SessionFacets | None:
    """What sessions can be chosen by, counted in the page itself where all of them are on it.

    None among many that have words in the title: to look for these takes longest.
    """
    if len(found) <= _SESSIONS and not behind:
        return facets.counted([[each[name] for name in facets.COLUMNS] for each in found], None)
    if which.title:
        return None
    return repository.session_facets(filter=which, among=_AMONG, timezone=None)


def _among(counted: SessionFacets | None) -> str:
    if counted is None or counted["counted"] < _AMONG:
        return ""
    return f"the last {count(counted['counted'])} conversations of this choice"
