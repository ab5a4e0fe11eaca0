"""`mcp` where its package is not installed; tests/frameworks has the command itself."""

import subprocess
import sys

WITHOUT = """
import sys
sys.modules["mcp"] = None
from hermes_store.cli.app import run
sys.exit(run(["mcp"]))
"""


def test_without_the_package_an_error_names_the_extra():
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'hermes-store[mcp]'" in done.stderr
