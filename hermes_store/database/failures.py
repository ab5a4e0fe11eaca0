"""What an error of a driver means: its typed error, and whether to try again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from hermes_store.database import postgresql
from hermes_store.errors import (
    DamagedFileError,
    HermesStoreError,
    StoreBusyError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

__all__ = [
    "again_if_lost",
    "is_busy",
    "is_lost",
    "is_overtaken",
    "original",
    "pause",
    "retry_while_busy",
    "translate_error",
    "typed_errors",
]

T = TypeVar("T")

_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")


def original(exc: BaseException) -> BaseException:
    """The driver's error in `exc`, or `exc` itself."""
    return getattr(exc, "orig", None) or exc


def _name(exc: BaseException) -> str:
    return str(getattr(original(exc), "sqlite_errorname", ""))


def is_busy(exc: BaseException) -> bool:
    """Whether the same operation may well succeed when it is run again."""
    return _name(exc).startswith(_BUSY) or postgresql.is_refused_by_lock(exc)


def is_overtaken(exc: BaseException) -> bool:
    """Whether another host may have changed what the operation had just looked at."""
    return postgresql.is_overtaken(exc)


def is_lost(exc: BaseException) -> bool:
    """Whether the connection to a server is gone, and what was not committed with it."""
    return postgresql.is_lost(exc)


def translate_error(exc: BaseException) -> BaseException:
    """The typed error for an error of the driver; others come back as they are."""
    if isinstance(exc, HermesStoreError):
        return exc
    if is_busy(exc):
        return StoreBusyError(0.0)
    return _translate_sqlite(exc) or postgresql.translate_error(exc) or exc


def _translate_sqlite(exc: BaseException) -> HermesStoreError | None:
    name, said = _name(exc), str(original(exc))
    if name == "SQLITE_FULL":
        return StoreUnavailableError(
            f"the disk is full ({said}); nothing of this operation was stored",
            "free some space and try again",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
        return StoreReadOnlyError(said)
    if name.startswith("SQLITE_NOTADB") or name in {"SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX"}:
        return DamagedFileError(said)
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL", "SQLITE_NOMEM")):
        return StoreUnavailableError(said, "check the disk, the folder and its permissions")
    return None


@contextmanager
def typed_errors() -> Iterator[None]:
    """Raise the typed error in place of the driver's."""
    try:
        yield
    except Exception as exc:
        error = translate_error(exc)
        if error is exc:
            raise
        raise error from exc


# --- patience -----------------------------------------------------------------------------------

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25


def pause(attempt: int) -> float:
    """Seconds to wait before try number `attempt` + 1: random, so that waiting processes spread."""
    return random.uniform(_FIRST_PAUSE, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt + 1)))  # noqa: S311 - not a secret


def again_if_lost(attempt: Callable[[], T]) -> T:
    """Run `attempt`, once more when the connection to the server was lost: for reads only."""
    try:
        return attempt()
    except Exception as exc:
        if not is_lost(exc):
            raise
    return attempt()


def retry_while_busy(attempt: Callable[[], T], budget: float) -> T:
    """Run `attempt` until it is not refused by a lock, at most `budget` seconds.

    Raises `StoreBusyError` that says how long it waited.
    """
    started = time.monotonic()
    tries = 0
    while True:
        try:
            return attempt()
        except Exception as exc:
            waited = time.monotonic() - started
            if not is_busy(exc):
                raise
            if waited >= budget:
                raise StoreBusyError(waited) from exc
        time.sleep(pause(tries))
        tries += 1
