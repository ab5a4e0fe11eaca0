"""Finds files that are mounted alone, as by `docker run -v /host/state.db:/data/state.db`."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["MOUNTS", "is_mount_point"]

MOUNTS = Path("/proc/self/mountinfo")
"""What Linux has mounted, for this process; other systems have no such file."""

_MOUNT_POINT = 4
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def is_mount_point(path: Path) -> bool:
    """Whether something is mounted at exactly this path, which has no symbolic links in it."""
    try:
        listed = MOUNTS.read_bytes()
    except OSError:
        return False
    place = os.fsencode(path)
    name = place.rpartition(b"/")[2]
    return any(
        _unescaped(fields[_MOUNT_POINT]) == place
        for line in listed.splitlines()
        if (name in line or b"\\" in line) and len(fields := line.split(b" ")) > _MOUNT_POINT
    )


def _unescaped(field: bytes) -> bytes:
    """Return a path in which three octal digits stand for a blank, tab, line break or backslash."""
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), field)
