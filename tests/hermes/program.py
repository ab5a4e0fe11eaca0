"""Hermes Agent itself, downloaded once into a cache outside of the tree: program and tests.

Nothing of it is copied into this project. `HERMES_CACHE` says where the cache is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("HERMES_CACHE") or ROOT / ".venv-hermes")
VERSIONS = ("0.13.0", "0.19.0")
_TOOLS = ("pytest>=8.3", "pytest-xdist", "pytest-asyncio")
_PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input")


class UnavailableError(Exception):
    """The program could not be had; the text says why."""


class Program:
    """One version, in an environment of its own with this project's package."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._folder = CACHE / version
        self.python = self._folder / "venv" / "bin" / "python"
        self.tests = self._folder / f"hermes_agent-{version}"
        """The folder of upstream's source distribution: only its tests are unpacked."""

    def prepare(self) -> None:
        """Download what is missing. Raises `UnavailableError`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self.python.exists():
            _run(sys.executable, "-m", "venv", str(self._folder / "venv"))
        if not (self._folder / "installed").exists():
            _run(self.python, *_PIP, "install", f"hermes-agent=={self.version}", *_TOOLS, *_needs())
            (self._folder / "installed").touch()
        if not self.tests.exists():
            self._unpack()
        _run(self.python, *_PIP, "install", "--no-deps", "--force-reinstall", str(ROOT))

    def _unpack(self) -> None:
        wanted = f"hermes-agent=={self.version}"
        only = ("--no-deps", "--no-binary", "hermes-agent", "--dest", str(self._folder))
        _run(self.python, *_PIP, "download", *only, wanted)
        [archive] = self._folder.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            part = f"hermes_agent-{self.version}/tests/"
            tests = [each for each in packed.getmembers() if each.name.startswith(part)]
            packed.extractall(self._folder, tests, filter="data")


def _needs() -> list[str]:
    """What our package needs beside itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["postgresql"]]


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise UnavailableError(f"{' '.join(map(str, command))}: {' '.join(last)}")


def main() -> int:
    """Download what the tests of every version need; 2 when it cannot be had."""
    try:
        for version in VERSIONS:
            Program(version).prepare()
    except UnavailableError as exc:
        print(f"Hermes Agent could NOT be had: {exc}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
