"""Run a framework's own tests, of its source distribution, with our class in place of its own.

A suite has a folder with `upstream_plugin.py`, which puts our class in place, and with
`exceptions.toml`, which names the tests that then fail and says why.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.environments import ROOT, Environment

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


def run(package: str, suite: Path, files: list[str], database: str, *options: str) -> None:
    """Run them; fail when one fails, is skipped, or passes that is named as an exception."""
    folder = Path(os.environ["FRAMEWORK_FOLDER"])
    version = os.environ["FRAMEWORK_VERSION"]
    sources = Environment(folder).sources(package, version, "tests")
    quiet = ("-q", "--tb=short", "--no-header", "-p", "no:cacheprovider", "-W", "ignore")
    plugin = ("-c", os.devnull, "--rootdir", ".", "-p", "upstream_plugin")
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (suite, ROOT / "tests", ROOT))),
        "UPSTREAM_DATABASE": database,
    }
    command = [sys.executable, "-m", "pytest", *quiet, *plugin, *options, *files]
    done = subprocess.run(
        command, check=False, cwd=sources, env=env, capture_output=True, text=True
    )
    last = done.stdout.strip().splitlines()[-1:]
    print(f"upstream, {database}:", *last)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in last[0], done.stdout
