"""A call that has a thread for itself: to open, to close, to wait for what blocks."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from hermes_store.asynchronous.calls import FOREVER, Call, one_by_one
from hermes_store.asynchronous.lanes import Lane

__all__ = ["in_thread"]


async def in_thread(function: Callable[[], Any]) -> Any:
    """Call `function` in a thread that is started for it, and return its result.

    Its end is awaited, also when the task is cancelled.
    """
    run = contextvars.copy_context().run
    lane = Lane(1, one_by_one(None))
    try:
        return await lane.run(Call(lambda _: run(function), FOREVER))
    finally:
        lane.end()
