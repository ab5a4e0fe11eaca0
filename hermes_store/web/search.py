"""The page `/search`: messages that hold what is looked for, by session, with their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError
from hermes_store.records import SearchHit, SearchPage
from hermes_store.values.highlights import MARKERS, parts
from hermes_store.values.pictures import one_line, plain
from hermes_store.values.written import when
from hermes_store.web.asked import CHOOSING, number, one_of, parameters, session_filter
from hermes_store.web.listing import short
from hermes_store.web.rendering import address, render, session_address

__all__ = ["page"]

_HITS = 20
_FARTHEST = 1_000
"""A page may have so many hits before it: to find more takes long, unless all is looked at."""
_ORDERS = ("newest", "relevance", "oldest")
"""The first one is asked for unless another is: it takes as long for common words as for others."""
_SEARCHING = ("q", "sort", "offset", "from", "look")
"""Parameters besides those that choose sessions."""


def page(request: Request) -> Response:
    """Search, and show a page of hits. Without archived=no it finds archived messages, too."""
    given = {"archived": "any", **parameters(request, *CHOOSING, *_SEARCHING)}
    query, offset = given.get("q", ""), _offset(given)
    sort: Any = one_of(given, "sort", *_ORDERS)
    found = _found(request.app.state.repository, given, sort, offset)
    hits, next_id = found["hits"], found["next_id"]
    is_full = len(hits) > _HITS
    # Of the ranked it is not to be seen that older ones were not looked at.
    goes_on = is_full and sort != "relevance"
    behind = {"offset": "", "from": next_id}
    return HTMLResponse(
        render(
            "search.html",
            query=query,
            is_first=not (offset or "from" in given),
            groups=_groups(hits[:_HITS]),
            orders=[_order(name, sort, given) for name in _ORDERS],
            more=address("/search", **given | _behind(hits, sort, given)) if is_full else "",
            further="" if next_id is None or goes_on else address("/search", **given | behind),
            looked_at=when(found["next_at"]),
            everything=address("/search", **given | {"offset": "", "from": "", "look": "all"}),
            oldest_first=sort == "oldest",
        )
    )


def _offset(given: dict[str, str]) -> int:
    """How many hits lie before the page. Raises `InvalidArgumentError`."""
    offset = number(given, "offset") or 0
    if offset > _FARTHEST and not _looks_at_all(given):
        problem = f"is greater than {_FARTHEST:,}, which takes long"
        raise InvalidArgumentError("offset", problem, "add look=all, or order by newest")
    return offset


def _looks_at_all(given: dict[str, str]) -> bool:
    return one_of(given, "look", "near", "all") == "all"


def _behind(hits: Sequence[SearchHit], sort: str, given: dict[str, str]) -> dict[str, Any]:
    """The parameters of the next page: by key where the hits are in the order of storing."""
    if sort != "relevance" and not _looks_at_all(given):
        return {"offset": "", "from": hits[_HITS]["id"]}
    following = _offset(given) + _HITS
    return {"offset": following} | ({"look": "all"} if following > _FARTHEST else {})


def _found(
    repository: SessionRepository, given: dict[str, str], sort: Any, offset: int
) -> SearchPage:
    """The hits of a page, and one more when there are more."""
    query, which = given.get("q", ""), session_filter(given)
    asked: Any = {"limit": _HITS + 1, "offset": offset, "sort": sort, "filter": which}
    asked["markers"] = MARKERS
    if _looks_at_all(given):
        hits = repository.search_messages(query, **asked)
        return SearchPage(hits=hits, next_id=None, next_at=None)
    return repository.search_page(query, from_id=number(given, "from"), **asked)


def _order(name: str, chosen: str, given: dict[str, str]) -> dict[str, Any]:
    href = address("/search", **given | {"sort": name, "offset": "", "from": ""})
    return {"name": name, "href": href, "chosen": name == chosen}


def _groups(found: Sequence[SearchHit]) -> list[dict[str, Any]]:
    """The hits by session, in the order in which the first of each was found."""
    groups: dict[str, dict[str, Any]] = {}
    for hit in found:
        group = groups.setdefault(hit["session_id"], _group(hit))
        group["hits"].append(_hit(hit))
    return list(groups.values())


def _group(hit: SearchHit) -> dict[str, Any]:
    known = (hit["source"], hit["model"], when(hit["session_started"]))
    return {
        "id": hit["session_id"],
        "title": short(hit["title"] or hit["session_id"]),
        "facts": " · ".join(short(each) for each in known if each),
        "hits": [],
    }


def _hit(hit: SearchHit) -> dict[str, Any]:
    return {
        "id": hit["id"],
        "href": session_address(hit["session_id"], m=hit["id"]),
        "role": one_line(hit["role"]),
        "at": when(hit["timestamp"]),
        "state": hit["state"],
        "snippet": _highlighted(hit["snippet"]),
        "context": hit["context"],
    }


def _highlighted(snippet: str) -> Markup:
    shown = Markup("")
    for text, is_hit in parts(plain(snippet)):
        shown += Markup("<mark>{}</mark>").format(text) if is_hit else text
    return shown
