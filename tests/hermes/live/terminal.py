"""A program in a terminal of its own: what is typed, and waiting for what it shows."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-_=>])")


class Terminal:
    """One run of a command; `expect` returns as soon as a text is shown."""

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""
        self._seen = 0
        self._closed = False

    def type(self, line: str) -> None:
        """Type a line, as a person does: the line, then Enter."""
        os.write(self._master, line.encode())
        self._read(0.5)
        os.write(self._master, b"\r")

    def expect(self, text: str, seconds: float = 90) -> None:
        """Wait until a text is shown that was not waited for before."""
        self.until(lambda: text in self.shown[self._seen :], f"{text!r} to be shown", seconds)
        self._seen = self.shown.index(text, self._seen) + len(text)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
        """Read what is shown until a condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end or not self._read(0.5):
                raise AssertionError(f"waited for {what}: {self.shown[self._seen :][-3000:]}")

    def is_idle(self) -> bool:
        """Whether the last line to type in is one for a new turn."""
        return "msg=interrupt" not in self.line()

    def line(self) -> str:
        """What stands in the line to type in."""
        return self.shown[self.shown.rfind("❯") :]

    def quit(self) -> int:
        """Leave the program as a person does, once more when a menu took the keys; its code."""
        for _ in range(3):
            self.type("\x15/quit")
            end = time.monotonic() + 20
            while self._process.poll() is None and time.monotonic() < end:
                self._read(0.2)
            if self._process.poll() is not None:
                break
        return self.close()

    def close(self, seconds: float = 60) -> int:
        """Wait for the end of the program; return its code."""
        if self._closed:
            return self._process.returncode
        until = time.monotonic() + seconds
        while self._process.poll() is None:
            if time.monotonic() > until:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._read(0.2)
        os.close(self._master)
        self._closed = True
        return self._process.returncode

    def _read(self, seconds: float) -> bool:
        """Take what is shown; False when the program has closed its terminal."""
        if not select.select([self._master], [], [], seconds)[0]:
            return self._process.poll() is None
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        if b"\x1b[6n" in data:
            os.write(self._master, b"\x1b[1;1R")  # where the cursor is
        self.shown += _ESCAPES.sub("", data.decode("utf-8", "replace"))
        return True
