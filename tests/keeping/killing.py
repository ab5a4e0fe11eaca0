"""Kill a process at each step of a function: each change of a file's name, and each report."""

import os
import signal
import sys
from collections.abc import Callable, Iterator

RENAMING = {"os.rename", "os.link", "os.remove", "ctypes.dlsym"}
EVERYTHING = RENAMING | {"os.chmod", "os.mkdir", "sqlite3.connect", "keeping.step"}
"""Events of `sys.audit`, and the reports."""


def step(*_progress: object) -> None:
    """Give this to the function as its progress: each report is a step."""
    sys.audit("keeping.step")


def killed_at_each_step(
    function: Callable[[], object], every: int = 1, steps: set[str] = EVERYTHING
) -> Iterator[int]:
    """Run `function` again and again, each time in a child that kills itself `every` steps later.

    Yields the number of the step after each killed run; ends when one run came to its end.
    """
    number = 1
    while _is_killed(function, number, steps):
        yield number
        number += every


def _is_killed(function: Callable[[], object], number: int, steps: set[str]) -> bool:
    child = os.fork()
    if not child:
        _run_until(function, number, steps)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the function failed"
    return False


def _run_until(function: Callable[[], object], number: int, steps: set[str]) -> None:
    left = number

    def watch(event: str, _arguments: object) -> None:
        nonlocal left
        if event in steps:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    code = 1
    try:
        function()
        code = 0
    finally:
        os._exit(code)
