"""One message of a session: its addresses on the page of the session, all of it, its images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, Response

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError, MessageNotFoundError
from hermes_store.records import MessageRecord
from hermes_store.web.asked import number
from hermes_store.web.images import decoded, url_of_image
from hermes_store.web.rendering import render
from hermes_store.web.views import views

__all__ = ["here", "image", "image_page", "page", "whole"]

# The addresses leave the session out: a long id would stand there hundreds of times.


def here(message_id: int) -> str:
    """The address of a message in its conversation."""
    return f"?m={message_id}#m{message_id}"


def whole(message_id: int) -> str:
    """The address of all of a message."""
    return f"?whole={message_id}"


def image(message: Mapping[str, Any], part: int, _url: str) -> str:
    """The address of an image: the page stays small, and a browser fetches what is looked at."""
    return f"?m={message['id']}&image={part}"


def page(repository: SessionRepository, session_id: str, given: dict[str, str]) -> Response:
    """Show all of the message `whole`."""
    message = _message(repository, session_id, number(given, "whole"))
    [view] = views([message], image)
    return HTMLResponse(render("message.html", view=view, here=here(message["id"])))


def image_page(repository: SessionRepository, session_id: str, given: dict[str, str]) -> Response:
    """Send the image that the part `image` of the message `m` holds."""
    message, place = _message(repository, session_id, number(given, "m")), number(given, "image")
    content = message["content"]
    parts = content if isinstance(content, list) else [content]
    url = url_of_image(parts[place]) if place is not None and place < len(parts) else None
    found = decoded(url) if url else None
    if found is None:
        raise InvalidArgumentError("image", "this part is no image", "take the address of a page")
    media_type, data = found
    return Response(data, media_type=media_type)


def _message(
    repository: SessionRepository, session_id: str, message_id: int | None
) -> MessageRecord:
    if message_id is None:
        raise InvalidArgumentError("m", "is missing", "give the id of a message")
    found = repository.get_messages(
        session_id, after_id=message_id - 1, before_id=message_id + 1, include="all"
    )
    if not found:
        raise MessageNotFoundError(session_id, message_id)
    return found[0]
