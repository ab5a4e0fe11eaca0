"""A repository whose public calls are recorded: its class is replaced by one that records.

So a repository that is not instrumented pays nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from hermes_store.adapters.telemetry import Telemetry
from hermes_store.api.base import Topic
from hermes_store.asynchronous.export import AsyncExport

__all__ = ["is_watched", "unwatched", "watched"]

_inside: ContextVar[bool] = ContextVar("inside", default=False)
"""Whether this thread or task is in a recorded call: what a method calls itself is not a call."""

_BLOCKS = {"transaction", "orm_session"}
_NOT_CALLS = {"end"}


def watched(target: Any, telemetry: Telemetry, prefix: str = "") -> Any:
    """Record the public calls of an object from now on; return it."""
    target._telemetry, target._prefix = telemetry, prefix  # noqa: SLF001 - of the new class
    target.__class__ = _recording(type(target))  # type: ignore[arg-type]  # a type is hashable
    return target


def unwatched(target: Any) -> Telemetry:
    """Record nothing of it any more; return what recorded it."""
    telemetry: Telemetry = target._telemetry  # noqa: SLF001 - of the class that records
    target.__class__ = type(target).__mro__[1]
    del target._telemetry, target._prefix  # noqa: SLF001 - as above
    return telemetry


def is_watched(target: Any) -> bool:
    """Return whether the public calls of an object are recorded."""
    return hasattr(target, "_telemetry")


@functools.cache
def _recording(owner: type) -> type:
    """Return a subclass that records its public methods."""
    members: dict[str, Any] = {}
    for name in dir(owner):
        found = inspect.getattr_static(owner, name)
        if not name.startswith("_") and name not in _NOT_CALLS:
            members |= {name: made} if (made := _recorded(name, found)) else {}
    return type(owner.__name__, (owner,), {**members, "__doc__": owner.__doc__})


def _recorded(name: str, found: Any) -> Any:
    """Return what records the calls of a member; None for what is no method."""
    if isinstance(found, property):
        return _property(name, found)
    if not inspect.isfunction(found):
        return None
    if name in _BLOCKS:
        return _block(name, found)
    if name == "iter_export":
        return _export(found)
    return _task(name, found) if inspect.iscoroutinefunction(found) else _call(name, found)


def _call(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _outermost(self, name):
            return method(self, *args, **kwargs)

    return recorded


def _task(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _outermost(self, name):
            return await method(self, *args, **kwargs)

    return recorded


def _block(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Record a block as one call; the calls in it are recorded, too."""

    @contextmanager
    @functools.wraps(method)
    def recorded(self: Any) -> Iterator[Any]:
        with self._telemetry.call(name), method(self) as given:
            yield watched(given, self._telemetry) if isinstance(given, Topic) else given

    return recorded


def _export(method: Callable[..., Any]) -> Callable[..., Any]:
    """Record an export from its first step to its end."""

    def streamed(telemetry: Telemetry, sessions: Iterator[Any]) -> Iterator[Any]:
        with telemetry.call("iter_export", is_current=False):
            yield from sessions

    @functools.wraps(method)
    def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        telemetry = self._telemetry
        if not isinstance(self, Topic):  # of tasks: the synchronous one is in a thread
            sessions = self.synchronous.iter_export(*args, **kwargs)
            return AsyncExport(streamed(telemetry, sessions))
        sessions = method(self, *args, **kwargs)
        return streamed(telemetry, sessions)

    return recorded


def _property(name: str, found: property) -> property | None:
    """Return a property that records the calls of the topic that it gives."""
    get = found.fget
    assert get is not None

    def recorded(self: Any) -> Any:
        given = get(self)
        is_topic = isinstance(given, Topic) or hasattr(given, "_doors")
        is_own = is_topic and name != "synchronous"
        return watched(given, self._telemetry, f"{name}.") if is_own else given

    return property(recorded, doc=found.__doc__)


@contextmanager
def _outermost(owner: Any, name: str) -> Iterator[None]:
    if _inside.get():
        yield
        return
    token = _inside.set(True)
    try:
        with owner._telemetry.call(f"{owner._prefix}{name}"):  # noqa: SLF001 - of its class
            yield
    finally:
        _inside.reset(token)
