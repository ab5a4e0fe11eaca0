"""Whom the page answers: who knows the token, under this machine's name, and nobody else."""

from __future__ import annotations

import hashlib
import ipaddress
from socket import gethostname
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hermes_store.serving import HOST, bears, is_same
from hermes_store.web.rendering import address, render

__all__ = ["EVERY_ADDRESS", "Guard", "is_loopback", "told"]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - only compared with
_OPEN = "/static/"
"""What lies here is the package's own, so that a refusal looks like a page."""


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Refuses another Host and who has no token; sets the headers of every answer.

    The token comes in the link that is opened, then in a cookie, or as a bearer of a program.
    """

    def __init__(self, inner: ASGIApp, token: str, host: str = HOST) -> None:
        self._inner = inner
        self._token = token
        self._host = host
        self._secret = hashlib.sha256(token.encode()).hexdigest()
        self._cookie = f"hermes_store_{self._secret[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer = self._answer(Request(scope)) or self._inner
        await answer(scope, receive, send_with_headers)

    def _answer(self, request: Request) -> Response | None:
        """A refusal, or the way in; None for who is inside."""
        if not self._is_ours(request.headers.get("host", "")):
            title, remedy = "Another host", "open the link that hermes-store serve printed"
            return told(400, title, f"This server has another name; {remedy}.")
        if request.url.path.startswith(_OPEN):
            return None
        if "token" in request.query_params:
            return self._opened(request)
        cookie = request.cookies.get(self._cookie, "")
        if is_same(cookie, self._secret) or bears(request, self._token):
            return None
        return told(401, "Who are you?", "Open the link that hermes-store serve printed.")

    def _opened(self, request: Request) -> Response:
        """The way in, a page that leads on.

        After a redirect a browser would not send the cookie, where another site has the link.
        """
        if not is_same(request.query_params["token"], self._token):
            sentence = "Open the link of the server that runs now: each run has a new token."
            return told(401, "An old link", sentence)
        others = [pair for pair in request.query_params.multi_items() if pair[0] != "token"]
        path = "/" + quote(request.url.path.lstrip("/"))  # no address of another host
        page = HTMLResponse(render("opened.html", target=address(path, **dict(others))))
        page.set_cookie(self._cookie, self._secret, httponly=True, samesite="strict")
        return page

    def _is_ours(self, host: str) -> bool:
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        name = name.strip("[]").lower()
        if self._host in EVERY_ADDRESS and (_is_address(name) or name == gethostname().lower()):
            return True  # what rebinds a name of its own has neither
        return name in {self._host.lower(), HOST, "::1", "localhost"}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def told(status: int, title: str, sentence: str) -> Response:
    """A page that says one thing."""
    return HTMLResponse(render("sentence.html", title=title, sentence=sentence), status)
