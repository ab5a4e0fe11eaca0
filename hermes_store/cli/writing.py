"""Files that a command writes: there whole or not at all, and never over the database."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from hermes_store.cli.options import Options
from hermes_store.database.address import url_of
from hermes_store.database.choice import backend_of

__all__ = ["STDIO", "refuse_the_database", "replacing", "written_whole"]

STDIO = Path("-")
_JOURNALS = ("-wal", "-shm", "-journal")


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
    """A stream to a new file that takes the place of `target` at the end."""
    try:
        descriptor, name = tempfile.mkstemp(".part", f"{target.name[:100]}.", target.parent)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, str(target)) from exc
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - mkstemp gives no path object
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # else the name may stand for an empty file after a power cut
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)


def refuse_the_database(options: Options, target: Path, option: str) -> None:
    """Refuse to write over the database. `option` named the file."""
    url = url_of(options.db)
    if backend_of(url).is_server:
        return
    database = os.path.realpath(str(url.database))
    if os.path.realpath(target) in {database + suffix for suffix in ("", *_JOURNALS)}:
        raise click.UsageError(f"{option} names a file of the database itself; give another")
