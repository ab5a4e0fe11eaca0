"""A Hermes Agent that runs: its home, its commands, and the store that it writes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from model_server import MODEL, Model
from program import Program
from terminal import Terminal

from hermes_store import SessionRepository

OURS = ("-m", "hermes_store.adapters.hermes_agent")
PLAIN = ("-m", "hermes_cli.main")
_CONFIG = """\
model:
  provider: custom
  default: {model}
  base_url: {url}
  api_key: none
  context_length: 64000
"""
_ABOUT_STORAGE = (
    "hermes_state",
    "hermes_store",
    "session_db",
    "sessiondb",
    "sqlite",
    ".db",
    "persist",
)


class Hermes:
    """One home of one version, that talks to a model on the loopback."""

    def __init__(self, program: Program, home: Path, model: Model) -> None:
        self.program = program
        self.home = home
        self.model = model
        self.store = home / "hermes_store.db"
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HERMES_HOME": str(home),
            "OPENAI_API_KEY": "none",
            "HERMES_STORE_SQLITE": "sqlite3",
            "TERM": "xterm",
            "COLUMNS": "160",
            "LINES": "50",
        }
        (home / "config.yaml").write_text(_CONFIG.format(model=MODEL, url=model.url))

    def run(self, *arguments: str, module: tuple[str, ...] = OURS, typed: str = "") -> str:
        """Run a command to its end; return what it says on both streams."""
        command = [str(self.program.python), *module, *arguments]
        done = subprocess.run(
            command,
            check=False,
            cwd=self.home,
            env=self._env,
            input=typed,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ask(self, text: str, *options: str) -> str:
        """Ask one question in a process of its own."""
        return self.run("chat", "-Q", *options, "-q", text)

    def terminal(self) -> Terminal:
        """Start the interactive chat."""
        return Terminal([str(self.program.python), *OURS, "chat"], self.home, self._env)

    def opened(self) -> SessionRepository:
        """The store, opened beside the program."""
        return SessionRepository(self.store)

    def sessions(self) -> list[Any]:
        """All sessions, the first started first."""
        with self.opened() as repo:
            return repo.export_all()[::-1]

    def storage_warnings(self) -> list[str]:
        """Lines of Hermes' own log that warn of the store."""
        logs = [path for path in (self.home / "logs").glob("*.log") if path.is_file()]
        lines = [line for path in logs for line in path.read_text(errors="replace").splitlines()]
        bad = [line for line in lines if " WARNING " in line or " ERROR " in line]
        return [line for line in bad if any(word in line.lower() for word in _ABOUT_STORAGE)]
