"""What is SQLite's or PostgreSQL's is asked of the backend, and its name of nobody."""

import re
from pathlib import Path

import hermes_store

PACKAGE = Path(hermes_store.__file__).parent

MAY_NAME_A_DIALECT = (
    "adapters/telemetry.py",  # a span says the name; it branches on nothing
    "database/",  # the backends themselves
    "search/choice.py",
    "search/sqlite.py",
    "search/postgresql",
    "schema/adopt.py",  # only SQLite's files were ever made by the original
    "schema/raw_ddl.py",  # a revision asks Alembic for the name of the dialect
)
BRANCH = re.compile(
    r"dialect\.name|get_backend_name\(|drivername|backend\.name|isinstance\([^)]*\b_?(SQLite|PostgreSQL)\b"
)


def test_no_branch_on_the_name_of_a_database_outside_its_rooms():
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if not str(path.relative_to(PACKAGE)).startswith(MAY_NAME_A_DIALECT)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if BRANCH.search(line)
    ]
    assert found == []
