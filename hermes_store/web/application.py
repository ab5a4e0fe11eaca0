"""The application: which page has which address, and what a reader is told of an error."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from hermes_store import SessionRepository
from hermes_store.errors import (
    HermesStoreError,
    InvalidArgumentError,
    MessageNotFoundError,
    SearchTooBroadError,
    SessionNotFoundError,
)
from hermes_store.serving import HOST
from hermes_store.web import conversation, listing, live, search, usage
from hermes_store.web.guard import Guard, told

__all__ = ["application"]


class _AnyText(StringConvertor):
    """What an id may be: also slashes and line ends."""

    regex = "(?s:.*)"


register_url_convertor("any", _AnyText())

PAGES = (
    Route("/", listing.page),
    Route("/search", search.page),
    Route("/usage", usage.page),
    Route("/usage.csv", usage.table),
    Route("/usage/longest", usage.longest),
    Route("/s/{session_id:any}", conversation.page),
    Route("/live/{session_id:any}", live.page),
    Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
)
"""Each page takes a request and answers. A new one that readers look for is linked in base.html."""


def application(
    repository: SessionRepository,
    token: str,
    host: str = HOST,
    is_ending: Callable[[], bool] = lambda: False,
) -> Guard:
    """Return the pages over a repository, which the caller opens and closes.

    `is_ending` says whether the server ends: then streams end, too.
    """
    handlers = {HTTPException: _no_page, HermesStoreError: _error}
    inner = Starlette(routes=PAGES, exception_handlers=handlers)
    inner.state.repository = repository
    inner.state.is_ending = is_ending
    return Guard(inner, token, host)


def _no_page(_request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else HTTPStatus.NOT_FOUND
    if status == HTTPStatus.NOT_FOUND:
        return told(status, "No such page", "There is no page at this address.")
    return told(status, HTTPStatus(status).phrase, "These pages can only be read.")


def _error(_request: Request, exc: Exception) -> Response:
    match exc:
        case SessionNotFoundError():
            sentence = f"There is no session {exc.session_id!r}: it was deleted, or never stored."
            return told(HTTPStatus.NOT_FOUND, "No such session", sentence)
        case MessageNotFoundError():
            sentence = f"Session {exc.session_id!r} has no message {exc.message_id}."
            return told(HTTPStatus.NOT_FOUND, "No such message", sentence)
        case InvalidArgumentError() | SearchTooBroadError():
            return told(HTTPStatus.BAD_REQUEST, "This cannot be shown", f"{exc}.")
    return told(HTTPStatus.SERVICE_UNAVAILABLE, "The store does not answer", f"{exc}.")
