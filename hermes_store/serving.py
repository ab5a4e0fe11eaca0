"""What the servers of the package share: where they listen, and a token for who may ask."""

from __future__ import annotations

import hmac
import os
import secrets
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from hermes_store.errors import InvalidArgumentError

__all__ = ["HOST", "bears", "is_same", "listen", "new_token", "serve"]

HOST = "127.0.0.1"
_WAITING = 128


def new_token() -> str:
    """A token that nobody guesses, of characters that a link may hold."""
    return secrets.token_urlsafe(24)


def is_same(given: str, token: str) -> bool:
    """Whether a text is the token; it takes equally long whatever was given."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def bears(asked: HTTPConnection, token: str) -> bool:
    """Whether a request has the header `Authorization: Bearer TOKEN`."""
    return is_same(asked.headers.get("authorization", ""), f"Bearer {token}")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is a free one.

    Raises `InvalidArgumentError` for an address of no network of this machine, and a port that is
    in use or that only root may take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_WAITING)
    except OSError as exc:
        is_unknown = isinstance(exc, socket.gaierror)
        why = exc.strerror if is_unknown else os.strerror(exc.errno or 0)  # Python adds to it
        problem = f"cannot listen at {host}, port {port}: {why}"
        remedy = "give another with --port or --host"
        raise InvalidArgumentError("host" if is_unknown else "port", problem, remedy) from exc


async def serve(
    make: Callable[[Callable[[], bool]], ASGIApp], listening: socket.socket, **settings: Any
) -> None:
    """Serve an application until the process is told to end.

    `make` is called with a function that says whether the server is ending.
    """
    config = uvicorn.Config("", log_level="warning", **settings)
    server = uvicorn.Server(config)
    config.app = make(lambda: server.should_exit)
    await server.serve(sockets=[listening])
