"""Put small faults into a copy of the package, one at a time, and see whether the tests notice.

    python tests/mutants/run.py [--at-once N] [WORD …]

`faults.toml` names each fault: the file, its text, what stands there instead, the promise that
breaks, and the tests that should notice. WORDs choose faults whose file or promise holds one of
them. Exit code 0: at least 90 % were noticed. 1: fewer. 2: the list does not fit
the code, or tests fail without any fault.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

import postgres_server  # noqa: E402 - the folder of the tests is on the path by now

from tools import local_postgres  # noqa: E402 - only after the path is set

LEAST = 0.9
"""The share of faults that has to be noticed."""
SECONDS = 120
"""A run of tests that takes longer has noticed the fault: it hangs."""
_NOTICED = 1
"""Exit code of pytest when a test failed."""
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".demo", "site", "__pycache__", ".*_cache", ".hypothesis", "benchmarks"
)


class Fault(NamedTuple):
    """One wrong place in the code, and who should notice."""

    file: str
    original: str
    replacement: str
    promise: str
    tests: list[str]
    survives: str = ""
    """Why no test notices it, when that is known."""

    def problem(self) -> str | None:
        """Why this fault cannot be put into the code; None when it can."""
        file = PROJECT / self.file
        times = file.read_text().count(self.original) if file.exists() else 0
        if times != 1:
            return f"{self.file}: its text is there {times} times: {self.original!r}"
        missing = [each for each in self.tests if not (PROJECT / each.split("::")[0]).exists()]
        return f"{self.file}: no such tests: {', '.join(missing)}" if missing else None


Copies = SimpleQueue[Path]


class Outcome(NamedTuple):
    """What the tests said of a fault."""

    fault: Fault
    how: str
    """noticed, hangs, survived, or what went wrong with the run."""

    @property
    def is_noticed(self) -> bool:
        """Whether a test failed, or never ended."""
        return self.how in {"noticed", "hangs"}


def faults(words: list[str]) -> list[Fault]:
    """The list, or what the words choose of it."""
    listed = [Fault(**each) for each in tomllib.loads((HERE / "faults.toml").read_text())["fault"]]
    return [
        each
        for each in listed
        if not words or any(word in f"{each.file} {each.promise}" for word in words)
    ]


def run(fault: Fault, copies: Copies, environment: dict[str, str]) -> Outcome:
    """Put a fault into a copy, run its tests there, and take the fault out again."""
    folder = copies.get()
    file = folder / fault.file
    sound = file.read_text()
    try:
        file.write_text(sound.replace(fault.original, fault.replacement))
        outcome = Outcome(fault, _tested(folder, fault.tests, environment))
    finally:
        file.write_text(sound)
        copies.put(folder)
    print(f"{outcome.how:9} {fault.file}: {fault.promise}", flush=True)
    return outcome


def sound(tests: str, copies: Copies, environment: dict[str, str]) -> str | None:
    """What is wrong with tests that no fault was put in front of; None when they pass."""
    folder = copies.get()
    try:
        how = _tested(folder, [tests], environment)
    finally:
        copies.put(folder)
    return None if how == "survived" else f"{tests}: {how} without any fault"


def _tested(folder: Path, tests: list[str], environment: dict[str, str]) -> str:
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    child = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)  # its own children too: some wait for a lock that never comes
        child.communicate()
        return "hangs"
    if child.returncode in {0, _NOTICED}:
        return "noticed" if child.returncode else "survived"
    return f"no run ({child.returncode}): {said.strip().splitlines()[-1:]}"


@contextmanager
def _prepared(number: int) -> Iterator[tuple[SimpleQueue[Path], dict[str, str]]]:
    """Copies of the project, and the environment with one server for all runs."""
    with tempfile.TemporaryDirectory(prefix="hermes-mutants-") as name:
        copies: SimpleQueue[Path] = SimpleQueue()
        for each in range(number):
            copies.put(Path(shutil.copytree(PROJECT, f"{name}/{each}", ignore=_LEFT_OUT)))
        Path(name).chmod(0o755)  # the server is another user's when this one is root
        with _server(Path(name)) as environment:
            yield copies, environment


@contextmanager
def _server(folder: Path) -> Iterator[dict[str, str]]:
    if os.environ.get(postgres_server.GIVEN):
        yield dict(os.environ)
        return
    if why_not := postgres_server.why_not():
        sys.exit(f"PostgreSQL is needed: {why_not}")
    server = folder / "server"
    server.mkdir()
    url = local_postgres.start(server, postgres_server.SETTINGS)
    try:
        yield {**os.environ, postgres_server.GIVEN: url.render_as_string(hide_password=False)}
    finally:
        local_postgres.stop(server)


def main() -> int:
    """Run every fault that is asked for; report what survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--at-once", type=int, default=2)
    asked = parser.parse_args()
    chosen = faults(asked.words)
    if problems := [problem for fault in chosen if (problem := fault.problem())]:
        print("tests/mutants/faults.toml does not fit the code:", *problems, sep="\n  ")
        return 2
    with _prepared(asked.at_once) as (copies, environment):
        many = ThreadPoolExecutor(asked.at_once)
        try:
            tests = sorted({each for fault in chosen for each in fault.tests})
            look = partial(sound, copies=copies, environment=environment)
            if unsound := [problem for problem in many.map(look, tests) if problem]:
                print("The tests say nothing of faults:", *unsound, sep="\n  ")
                return 2
            done = list(many.map(partial(run, copies=copies, environment=environment), chosen))
        finally:
            many.shutdown(cancel_futures=True)  # Ctrl-C ends it after those that run
    return _report(done)


def _report(done: list[Outcome]) -> int:
    noticed = sum(outcome.is_noticed for outcome in done)
    share = noticed / len(done) if done else 0
    print(f"\n{noticed} of {len(done)} noticed: {share:.1%}")
    for outcome in done:
        if not outcome.is_noticed:
            why = outcome.fault.survives or "no reason is known: write the test"
            print(f"  {outcome.how}: {outcome.fault.file}: {outcome.fault.promise}: {why}")
        elif outcome.fault.survives:
            print(f"  noticed, though listed as a survivor: {outcome.fault.promise}")
    return 0 if share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
