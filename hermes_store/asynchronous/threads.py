"""Single threads, as many as are needed at once, up to a bound."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

__all__ = ["Threads"]


class Threads:
    """Lends threads. The one that came back last is lent next, so that few take turns.

    A pool of several would start all of them, and wake the one that rests longest.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._all: list[ThreadPoolExecutor] = []
        self._free: list[ThreadPoolExecutor] = []
        self._has_ended = False

    @property
    def at_work(self) -> int:
        """How many are lent."""
        return len(self._all) - len(self._free)

    @property
    def free(self) -> int:
        """How many more can be lent."""
        return self._most - self.at_work

    def take(self) -> ThreadPoolExecutor:
        """Lend one, which takes no work after `end`. There must be a free one."""
        if self._free:
            return self._free.pop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="hermes_store")
        self._all.append(thread)
        self._end_if_all_do(thread)
        return thread

    def give_back(self, thread: ThreadPoolExecutor) -> None:
        """Have one back."""
        self._free.append(thread)
        self._end_if_all_do(thread)

    def _end_if_all_do(self, thread: ThreadPoolExecutor) -> None:
        """`end` is called from other threads, and may not have seen it."""
        if self._has_ended:
            thread.shutdown(wait=False)

    def end(self, *, wait: bool = False) -> None:
        """Let each end when it is done. To wait for them is not for a loop's thread."""
        self._has_ended = True
        for thread in self._all:
            thread.shutdown(wait=wait)
