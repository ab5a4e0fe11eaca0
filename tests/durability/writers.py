"""Processes that write on, whatever happens to the store, and what they acknowledged."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import prepared
from sqlalchemy import URL
from support import until

from hermes_store import SessionRepository

D = TypeVar("D", Path, URL, Path | URL)

THREADS = 4
PROCESSES = ("one", "two")


def _address(database: Path | URL) -> str:
    if isinstance(database, URL):
        return database.render_as_string(hide_password=False)
    return str(database)


class Writers:
    """Two processes with several threads each, and what they said."""

    def __init__(self, database: Path | URL, threads: int = THREADS) -> None:
        script = Path(__file__).with_name("writing_on.py")
        self.acknowledged: dict[str, int] = {}
        self.errors: list[str] = []
        self._number = threads * len(PROCESSES)
        self._processes = [
            prepared.Popen(
                [sys.executable, script, _address(database), name, str(threads)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for name in PROCESSES
        ]
        self._readers = [threading.Thread(target=self._read, args=(p,)) for p in self._processes]
        for reader in self._readers:
            reader.start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            what, _, detail = line.decode().rstrip("\n").partition("\t")
            if what == "error":
                self.errors.append(detail)
            else:
                self.acknowledged[what] = int(detail)

    def begun_after(self, moment: int) -> set[str]:
        return {what for what, begun in self.acknowledged.copy().items() if begun > moment}

    def all_wrote_after(self, moment: int) -> bool:
        names = {what.rpartition(" message ")[0] for what in self.begun_after(moment)}
        return len(names) == self._number

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
        for reader, process in zip(self._readers, self._processes, strict=True):
            reader.join()
            said = process.communicate()[1].decode()
            expected = ("old log", "kept in")
            assert all(any(map(line.__contains__, expected)) for line in said.splitlines()), said


@contextmanager
def writing_to(database: Path | URL, threads: int = THREADS) -> Iterator[Writers]:
    writers = Writers(database, threads)
    try:
        until(lambda: writers.all_wrote_after(0))
        yield writers
    finally:
        writers.stop()


def with_sessions(database: D, threads: int = THREADS) -> D:
    with SessionRepository(database) as repository:
        for name in PROCESSES:
            for number in range(threads):
                repository.create_session(f"{name}-{number}", "test")
    return database
