"""What follows from an error of a driver: its typed error, or another try."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from hermes_store.database.backend import Backend
from hermes_store.errors import HermesStoreError, RefusedError, StoreBusyError

__all__ = [
    "again_if_lost",
    "again_if_overtaken",
    "pause",
    "retry_while_busy",
    "translate_error",
    "type_error",
    "typed_errors",
    "unknown_error",
]

T = TypeVar("T")


def translate_error(backend: Backend, exc: BaseException) -> BaseException:
    """The typed error for an error of the driver; others come back as they are."""
    if isinstance(exc, HermesStoreError):
        return exc
    known = backend.translate(exc)
    if known is None and backend.is_busy(exc):
        return StoreBusyError(0.0)
    return known or exc


def type_error(backend: Backend, exc: BaseException) -> BaseException:
    """The same; an unknown error of the driver becomes `RefusedError`."""
    known = translate_error(backend, exc)
    return unknown_error(backend, exc) if known is exc and backend.is_drivers(exc) else known


def unknown_error(backend: Backend, exc: BaseException) -> RefusedError:
    """The typed error for an unknown error of the driver."""
    said = backend.said_by(getattr(exc, "orig", None) or exc)
    return RefusedError(" ".join(said.split()), by_trigger=backend.is_raised(exc))


class typed_errors:  # noqa: N801 - as contextlib's; a generator would cost each read 0.5 µs
    """A block that raises the typed error in place of the driver's.

    With `own_statements` the block runs statements of the caller: unknown errors stay as they are.
    """

    __slots__ = ("_backend", "_typed")

    def __init__(self, backend: Backend, *, own_statements: bool = False) -> None:
        self._backend = backend
        self._typed = translate_error if own_statements else type_error

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _kind: object, exc: BaseException | None, _trace: object) -> None:
        if isinstance(exc, Exception):
            error = self._typed(self._backend, exc)
            if error is not exc:
                raise error from exc


# --- patience -----------------------------------------------------------------------------------

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25


def pause(attempt: int) -> float:
    """Seconds to wait before try number `attempt` + 1: random, so that waiting processes spread."""
    return random.uniform(_FIRST_PAUSE, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt + 1)))  # noqa: S311 - not a secret


def again_if_lost(backend: Backend, attempt: Callable[[], T]) -> T:
    """Run `attempt`, once more when the connection to the server was lost: for reads only."""
    return _again_if(backend.is_lost, attempt)


def again_if_overtaken(backend: Backend, attempt: Callable[[], T]) -> T:
    """Run `attempt`, once more when another host changed what it had just looked at."""
    return _again_if(backend.is_overtaken, attempt)


def _again_if(condition: Callable[[BaseException], bool], attempt: Callable[[], T]) -> T:
    try:
        return attempt()
    except Exception as exc:
        if not condition(exc):
            raise
    return attempt()


def retry_while_busy(backend: Backend, attempt: Callable[[], T], budget: float) -> T:
    """Run `attempt` until no lock refuses it, for at most `budget` seconds.

    Raises `StoreBusyError` that says how long it waited.
    """
    started = time.monotonic()
    tries = 0
    while True:
        try:
            return attempt()
        except Exception as exc:
            waited = time.monotonic() - started
            if not backend.is_busy(exc):
                raise
            if waited >= budget:
                raise StoreBusyError(waited) from exc
        time.sleep(pause(tries))
        tries += 1
