"""Print the schema of a new SQLite database: python tests/migrations/dump_schema.py > docs/schema.sql

`docs/schema.sql` is kept so that a change of tables, indexes, triggers or search shows as a diff.
"""

import re
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from hermes_store import migrate
from hermes_store.database.sqlite_engines import sqlite_driver

HEADER = """\
-- The schema at revision {head}, as SQLite keeps it. Written by tests/migrations/dump_schema.py.
-- Times are Unix epoch seconds (UTC), costs US dollars. docs/changing-the-schema.md says how to
-- change it.
"""


def dump() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        migrate.upgrade(path)
        with closing(sqlite_driver().connect(path)) as db:
            found = db.execute(
                "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
                " AND name NOT LIKE 'sqlite%' ORDER BY"
                " instr('table view index trigger', type), tbl_name, name"
            ).fetchall()
    searches = {name for _, name, sql in found if sql.startswith("CREATE VIRTUAL")}
    shadows = {
        f"{name}_{end}"
        for name in searches
        for end in ("data", "idx", "content", "docsize", "config")
    }
    statements = [tidy(sql) for _, name, sql in found if name not in shadows]
    return "\n".join([HEADER.format(head=migrate.HEAD), *(f"{each};\n" for each in statements)])


def tidy(sql: str) -> str:
    """A column a line: SQLite puts added columns behind the last one."""
    if not sql.startswith("CREATE TABLE"):
        return sql
    lines = re.sub(r"[ \t]*\n[ \t]*", "\n", sql).replace(", ", ",\n").splitlines()
    return "\n".join(line if line.startswith(("CREATE", ")")) else f"    {line}" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(dump())
