"""`browse` where it cannot draw; tests/frameworks/browse presses its keys."""

import os
import pty
import subprocess
import sys

WITHOUT = """
import sys
sys.modules["textual"] = None
from hermes_store.cli.app import run
sys.exit(run(["browse"]))
"""


def test_in_a_pipe_a_sentence_names_the_commands_for_scripts(run, filled):
    code, out, err = run("browse")
    assert (code, out) == (2, "")
    assert "browse needs a terminal that it can draw on; use 'hermes-store list'" in err


def test_without_the_package_an_error_names_the_extra(filled):
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm"}
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 1
    assert "pip install 'hermes-store[browse]'" in done.stderr
