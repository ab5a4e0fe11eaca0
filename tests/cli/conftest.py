"""The command in this process (`run`) or in one of its own (`spawn`), on stores of the test's."""

import os
import pty
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import prepared
import pytest

from hermes_store.cli.app import run as run_command

_OF_A_PERSON = (
    "COLUMNS",
    "FORCE_COLOR",
    "HERMES_STORE_URL",
    "LESS",
    "NO_COLOR",
    "PAGER",
    "TTY_COMPATIBLE",
)
EXAMPLES = Path(__file__).parents[2] / "examples"


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home, a fixed time zone, nothing of the person's who runs the tests."""
    folder = tmp_path / "home"
    monkeypatch.setenv("HERMES_HOME", str(folder))
    monkeypatch.setenv("TZ", "UTC")
    for name in _OF_A_PERSON:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def run(capsys):
    """Run the command here; its exit code and what it printed."""

    def call(*arguments) -> Result:
        capsys.readouterr()
        code = run_command([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def spawn():
    """Run the command as a process of its own."""

    def call(*arguments, stdin: bytes = b"", **environment) -> Result:
        done = prepared.run(
            [sys.executable, "-m", "hermes_store", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            env=os.environ | environment,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture
def on_a_terminal():
    """Run the command with a terminal as its output and errors; what the terminal got.

    With `keyboard` the terminal is its input too, as when a person types the command.
    """

    def call(*arguments, columns=80, keyboard=False, **environment) -> str:
        ours, theirs = pty.openpty()
        environment |= {"COLUMNS": str(columns), "TERM": "xterm-256color"}
        command = [sys.executable, "-m", "hermes_store", *map(str, arguments)]
        stdin = theirs if keyboard else None
        with prepared.Popen(
            command, stdin=stdin, stdout=theirs, stderr=theirs, env=os.environ | environment
        ):
            os.close(theirs)
            return b"".join(iter(lambda: _read(ours), b"")).decode()

    return call


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux: nobody holds the other end any more
        os.close(terminal)
        return b""


@pytest.fixture(scope="session")
def filled_template(template, tmp_path_factory):
    """A store with the sample conversations. Copy it; never open it."""
    path = Path(shutil.copy(template, tmp_path_factory.mktemp("filled") / "state.db"))
    files = sorted(EXAMPLES.glob("*.jsonl"), reverse=True)  # the log's messages have no ids
    assert run_command(["--db", str(path), "import", *map(str, files)]) == 0
    return path


@pytest.fixture
def examples():
    """The sample conversations as one export, and as a log."""
    return EXAMPLES


@pytest.fixture
def filled(filled_template, home):
    """The default database of the test, with the sample conversations in it."""
    home.mkdir()
    return Path(shutil.copy(filled_template, home / "state.db"))
