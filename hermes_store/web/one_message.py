"""The pages `/m/{id}` and `/image/{id}`: a message whole, and an image of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hermes_store.errors import InvalidArgumentError, MessageNotFoundError
from hermes_store.records import MessageRecord
from hermes_store.web.asked import number, parameters
from hermes_store.web.conversation import here, image, session_of
from hermes_store.web.images import decoded, url_of_image
from hermes_store.web.rendering import render
from hermes_store.web.views import views

__all__ = ["image_page", "page"]


def page(request: Request) -> Response:
    """Show all of one message."""
    message = _message(request, parameters(request, "m"))
    [view] = views([message], image)
    there = here(message["session_id"], message["id"])
    return HTMLResponse(render("message.html", view=view, here=there))


def image_page(request: Request) -> Response:
    """Send the image that a part of a message holds."""
    given = parameters(request, "m", "n")
    message, place = _message(request, given), number(given, "n") or 0
    content = message["content"]
    parts = content if isinstance(content, list) else [content]
    url = url_of_image(parts[place]) if place < len(parts) else None
    found = decoded(url) if url else None
    if found is None:
        raise InvalidArgumentError("n", "this part is no image", "take the address of a page")
    media_type, data = found
    return Response(data, media_type=media_type)


def _message(request: Request, given: dict[str, str]) -> MessageRecord:
    session = session_of(request)
    message_id = number(given, "m")
    if message_id is None:
        raise InvalidArgumentError("m", "is missing", "give the id of a message")
    found: list[MessageRecord] = request.app.state.repository.get_messages(
        session["id"], after_id=message_id - 1, before_id=message_id + 1, include="all"
    )
    if not found:
        raise MessageNotFoundError(session["id"], message_id)
    return found[0]
