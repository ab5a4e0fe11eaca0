"""The files that are measured: made by the project's own revisions, filled, counted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from benchmarks.contenders import BY_HAND, OURS, UNIT_OF_WORK, make
from benchmarks.contenders.by_hand import CREATE, ByHand, connect
from benchmarks.corpus import Corpus
from hermes_store import migrate
from hermes_store.settings import Settings

START = 1_750_000_000.0
"""Epoch seconds of the first stored session; one starts every minute."""

SOURCES = ("telegram", "cli", "cron")
"""Where the stored sessions come from, in turn."""

COLUMNS_OF_LATER_REVISIONS = """
ALTER TABLE sessions ADD COLUMN last_active REAL;
ALTER TABLE messages ADD COLUMN content_format TEXT;
"""


class Files:
    """A folder of the run with new and filled files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        self._template = self._new_name()
        migrate.upgrade(self._template)

    def new(self) -> Path:
        """An empty file at head."""
        path = self._new_name()
        shutil.copyfile(self._template, path)
        return path

    def missing(self) -> Path:
        """The name of a file that is not there yet."""
        return self._new_name()

    def writers(
        self, synchronous: str = "NORMAL", names: tuple[str, ...] = (BY_HAND, OURS, UNIT_OF_WORK)
    ) -> dict[str, Any]:
        """The contenders, each on a new file."""
        return {name: make(name, self.new(), synchronous) for name in names}

    def filled(self, sessions: int, path: Path | None = None) -> Path:
        """A file of `sessions` sessions with 20 messages each."""
        path = path or self.new()
        store, corpus = ByHand(str(path), Settings(synchronous="NORMAL")), Corpus(2)
        for number in range(sessions):
            session_id, started = f"stored-{number:06d}", START + 60.0 * number
            store.db.execute(CREATE, (session_id, SOURCES[number % 3], "a-model", started, started))
            store.append_many(session_id, corpus.messages(20))
        store.close()
        return path

    def folder(self) -> Path:
        """An empty folder, which other users reach too."""
        self._folder.chmod(0o711)
        path = self._new_name().with_suffix("")
        path.mkdir()
        return path

    def _new_name(self) -> Path:
        self._made += 1
        return self._folder / f"{self._made:03d}.db"


def original_schema(files: Files) -> Path:
    """A file as the original made it; the columns that came later cost nothing while NULL."""
    path = files.missing()
    migrate.upgrade(path, "0006")
    execute(path, COLUMNS_OF_LATER_REVISIONS)
    return path


def execute(path: Path, script: str) -> None:
    """Run SQL on a file, each statement in a transaction of its own."""
    db = connect(str(path), Settings())
    db.executescript(script)
    db.close()


def finish(writers: dict[str, Any], expected: int) -> None:
    """Close the contenders; each file must hold the messages that were acknowledged."""
    for writer in writers.values():
        writer.close()
        count_messages(writer.path, expected)


def count_messages(path: Path, expected: int) -> None:
    """Raise `RuntimeError` unless the file holds `expected` messages, and its counters say so."""
    db = connect(str(path), Settings())
    stored = db.execute("SELECT count(*) FROM messages").fetchone()[0]
    counted = db.execute("SELECT sum(message_count) FROM sessions").fetchone()[0]
    db.close()
    if not stored == counted == expected:
        raise RuntimeError(f"{path}: {expected} acknowledged, {stored} stored, {counted} counted")
