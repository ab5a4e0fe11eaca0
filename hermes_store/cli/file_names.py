"""Names of files for sessions, that every system takes."""

from __future__ import annotations

import hashlib
import re

__all__ = ["file_name"]

_LONGEST = 80
"""Bytes of an id or a title in a name: file systems take 255 for all of it."""
_NOT_SAFE = re.compile(r"[^A-Za-z0-9_]+")
_NOT_IN_TITLES = re.compile(r"[\W_]+")
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
"""Names of devices on Windows ("Naming Files, Paths, and Namespaces")."""
_ENDS_IN_DIGEST = re.compile("_[0-9a-f]{16}$")


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
