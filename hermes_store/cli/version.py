"""What `--version` prints. A script that asks for it does not wait for click."""

from __future__ import annotations

import sys

from hermes_store import __version__

__all__ = ["WRITTEN", "print_version"]

WRITTEN = f"hermes-store, version {__version__}"


def print_version() -> bool:
    """Print it; False where it cannot be printed, which click then reports."""
    try:
        sys.stdout.write(f"{WRITTEN}\n")
        sys.stdout.flush()
    except (OSError, AttributeError):  # a closed pipe, a full disk; no output at all
        return False
    return True
