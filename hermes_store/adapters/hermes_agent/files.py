"""The files that Hermes writes beside its database for each session."""

from __future__ import annotations

import glob
from contextlib import suppress
from pathlib import Path

__all__ = ["remove_files"]


def remove_files(folder: Path | None, session_id: str) -> None:
    """Delete the files of a session; one that cannot be deleted stays."""
    if folder is None:
        return
    name = glob.escape(session_id)
    found = [folder / f"{session_id}.json", folder / f"{session_id}.jsonl"]
    found += Path(folder).glob(f"request_dump_{name}_*.json")
    for path in found:
        with suppress(OSError):
            path.unlink(missing_ok=True)
