"""The server over streamable HTTP: on the loopback, for who knows the token."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hermes_store.serving import HOST, bears

__all__ = ["application"]


def application(server: MCPServer[None], token: str, port: int) -> ASGIApp:
    """The application at `/mcp`. Another Host than the loopback's is refused."""
    hosts = [f"{name}:{port}" for name in (HOST, "localhost")]
    security = TransportSecuritySettings(
        allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
    )
    return _Guarded(server.streamable_http_app(transport_security=security, host=HOST), token)


class _Guarded:
    """Answers only requests with the header `Authorization: Bearer TOKEN`."""

    def __init__(self, inner: ASGIApp, token: str) -> None:
        self._inner = inner
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not bears(HTTPConnection(scope), self._token):
            refused = PlainTextResponse(
                "give the token: Authorization: Bearer TOKEN\n",
                401,
                {"WWW-Authenticate": "Bearer"},
            )
            await refused(scope, receive, send)
            return
        await self._inner(scope, receive, send)
