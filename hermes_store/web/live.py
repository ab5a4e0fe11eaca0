"""The stream `/live/{id}`: messages as they are stored, as server-sent events.

The format is that of the section "Server-sent events" of the HTML standard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hermes_store.errors import HermesStoreError
from hermes_store.web.asked import number, parameters
from hermes_store.web.conversation import session_of
from hermes_store.web.fitting import fitted
from hermes_store.web.one_message import here, image, whole
from hermes_store.web.rendering import environment

__all__ = ["page"]

_SECONDS = 0.5
_AT_ONCE = 20


def page(request: Request) -> Response:
    """Send the messages behind `after`, then each new one, until the session or the reader goes."""
    session = session_of(request)
    given = parameters(request, "after")
    resumed = {"after": request.headers.get("last-event-id") or given.get("after", "0")}
    events = _events(request, session["id"], number(resumed, "after") or 0)
    return StreamingResponse(events, media_type="text/event-stream")


async def _events(request: Request, session_id: str, last: int) -> AsyncIterator[str]:
    yield ": following\n\n"  # the headers go out, so that a browser knows that it is connected
    with suppress(HermesStoreError):  # the browser asks again, and is told
        async for event in _appended(request, session_id, last):
            yield event


async def _appended(request: Request, session_id: str, last: int) -> AsyncIterator[str]:
    repository = request.app.state.repository
    while not request.app.state.is_ending():
        found = await run_in_threadpool(
            repository.get_messages, session_id, limit=_AT_ONCE, after_id=last
        )
        if found:
            last = found[-1]["id"]
            yield "".join(map(_event, found))
        else:
            if await run_in_threadpool(repository.get_session, session_id) is None:
                yield "event: gone\ndata: \n\n"
                return
            await asyncio.sleep(_SECONDS)


def _event(message: Any) -> str:
    message_id = message["id"]
    [view] = fitted([message], image)
    macros: Any = environment().get_template("macros.html").module
    shown = macros.message(view, here(message_id), whole(message_id))
    lines = "".join(f"data: {line}\n" for line in str(shown).splitlines())
    return f"id: {message_id}\n{lines}\n"
