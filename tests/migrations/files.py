"""Build files from the golden SQL, look into them, and run the `alembic` command on them."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import prepared

from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.schema import autogenerate
from hermes_store.schema.revisions import HEAD, REVISIONS

# Two copies of SQLite in one process do not see each other's locks: tests use the store's.
sqlite3 = sqlite_driver()

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).resolve().parents[1] / "golden"
LEGACY = sorted(path.stem for path in GOLDEN.glob("*.sql"))
REFUSED = sorted(path.stem for path in (GOLDEN / "refused").glob("*.sql"))
EVERY_STEP = list(zip((None, *REVISIONS), REVISIONS, strict=False))

__all__ = [
    "EVERY_STEP",
    "FROM_CHECKOUT",
    "GOLDEN",
    "HEAD",
    "LEGACY",
    "REFUSED",
    "REVISIONS",
    "ROOT",
    "sqlite3",
]


def build(name: str, folder: Path, *, wal: bool = False) -> Path:
    """A database file from the golden SQL `name`."""
    path = folder / f"{Path(name).name}.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous=OFF")  # of this connection: nobody pulls the plug meanwhile
        if wal:
            db.execute("PRAGMA journal_mode=WAL")
        db.executescript((GOLDEN / f"{name}.sql").read_text(encoding="utf-8"))
    return path


def query(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(sql, values).fetchall()
        db.commit()
        return found


def script(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(sql)


def schema(path: Path) -> list[tuple[str, str, str]]:
    """Everything that was created, but for the table of the version and what SQLite adds by itself."""
    return query(
        path,
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'"
        " AND name NOT LIKE 'hermes_store_version%' ORDER BY type, name",
    )


def columns(path: Path, table: str) -> list[str]:
    return [row[1] for row in query(path, f"PRAGMA table_info({table})")]


def rows(path: Path, tables: tuple[str, ...] = ("sessions", "messages")) -> dict[str, list[dict]]:
    """Every row of the tables that are there, as dicts, in the order of insertion."""
    found = {}
    for table in tables:
        names = columns(path, table)
        if names:
            listed = ", ".join(names)
            found[table] = [
                dict(zip(names, row, strict=True))
                for row in query(path, f"SELECT {listed} FROM {table} ORDER BY rowid")
            ]
    return found


def put_back(found: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """`found` with the columns of others that were in the way of ours under their first names."""
    ours = {"cwd_of_others": "cwd"}
    return {
        table: [
            {
                ours.get(name, name): value
                for name, value in row.items()
                if f"{name}_of_others" not in row
            }
            for row in each
        ]
        for table, each in found.items()
    }


def in_common(before: dict[str, list[dict]], after: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """`after`, with the columns that `before` had."""
    return {
        table: [{name: row[name] for name in before[table][0]} for row in after[table]]
        if before[table]
        else after[table]
        for table in before
    }


def check_search_index(path: Path) -> None:
    """Raise when the index and the messages disagree."""
    query(path, "INSERT INTO messages_fts(messages_fts, rank) VALUES('integrity-check', 1)")


FROM_CHECKOUT = os.environ | {"PYTHONPATH": str(ROOT)}
"""The environment of a script of these tests, which need not lie in the root of the checkout."""


def alembic(
    *arguments: str, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command from the checkout's alembic.ini; `cwd` may be any folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HERMES")}
    command = [sys.executable, "-W", "error", "-m", "alembic"]
    if "-c" not in arguments:
        command += ["-c", str(ROOT / "alembic.ini")]
    return prepared.run(
        [*command, *arguments],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def differences(path: Path, metadata: Any = None) -> list[Any]:
    """What `alembic check` would report, against the models or other metadata."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from hermes_store.models import Base

    metadata = Base.metadata if metadata is None else metadata
    with create_engine(f"sqlite:///{path}", poolclass=NullPool).connect() as connection:
        options = autogenerate.autogenerate_options(metadata) | {"target_metadata": metadata}
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, metadata)
