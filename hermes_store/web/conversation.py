"""The page `/s/{id}`: a window of a session's messages, and where the session belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hermes_store import SessionRepository
from hermes_store.errors import MessageNotFoundError, SessionNotFoundError
from hermes_store.records import MessageRecord, SessionRecord
from hermes_store.web import one_message
from hermes_store.web.asked import number, one_of, parameters, refuse_several
from hermes_store.web.fitting import fitted
from hermes_store.web.listing import facts, title
from hermes_store.web.rendering import render, session_address
from hermes_store.web.strip import strip

__all__ = ["page", "session_of"]

WINDOW = 100
"""Messages of a page."""

Include = Literal["live", "all"]


class Window(NamedTuple):
    """Messages that lie beside each other, and how many lie before and behind them."""

    messages: Sequence[MessageRecord]
    before: int
    after: int
    include: Include


def page(request: Request) -> Response:
    """Show a window of messages: around `m`, before or behind an id, else the last ones.

    Show all of one message instead (`whole`), or an image of it (`image`, a number of a part).
    """
    session = session_of(request)
    given = parameters(request, "m", "before", "after", "include", "whole", "image")
    refuse_several(given, "m", "before", "after", "whole")
    repository = request.app.state.repository
    if "whole" in given:
        return one_message.page(repository, session["id"], given)
    if "image" in given:
        return one_message.image_page(repository, session["id"], given)
    window = _window(repository, session["id"], given)
    return HTMLResponse(
        render(
            "session.html",
            session={"title": title(session), "facts": facts(session)},
            strip=strip(repository, session["id"]),
            messages=fitted(window.messages, one_message.image),
            here=one_message.here,
            whole=one_message.whole,
            before=window.before,
            after=window.after,
            **_addresses(session["id"], window),
            other_states=_other_states(repository, session, window.include),
        )
    )


def session_of(request: Request) -> SessionRecord:
    """The session that an address names. Raises `SessionNotFoundError`."""
    session_id = request.path_params["session_id"]
    repository: SessionRepository = request.app.state.repository
    found = repository.get_session(session_id) if session_id else None
    if found is None:
        raise SessionNotFoundError(session_id)
    return found


# --- which messages -------------------------------------------------------------------------------


def _window(repository: SessionRepository, session_id: str, given: dict[str, str]) -> Window:
    include: Any = one_of(given, "include", "live", "all")
    anchor, before, after = (number(given, name) for name in ("m", "before", "after"))
    if anchor is not None:
        found, include = _around(repository, session_id, anchor, include)
    elif after is not None:
        found = repository.get_messages(session_id, limit=WINDOW, after_id=after, include=include)
    else:
        found = repository.get_messages(
            session_id, limit=WINDOW, before_id=before, newest=True, include=include
        )
    return Window(found, *_beside(repository, session_id, found, include), include)


def _around(
    repository: SessionRepository, session_id: str, anchor: int, include: Include
) -> tuple[list[MessageRecord], Include]:
    """The messages around one; those of all states, when it is not live."""
    asked: tuple[Include, ...] = ("live", "all")
    for seen in asked[asked.index(include) :]:
        found = repository.get_messages(
            session_id, limit=WINDOW // 2, around_id=anchor, include=seen
        )
        if any(each["id"] == anchor for each in found):
            return found[:WINDOW], seen
    raise MessageNotFoundError(session_id, anchor)


def _beside(
    repository: SessionRepository,
    session_id: str,
    found: Sequence[MessageRecord],
    include: Include,
) -> tuple[int, int]:
    if not found:
        return repository.count_messages(session_id, include=include), 0
    first, last = found[0]["id"], found[-1]["id"]
    return (
        repository.count_messages(session_id, before_id=first, include=include),
        repository.count_messages(session_id, after_id=last, include=include),
    )


# --- where to go on -------------------------------------------------------------------------------


def _addresses(session_id: str, window: Window) -> dict[str, Any]:
    kept = {"include": "all"} if window.include == "all" else {}
    ids = [each["id"] for each in window.messages] or [0]
    return {
        "first": session_address(session_id, after=0, **kept),
        "earlier": session_address(session_id, before=ids[0], **kept),
        "later": session_address(session_id, after=ids[-1], **kept),
        "last": session_address(session_id, **kept),
        "follow": "" if window.after else session_address(session_id, "live", after=ids[-1]),
    }


def _other_states(
    repository: SessionRepository, session: SessionRecord, include: Include
) -> dict[str, str] | None:
    """The way to messages that were set aside, or back; None when there are none."""
    if include == "all":
        return {"href": session_address(session["id"]), "label": "Only live messages"}
    if repository.count_messages(session["id"], include="all") == session["message_count"]:
        return None
    label = "Also messages that were compacted or taken back"
    return {"href": session_address(session["id"], include="all"), "label": label}
