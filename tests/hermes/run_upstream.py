"""Run Hermes Agent's own tests of its session database with our class in its place.

    python tests/hermes/run_upstream.py [VERSION…] [--control] [pytest's options]

Exits with 2 when the program or its tests cannot be had.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from program import ALL, VERSIONS, Program, UnavailableError

HERE = Path(__file__).parent
FILES = {
    "test_hermes_state.py": "0.13.0",
    "test_hermes_state_wal_fallback.py": "0.13.0",
    "test_lazy_session_regressions.py": "0.13.0",
    "test_tui_gateway_server.py": "0.13.0",
    "test_hermes_state_compression_locks.py": "0.16.0",
    "test_empty_session_hygiene.py": "0.17.0",
    "test_delegate_cascade_49148.py": "0.18.2",
    "test_background_review_session_isolation.py": "0.18.2",
    "test_session_workspace_binding.py": "0.19.0",
    "test_web_server_sessiondb_eventloop.py": "0.19.0",
}
"""Upstream's tests of the public class, and of the parts of the program that live on it, each with
the first version that has it. Those of its repairs of SQLite files and of its checkpoints are its
own.
"""


def main(arguments: list[str]) -> int:
    """Run each version that is asked for; return the exit code."""
    control = "--control" in arguments
    versions = [each for each in arguments if each in ALL] or VERSIONS
    options = [each for each in arguments if each not in (*ALL, "--control")]
    try:
        programs = [Program(version) for version in versions]
        for program in programs:
            program.prepare()
    except UnavailableError as exc:
        print(f"Hermes Agent could NOT be had, its tests did NOT run: {exc}", file=sys.stderr)
        return 2
    return max(_tested(program, control=control, options=options) for program in programs)


def _tested(program: Program, *, control: bool, options: list[str]) -> int:
    whose = "upstream's class" if control else "our class"
    print(f"Hermes Agent {program.version}, its own tests, {whose}:", flush=True)
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (HERE, HERE.parent))),
        "HERMES_STORE_SQLITE": "sqlite3",
        "HERMES_EXCEPTIONS": str(HERE / "exceptions.toml"),
        "HERMES_VERSION": program.version,
        "HERMES_HAS_ALL": "1" if program.version == ALL[-1] else "",
        "HERMES_CONTROL": "1" if control else "",
        "HERMES_HOME": str(program.tests.parent / "home"),
    }
    env.pop("HERMES_STORE_URL", None)
    quiet = ("-q", "--tb=short", "--no-header", "-p", "no:cacheprovider", "-W", "ignore")
    plugin = (
        "-c",
        os.devnull,
        "-p",
        "upstream_plugin",
        "-n",
        "2",
        "--rootdir",
        ".",
        "--import-mode=importlib",
    )
    files = [f"tests/{name}" for name, first in FILES.items() if program.is_at_least(first)]
    command = [str(program.python), "-m", "pytest", *quiet, *plugin, *options, *files]
    return subprocess.run(command, check=False, cwd=program.tests, env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
