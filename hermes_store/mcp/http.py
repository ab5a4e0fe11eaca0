"""The server over streamable HTTP: on the loopback, for who knows the token."""

from __future__ import annotations

import hmac
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["HOST", "application", "serve"]

HOST = "127.0.0.1"


def application(server: MCPServer[None], token: str, port: int) -> ASGIApp:
    """The application at `/mcp`. Another Host than the loopback's is refused."""
    hosts = [f"{name}:{port}" for name in (HOST, "localhost")]
    security = TransportSecuritySettings(
        allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
    )
    return _Guarded(server.streamable_http_app(transport_security=security, host=HOST), token)


async def serve(server: MCPServer[None], token: str, port: int) -> None:
    """Serve until the process is told to end."""
    config = uvicorn.Config(
        application(server, token, port), host=HOST, port=port, log_level="warning"
    )
    await uvicorn.Server(config).serve()


class _Guarded:
    """Answers only requests with the header `Authorization: Bearer TOKEN`."""

    def __init__(self, inner: ASGIApp, token: str) -> None:
        self._inner = inner
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_known(scope):
            refused = PlainTextResponse(
                "give the token: Authorization: Bearer TOKEN\n",
                401,
                {"WWW-Authenticate": "Bearer"},
            )
            await refused(scope, receive, send)
            return
        await self._inner(scope, receive, send)

    def _is_known(self, scope: Any) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(given, self._expected)
