"""Files that are there whole or not at all, which only their owner reads."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["STDIO", "file_name", "replacing", "written_whole"]

STDIO = Path("-")
_LONGEST = 80
"""Bytes of an id or a title in a name: file systems take 255 for all of it."""
_NOT_SAFE = re.compile(r"[^A-Za-z0-9_]+")
_NOT_IN_TITLES = re.compile(r"[\W_]+")
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
"""Names of devices on Windows ("Naming Files, Paths, and Namespaces")."""
_ENDS_IN_DIGEST = re.compile("_[0-9a-f]{16}$")


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


def file_name(session_id: str, title: str | None, suffix: str) -> str:
    """Return a name for the file of a session, which no other session's file has.

    An id that is not a name on every system gets a digest, so that ids stay different.
    """
    name = _NOT_SAFE.sub("_", session_id)[:_LONGEST]
    is_safe = name == session_id.lower() and not _RESERVED.fullmatch(name)
    if not is_safe or _ENDS_IN_DIGEST.search(name):  # the latter might be another's with its digest
        name = f"{name}_{hashlib.sha256(session_id.encode()).hexdigest()[:16]}"
    said = _NOT_IN_TITLES.sub("-", title or "").encode()[:_LONGEST].decode(errors="ignore")
    return "-".join(filter(None, [name, said.strip("-")])) + suffix
