"""kill -9 at any moment: everything acknowledged is there, whole, counted and found."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import prepared
import pytest

from hermes_store import SessionRepository
from hermes_store.database.sqlite_engines import sqlite_driver

SCRIPT = Path(__file__).with_name("writing.py")
ROUNDS = 12


class Writing:
    """A process that appends until it is killed."""

    def __init__(self, database: Path, name: str, threads: int = 1) -> None:
        self.process = prepared.Popen(
            [sys.executable, SCRIPT, database, name, str(threads)],
            stdout=subprocess.PIPE,
        )
        self.acknowledged: dict[int, tuple[str, str]] = {}

    def read(self, lines: int) -> None:
        """Wait for that many acknowledgements."""
        assert self.process.stdout is not None
        for _ in range(lines):
            line = self.process.stdout.readline()
            assert line, "the process ended by itself"
            self._note(line)

    def kill(self) -> None:
        """kill -9, then read what it had acknowledged before it died."""
        self.process.send_signal(signal.SIGKILL)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._note(line)
        self.process.stdout.close()
        self.process.wait()

    def _note(self, line: bytes) -> None:
        if line.endswith(b"\n"):  # a torn line was not a whole acknowledgement
            message_id, session, content = line.decode().rstrip("\n").split("\t")
            self.acknowledged[int(message_id)] = (session, content)


def assert_whole(database: Path, acknowledged: dict[int, tuple[str, str]]) -> None:
    with SessionRepository(database) as repository:
        stored = {}
        for session in repository.search_sessions(limit=1000):
            messages = repository.get_messages(session["id"])
            assert session["message_count"] == len(messages)
            assert session["last_active"] >= max([m["timestamp"] for m in messages], default=0)
            stored |= {m["id"]: (m["session_id"], m["content"]) for m in messages}
        assert acknowledged.items() <= stored.items()
        newest = max(acknowledged)
        hits = repository.search_messages(f'"{acknowledged[newest][1]}"', limit=5)
        assert newest in {hit["id"] for hit in hits}
    connection = sqlite_driver().connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.execute("INSERT INTO messages_fts(messages_fts, rank) VALUES('integrity-check', 1)")
    connection.close()


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.node.name)


@pytest.fixture
def writings() -> Iterator[list[Writing]]:
    processes: list[Writing] = []
    yield processes
    for writing in processes:
        writing.process.kill()
        writing.process.wait()


def test_a_single_writer_killed_at_random_moments_loses_nothing_acknowledged(
    database: Path, dice: random.Random
) -> None:
    acknowledged: dict[int, tuple[str, str]] = {}
    for number in range(ROUNDS):
        writing = Writing(database, f"round{number}")
        writing.read(dice.randrange(1, 400))
        writing.kill()
        acknowledged |= writing.acknowledged
        assert_whole(database, acknowledged)


def test_grouped_writers_killed_together_and_one_by_one_lose_nothing_acknowledged(
    database: Path, dice: random.Random, writings: list[Writing]
) -> None:
    for number in range(3):
        processes = [Writing(database, f"r{number}p{process}", threads=6) for process in range(3)]
        writings.extend(processes)
        for writing in processes:
            writing.read(dice.randrange(1, 150))
            writing.kill()
    everything = {k: v for writing in writings for k, v in writing.acknowledged.items()}
    assert len(everything) == sum(len(writing.acknowledged) for writing in writings)
    assert_whole(database, everything)


def test_a_new_file_opened_and_written_by_several_processes_at_once_is_whole(
    tmp_path: Path, writings: list[Writing]
) -> None:
    database = tmp_path / "not" / "yet" / "there.db"
    writings.extend(Writing(database, f"p{process}") for process in range(5))
    for writing in writings:
        writing.read(50)
    for writing in writings:
        writing.kill()
    everything = {k: v for writing in writings for k, v in writing.acknowledged.items()}
    assert len(everything) == sum(len(writing.acknowledged) for writing in writings)
    assert_whole(database, everything)
    assert database.stat().st_mode & 0o777 == 0o600
