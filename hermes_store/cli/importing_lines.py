"""Read what export wrote, and per-session logs, from files and from stdin."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import click

from hermes_store.cli import output
from hermes_store.cli.errors import message_of
from hermes_store.cli.jsonl import Bad, BadLines, FormatError, exported_sessions, kind_of, lines_of
from hermes_store.cli.logs import Log, session_of_log
from hermes_store.cli.text import one_line
from hermes_store.cli.writing import STDIO
from hermes_store.errors import InvalidArgumentError
from hermes_store.migrate import Progress

__all__ = ["Lines"]


class Lines:
    """Reads the sessions of all files, and knows where it is: an error names file and line."""

    def __init__(
        self, stack: ExitStack, source: str, session_id: str | None, bad: BadLines
    ) -> None:
        self._stack = stack
        self._source = source
        self._session_id = session_id
        self._bad = bad
        self._at: Callable[[], Bad] = lambda: Bad("", 0, "")

    def place(self) -> str:
        """The file and line of the session that was read last."""
        at = self._at()
        return f"{one_line(at.file)}:{at.line}"

    def leave_out(self, error: InvalidArgumentError) -> None:
        """Leave out the session that was read last."""
        self._bad.meet(FormatError(self._at()._replace(problem=message_of(error))))

    def sessions(self, files: tuple[Path, ...]) -> Iterator[dict[str, Any]]:
        """The sessions of all files: a parent may be in another file than its child."""
        for path in files:
            yield from self._from_stdin() if path == STDIO else self._from_file(path)

    def _from_file(self, path: Path) -> Iterator[dict[str, Any]]:
        name, status = str(path), path.stat()
        with output.progress_bar(f"importing {path.name}") as report:

            def lines() -> Iterator[bytes]:
                with path.open("rb") as stream:
                    yield from _counted(lines_of(stream, name), status.st_size, report)

            with path.open("rb") as stream:
                kind = kind_of(lines_of(stream, name), [])
            if kind == "log":
                yield self._log(Log(lines, name, path.stem, self._source, status.st_mtime))
            elif kind == "empty":
                output.note(f"{name} is empty")
            else:
                yield from self._exported(lines(), name)

    def _from_stdin(self) -> Iterator[dict[str, Any]]:
        name, head = "<stdin>", list[bytes]()
        stream = lines_of(sys.stdin.buffer, name)
        kind = kind_of(stream, head)
        if kind == "log" and self._session_id is None:
            raise click.UsageError(f"{name} is a log of one session: give its id with --id")
        if kind == "log":
            lines = self._kept(chain(head, stream))
            yield self._log(Log(lines, name, str(self._session_id), self._source, time.time()))
        elif kind == "empty":
            output.note(f"{name} is empty")
        else:
            yield from self._exported(chain(head, stream), name)

    def _kept(self, lines: Iterator[bytes]) -> Callable[[], Iterator[bytes]]:
        """Keep what can be read once in a file, so that it can be read again."""
        kept = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack does
        kept.writelines(lines)

        def again() -> Iterator[bytes]:
            kept.seek(0)
            yield from kept

        return again

    def _log(self, log: Log) -> dict[str, Any]:
        session, messages = session_of_log(log, self._bad, output.note)
        self._at = lambda: Bad(log.name, messages.line, "")
        return session

    def _exported(self, lines: Iterator[bytes], name: str) -> Iterator[dict[str, Any]]:
        for number, session in exported_sessions(lines, name, self._bad):
            self._at = partial(Bad, name, number, "")
            yield session


def _counted(lines: Iterator[bytes], size: int, report: Progress) -> Iterator[bytes]:
    done = 0
    for line in lines:
        yield line
        done += len(line)
        report("", done, size)
