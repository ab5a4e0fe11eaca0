"""A developer of the schema adds a table: copy takes it along, or says why it cannot."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import URL

PROGRAM = """
import sys
from sqlalchemy import JSON, Column, Integer, LargeBinary, Table, Text, select

from hermes_store.errors import CopyError
from hermes_store.models import Base

kind = {"JSON": JSON, "LargeBinary": LargeBinary}[sys.argv[3]]
notes = Table(
    "notes",
    Base.metadata,
    Column("session_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("body", kind),
)

from hermes_store import SessionRepository
from hermes_store.copy import copy

source, target = sys.argv[1:3]
for database in (source, target):
    with SessionRepository(database, auto_migrate=True) as repo, repo.transaction() as tx:
        notes.create(tx.connection)


def fill(*rows):
    with SessionRepository(source) as repo, repo.transaction() as tx:
        tx.execute(notes.delete())
        for session_id, number, body in rows:
            given = {"session_id": session_id, "number": number, "body": body}
            tx.execute(notes.insert(), given)


fill(("a", 1, {"deep": ["x", None]}), ("a", 2, None), ("b", 1, "text")) if kind is JSON else None
try:
    print(copy(source, target).others)
    fill(("a", 1, {"changed": True}), ("a", 2, None), ("b", 1, "text"))
    print(copy(source, target).others)
except CopyError as exc:
    sys.exit(str(exc))
with SessionRepository(target) as repo, repo.transaction() as tx:
    print(sorted(map(repr, tx.execute(select(notes.c.body)).scalars())))
"""


def run(source: Path, target: Path | URL, kind: str) -> subprocess.CompletedProcess[str]:
    if isinstance(target, URL):
        target = target.render_as_string(hide_password=False)
    command = [sys.executable, "-c", PROGRAM, str(source), str(target), kind]
    # an interpreter of its own: the table must be there before the package looks at its tables
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_its_rows_come_along_and_what_changed_comes_again(
    sqlite_database: Path, target: Path | URL
) -> None:
    done = run(sqlite_database, target, "JSON")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "{'notes': 3}",
        "{'notes': 3}",
        """["'text'", 'None', "{'changed': True}"]""",
    ]


def test_a_type_that_copy_does_not_know_is_an_error_that_names_it(
    sqlite_database: Path, target: Path | URL
) -> None:
    done = run(sqlite_database, target, "LargeBinary")
    assert done.returncode == 1
    assert "notes.body is of the type LargeBinary" in done.stderr


@pytest.mark.parametrize("table", ["sessions", "messages"])
def test_our_own_tables_are_all_copied(table: str) -> None:
    from hermes_store.models.stored import TABLES

    assert table in {each.name for each in TABLES}
