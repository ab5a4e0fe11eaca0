"""An export, a session at a time: the connection stays with the thread that began to read."""

from __future__ import annotations

import _thread
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, cast

from hermes_store.asynchronous.calls import FOREVER, Call, one_by_one
from hermes_store.asynchronous.lanes import Lane

if TYPE_CHECKING:
    from hermes_store.records import SessionExport

__all__ = ["AsyncExport"]


class AsyncExport(AsyncIterator["SessionExport"]):
    """The sessions of an export. Exhaust it, or close it with `aclose()`: it keeps a connection.

    A cancelled step closes it, too.
    """

    def __init__(self, sessions: Iterator[SessionExport]) -> None:
        self._lane = Lane(1, one_by_one(sessions))
        self._when_lost = weakref.finalize(
            self, _lose, self._lane, cast("Generator[Any, None, None]", sessions).close
        )
        self._when_lost.atexit = False  # then the threads have ended

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionExport:
        if not self._when_lost.alive:
            raise StopAsyncIteration
        try:
            session: SessionExport | None = await self._lane.run(Call(_next, FOREVER))
        except BaseException:
            await self.aclose()
            raise
        if session is None:
            await self.aclose()
            raise StopAsyncIteration
        return session

    async def aclose(self) -> None:
        """End the export, and give its connection back. When it is cancelled, it has done so."""
        if self._when_lost.detach():
            last = Call(_close, FOREVER)
            last.must_run = True
            try:
                await self._lane.run(last)
            finally:
                self._lane.end()


def _lose(lane: Lane, close: Callable[[], object]) -> None:
    """End an export that nobody has any more, and take no lock here.

    The garbage collector may call it in a step of Python's pools, whose locks its thread then has.
    """
    with suppress(RuntimeError):  # the interpreter ends
        _thread.start_new_thread(lane.end_with, (close,))


def _next(sessions: Iterator[SessionExport]) -> SessionExport | None:
    return next(sessions, None)


def _close(sessions: Generator[SessionExport, None, None]) -> None:
    sessions.close()
