"""Long answers in a pager, as git shows them: one that fits the screen is simply printed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from hermes_store.cli import output

__all__ = ["paged"]

_DEFAULTS = {
    "LESS": "FRX",  # quit when it fits, let colours through, leave the text on the screen
    "LV": "-c",
}


@contextmanager
def paged(*, wanted: bool) -> Iterator[Callable[[str], object]]:
    """Give a function that writes text: to a pager where a person looks on, else to stdout.

    The pager is `$PAGER`, else less; with `PAGER=cat` or an empty one there is none. The block
    ends early when the person leaves the pager.
    """
    command = _pager() if wanted and sys.stdout.isatty() and sys.stdin.isatty() else []
    process = _started(command) if command else None
    if process is None or process.stdin is None:
        yield sys.stdout.write
        return
    try:
        yield process.stdin.write
    except BrokenPipeError:  # the person has left
        pass
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        _wait(process)


def _pager() -> list[str]:
    default = "less" if shutil.which("less") else ""
    command = shlex.split(os.environ.get("PAGER", default))
    return [] if command == ["cat"] else command


def _started(command: list[str]) -> subprocess.Popen[str] | None:
    sys.stdout.flush()
    try:
        return subprocess.Popen(  # noqa: S603 - the person's own pager
            command,
            stdin=subprocess.PIPE,
            env=_DEFAULTS | os.environ,
            text=True,
            encoding=sys.stdout.encoding,
            errors="replace",
        )
    except OSError as exc:
        output.note(f"the pager {command[0]} cannot be run: {exc.strerror}")
        return None


def _wait(process: subprocess.Popen[str]) -> None:
    while True:
        try:
            process.wait()
        except KeyboardInterrupt:  # the pager's own business
            continue
        return
