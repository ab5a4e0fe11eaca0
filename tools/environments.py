"""Virtual environments for other people's programs, outside of the tree and kept between runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FRAMEWORKS = Path(os.environ.get("FRAMEWORKS_CACHE") or ROOT / ".venv-frameworks")
"""Where each framework that an adapter is for has an environment."""
_PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input")
_FLOOR = re.compile(r">=([\w.]+).*")
TOOLS = ("hypothesis>=6.100", "pytest>=8.3", "pytest-asyncio", "pytest-xdist>=3.6.1")


class UnavailableError(Exception):
    """Something could not be downloaded; the text says what and why."""


class Environment:
    """A virtual environment in a folder, which is made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"

    def install(self, *requirements: str) -> None:
        """Install them with the tests' tools and what our package needs, then the package anew.

        What was installed by an earlier run is taken as it is. Raises `UnavailableError`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.python.exists():
            _run(sys.executable, "-m", "venv", str(self.folder / "venv"))
        wanted = "\n".join(requirements)
        stamp = self.folder / "installed"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            self._pip("install", *requirements, *TOOLS, *_needs())
            stamp.write_text(wanted, encoding="utf-8")
        self._pip("install", "--no-deps", "--force-reinstall", str(ROOT))

    def version(self, package: str) -> str:
        """Which version of a package is installed."""
        asked = f"import importlib.metadata as m; print(m.version({package!r}))"
        command = [str(self.python), "-c", asked]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def sources(self, package: str, version: str, *parts: str) -> Path:
        """The folder of a source distribution, of which only `parts` (folders) are unpacked."""
        name = f"{package.replace('-', '_')}-{version}"
        unpacked = self.folder / name
        if not unpacked.exists():
            only = ("--no-deps", "--no-binary", package, "--dest", str(self.folder))
            self._pip("download", *only, f"{package}=={version}")
            [archive] = self.folder.glob(f"{name}.tar.gz")
            with tarfile.open(archive) as packed:
                wanted = tuple(f"{name}/{part}/" for part in parts)
                members = [each for each in packed.getmembers() if each.name.startswith(wanted)]
                packed.extractall(self.folder, members, filter="data")
        return unpacked

    def _pip(self, *arguments: str) -> None:
        _run(self.python, *_PIP, *arguments)


def of_framework(name: str, *, lowest: bool = False) -> Environment:
    """The environment of a framework, with what its adapter and its suites need.

    With `lowest` it has the lowest version that the extra allows. Raises `UnavailableError`.
    """
    environment = Environment(FRAMEWORKS / (f"{name}-lowest" if lowest else name))
    framework, *others = _requirements_of(name)
    environment.install(_FLOOR.sub(r"==\1", framework) if lowest else framework, *others)
    return environment


def package_of(name: str) -> str:
    """The package that a framework is, or of an extra with a name of its own the first one."""
    found = re.match(r"[\w.-]+", _requirements_of(name)[0])
    return found[0] if found else name


def _requirements_of(name: str) -> list[str]:
    """Those of its extra, and of its suites."""
    project = _project()
    extra = project["project"]["optional-dependencies"].get(name, [])
    return [*extra, *project["dependency-groups"].get(f"suites-{name}", [])]


def _needs() -> list[str]:
    """What our package needs beside itself."""
    project = _project()["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["postgresql"]]


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise UnavailableError(f"{' '.join(map(str, command))}: {' '.join(last)}")
