"""Ask the system to begin writing SQLite's log to the disk, before a checkpoint waits for it.

A checkpoint first syncs the log. All that was written since the last one is then to be waited for,
inside a COMMIT: 32 MB take some 25 ms. When the system has begun before, little is left. What is
durable after which call is as before: nothing here waits for the disk.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache

__all__ = ["Writeback"]

_INTERVAL = 256
"""Operations between two requests: some 10 MB of log."""
_BEGIN_WRITING = 2
"""SYNC_FILE_RANGE_WRITE: https://man7.org/linux/man-pages/man2/sync_file_range.2.html."""


class Writeback:
    """Of the log of one file; on Linux only."""

    def __init__(self, path: str) -> None:
        """`path` is that of the file."""
        self._log = f"{path}-wal"
        self._due = _INTERVAL

    def after(self, operations: int) -> None:
        """Ask when it is time. `operations` is the number committed so far."""
        if operations < self._due:
            return
        self._due = operations + _INTERVAL
        with suppress(OSError):  # there is none: a rollback journal
            _begin_writing(self._log)

    def finish(self) -> None:
        """Do nothing: nothing runs."""

    def after_fork(self) -> None:
        """Do nothing: nothing was held."""


def _begin_writing(path: str) -> None:
    # SQLite holds no lock on its log, so to close a descriptor of it drops none.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _sync_file_range()(descriptor, 0, 0, _BEGIN_WRITING)
    finally:
        os.close(descriptor)


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int]:
    """The call of Linux's C libraries; a function that does nothing where there is none."""
    with suppress(ImportError, AttributeError, OSError):
        if sys.platform == "linux":
            from ctypes import CDLL, c_int, c_int64, c_uint  # noqa: PLC0415 - seldom used

            call = CDLL(None).sync_file_range
            call.argtypes = [c_int, c_int64, c_int64, c_uint]
            return call
    return lambda *_: 0
