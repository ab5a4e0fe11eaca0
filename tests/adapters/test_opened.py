"""What adapters open themselves."""

import multiprocessing
import os
import threading
from pathlib import Path

import support

from hermes_store.adapters.opened import Opened


class SlowPath(os.PathLike[str]):
    """A path that its process must wait for, as for a file that is upgraded first."""

    def __init__(self, path: Path) -> None:
        self.path, self.process = path, os.getpid()
        self.asked, self.told = threading.Event(), threading.Event()

    def __fspath__(self) -> str:
        if os.getpid() == self.process:
            self.asked.set()
            assert self.told.wait(60)
        return str(self.path)


def test_a_child_that_is_forked_while_another_thread_opens_opens_for_itself(sqlite_database):
    given = SlowPath(sqlite_database)
    opened = Opened(given)
    opening = support.Caller(lambda: opened.synchronous().create_session("s", "cli"))
    assert given.asked.wait(60)

    def child() -> None:
        opened.synchronous().create_session("of the child", "cli")
        opened.shut()

    process = multiprocessing.get_context("fork").Process(target=child, daemon=True)
    process.start()
    process.join(30)
    given.told.set()
    opening.finish()
    ended = process.exitcode
    process.kill()
    assert ended == 0, "the child waits for a thread that it does not have"
    assert opened.synchronous().session_count() == 2
    opened.shut()
