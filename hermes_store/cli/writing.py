"""Files that a command writes: there whole or not at all, and never over the database."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from hermes_store.cli.options import Options
from hermes_store.database.address import url_of
from hermes_store.database.choice import backend_of
from hermes_store.database.sqlite_place import is_of_database

__all__ = ["STDIO", "refuse_the_database", "replacing", "written_whole"]

STDIO = Path("-")


@contextmanager
def written_whole(target: Path) -> Iterator[IO[bytes]]:
    """A stream to `target`, which changes only when all is written; only its owner reads it.

    What is there and no file (a pipe, /dev/stdout) is written to, not replaced.
    """
    if target == STDIO:
        yield sys.stdout.buffer
    elif target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
    else:
        with replacing(target.resolve()) as stream:
            yield stream


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A stream to a new file that takes the place of `target` at the end.

    Ctrl-C, SIGTERM and every error delete the new file.
    """
    part = target.with_name(f"{target.name[:50]}.{os.urandom(8).hex()}.part")
    with _unwound_by_sigterm():
        try:  # before the file is made: an interruption may come with it
            with _created(part, target) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())  # else a power cut may leave the name and an empty file
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _created(part: Path, target: Path) -> IO[bytes]:
    try:
        return open(part, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, str(target)) from exc


@contextmanager
def _unwound_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as an exception does; by itself it ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread sets what a signal does
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def refuse_the_database(options: Options, target: Path, option: str) -> None:
    """Refuse to write over the database. `option` named the file."""
    url = url_of(options.db)
    if not backend_of(url).is_server and is_of_database(target, str(url.database)):
        raise click.UsageError(f"{option} names a file of the database itself; give another")
