"""The command `hermes-store`: read, search, move and look after a store from a terminal."""

from __future__ import annotations

import sys

from hermes_store import __version__

TYPE_CHECKING = False  # to import `typing` takes longer than all that `--version` does
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["main", "written_version"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command with `arguments` (default: those of the process) and exit."""
    given = sys.argv[1:] if arguments is None else arguments
    if [*given] == ["--version"] and _is_written(f"{written_version()}\n"):
        sys.exit()
    try:
        from hermes_store.cli.app import run  # `import hermes_store.cli` costs no click

        code = run(arguments)
    except KeyboardInterrupt:  # while modules are imported
        code = 130
    sys.exit(code)


def written_version() -> str:
    """Return what `--version` prints."""
    return f"hermes-store, version {__version__}"


def _is_written(text: str) -> bool:
    """Write to the standard output; False where it cannot be, which click then reports."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, AttributeError):  # a closed pipe, a full disk; no output at all
        return False
    return True
