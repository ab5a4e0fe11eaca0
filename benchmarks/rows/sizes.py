"""How large the file becomes, and what the search index costs in time, by kind of index.

The same conversations go into files that differ in their schema only: the original's (an index of
the text alone), the present tables with a plain index of the same three columns as ours, and ours.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.contenders.by_hand import COUNT_IN, CREATE, INSERT, connect, row
from benchmarks.corpus import Corpus, Message
from benchmarks.files import START, Files, execute, original_schema
from benchmarks.measure import Round, Series, take_turns
from benchmarks.plan import Plan
from benchmarks.table import Cell, Row, Table, Target
from hermes_store.settings import Settings

ORIGINAL, PLAIN, OURS = "the original's schema", "plain index of three columns", "hermes_store"
ABOUT = (
    "{sessions:,} sessions of 20 messages ({text:.0f} MB of text) and a system prompt of"
    " {prompt:.0f} KB each, all written by the same SQL, one transaction for each session."
)
PLAIN_INDEX = """
DROP TRIGGER {triggers};
DROP TABLE messages_fts;
CREATE VIRTUAL TABLE messages_fts USING fts5(
    content, tool_name, tool_calls, content=messages, content_rowid=id);
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN
    INSERT INTO messages_fts(rowid, content, tool_name, tool_calls)
    VALUES (new.id, new.content, new.tool_name, new.tool_calls);
END;
"""


def table(plan: Plan, files: Files) -> Table:
    """Sizes after a checkpoint, and the time that the inserts took."""
    paths = {ORIGINAL: original_schema(files), PLAIN: plain(files), OURS: files.new()}
    opened = {name: connect(str(path), Settings()) for name, path in paths.items()}
    prompt = Corpus(0).system_prompt(plan.prompt_length)

    def measure(db: Any, number: int) -> Round:
        return fill(db, number, Corpus(number).messages(20), prompt)

    measured = take_turns(plan.sized_sessions, opened, measure)
    text = (
        opened[OURS]
        .execute("SELECT sum(length(cast(content AS BLOB))) FROM messages")
        .fetchone()[0]
    )
    for db in opened.values():
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
    about = ABOUT.format(
        sessions=plan.sized_sessions, text=text / 1e6, prompt=plan.prompt_length / 1e3
    )
    rows = [*size_rows(paths), *time_rows(measured)]
    return Table("Size, and what the index costs", about, (ORIGINAL, PLAIN, OURS), rows)


def plain(files: Files) -> Path:
    """The present tables with an index as SQLite's manual shows it, over the columns of ours."""
    path = files.new()
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'messages'"
    db = connect(str(path), Settings())
    names = [name for (name,) in db.execute(triggers)]
    db.close()
    execute(path, PLAIN_INDEX.format(triggers="; DROP TRIGGER ".join(names)))
    return path


def fill(db: Any, number: int, messages: list[Message], prompt: str) -> Round:
    """Store a session in one transaction; the time is that of the messages."""
    session_id, at = f"sized-{number:06d}", START + 60.0 * number
    db.execute("BEGIN IMMEDIATE")
    db.execute(CREATE, (session_id, "cli", "a-model", at, at))
    db.execute("UPDATE sessions SET system_prompt = ? WHERE id = ?", (prompt, session_id))
    rows = [row(session_id, message) for message in messages]
    start = time.perf_counter()
    db.executemany(INSERT, [values for values, _ in rows])
    db.execute(COUNT_IN, (len(rows), sum(calls for _, calls in rows), at, at, session_id))
    db.execute("COMMIT")
    seconds = time.perf_counter() - start
    return Round([seconds / len(rows)] * len(rows), seconds)


def size_rows(paths: dict[str, Path]) -> list[Row]:
    sizes = {name: path.stat().st_size for name, path in paths.items()}
    cells = {name: Cell(size, "B") for name, size in sizes.items()}
    return [
        Row("file, against the original's", cells, sizes[OURS] / sizes[ORIGINAL], Target(1.0)),
        Row("file, against the plain index", cells, sizes[OURS] / sizes[PLAIN], Target(1.05)),
    ]


def time_rows(measured: dict[str, Series]) -> list[Row]:
    """The mean, since an index that defers its work does it in some calls only."""
    means = {name: total(series) for name, series in measured.items()}
    cells = {name: Cell(mean, "s") for name, mean in means.items()}
    return [
        Row(
            "insert, mean per message, against the original's", cells, means[OURS] / means[ORIGINAL]
        ),
        Row(
            "insert, mean per message, against the plain index",
            cells,
            means[OURS] / means[PLAIN],
            Target(1.05),
        ),
    ]


def total(series: Series) -> float:
    """Seconds per message over all rounds."""
    seconds = sum(one.seconds for one in series.rounds)
    return seconds / sum(len(one.latencies) for one in series.rounds)
