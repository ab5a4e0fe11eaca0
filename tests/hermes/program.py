"""Hermes Agent itself, downloaded once into a cache outside of the tree: program and tests.

Nothing of it is copied into this project. `HERMES_CACHE` says where the cache is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.environments import ROOT, Environment, UnavailableError

__all__ = ["ALL", "VERSIONS", "Program", "UnavailableError"]

CACHE = Path(os.environ.get("HERMES_CACHE") or ROOT / ".venv-hermes")
ALL = ("0.13.0", "0.14.0", "0.15.2", "0.16.0", "0.17.0", "0.18.2", "0.19.0")
VERSIONS = tuple(os.environ.get("HERMES_VERSIONS", "").split()) or ALL
"""Those whose tests run."""


class Program:
    """One version, in an environment of its own with this project's package."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._environment = Environment(CACHE / version)
        self.python = self._environment.python
        self.tests = self._environment.folder / f"hermes_agent-{version}"
        """The folder of upstream's source distribution: only its tests are unpacked."""

    def is_at_least(self, version: str) -> bool:
        """Whether it is that version or a later one."""
        return ALL.index(self.version) >= ALL.index(version)

    def prepare(self) -> None:
        """Download what is missing. Raises `UnavailableError`."""
        self._environment.install(f"hermes-agent=={self.version}")
        self._environment.sources("hermes-agent", self.version, "tests")


def main() -> int:
    """Download what the tests of the versions need; 2 when it cannot be had."""
    try:
        for version in VERSIONS:
            Program(version).prepare()
    except UnavailableError as exc:
        print(f"Hermes Agent could NOT be had: {exc}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
