"""The command `hermes-store`: read, search, move and look after a store from a terminal."""

from __future__ import annotations

import sys

from hermes_store.cli.version import print_version

TYPE_CHECKING = False  # to import `typing` takes longer than all that `--version` does
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command with `arguments` (default: those of the process) and exit."""
    given = sys.argv[1:] if arguments is None else arguments
    if [*given] == ["--version"] and print_version():
        sys.exit()
    try:
        from hermes_store.cli.app import run  # `import hermes_store.cli` costs no click

        code = run(arguments)
    except KeyboardInterrupt:  # while modules are imported
        code = 130
    sys.exit(code)
