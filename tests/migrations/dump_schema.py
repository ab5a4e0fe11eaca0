"""Write down the schema that the revisions make: `make schema`.

It is kept four times. `hermes_store/schema/snapshot_*.sql` make a new database, one file for each
kind. `hermes_store/models/recorded.py` has the columns, for statements. `docs/schema.sql` shows a
change of tables, indexes, triggers or search as a diff.
No server is needed: Alembic writes the statements for PostgreSQL into a script.
"""

import io
import re
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command

from hermes_store import migrate, models
from hermes_store.database.address import url_of
from hermes_store.database.driver import sqlite_driver
from hermes_store.database.postgresql import POSTGRESQL
from hermes_store.database.sqlite import SQLITE
from hermes_store.models.deriving import column_lines
from hermes_store.schema.names import VERSION_TABLE
from hermes_store.schema.revisions import HEAD
from hermes_store.schema.snapshot import SEPARATOR, file_of, title

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "schema.sql"
COLUMNS = Path(models.__file__).with_name("recorded.py")
HEADER = """\
-- The schema at revision {head}, as SQLite keeps it. Written by 'make schema'.
-- Times are Unix epoch seconds (UTC), costs US dollars. docs/changing-the-schema.md says how to
-- change it.
"""
ABOUT_COLUMNS = '''\
"""The columns of each table: its name, what is stored, what it is to callers, and what else is so.

Follows from the models. Written by 'make schema'.
"""

'''
COLUMNS_OF_ONE = '''\
    "{}": """\\
{}
""",
'''
NOW = {("search_index", "changed_at"): "(julianday('now') - 2440587.5) * 86400"}
"""Values of the first rows that are not the same in every database."""


def main() -> None:
    for path, text in files().items():
        path.write_text(text, encoding="utf-8", newline="\n")


def files() -> dict[Path, str]:
    """Each file and what it should say."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        upgrade_by_revisions(path)
        with closing(sqlite_driver().connect(path)) as db:
            return {
                file_of(SQLITE): title(HEAD) + SEPARATOR.join(recorded(db)) + "\n",
                file_of(POSTGRESQL): title(HEAD) + script_for_postgresql(),
                DOCUMENT: document(db),
                COLUMNS: columns(),
            }


def upgrade_by_revisions(address: Any) -> None:
    """Make a new database by running every revision in turn."""
    migrate.upgrade(address, migrate.REVISIONS[0])
    migrate.upgrade(address)


def objects(db: Any) -> list[tuple[str, str, str]]:
    """Type, name and SQL of what was made, in its order; without the tables that FTS5 keeps."""
    found = db.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        " AND name NOT LIKE 'sqlite%' ORDER BY rowid"
    ).fetchall()
    searches = {name for _, name, sql in found if sql.startswith("CREATE VIRTUAL")}
    shadows = {
        f"{name}_{end}"
        for name in searches
        for end in ("data", "idx", "content", "docsize", "config")
    }
    return [each for each in found if each[1] not in shadows]


def recorded(db: Any) -> list[str]:
    made = objects(db)
    tables = [name for type_, name, sql in made if sql.startswith("CREATE TABLE")]
    first_rows = [row for table in tables for row in rows(db, table)]
    return [*(sql for *_, sql in made), *first_rows, *settings_of_the_index(db)]


def settings_of_the_index(db: Any) -> list[str]:
    """How FTS5 writes it, which it keeps in a table of its own."""
    found = db.execute("SELECT k, v FROM messages_fts_config WHERE k <> 'version'")
    return [
        f"INSERT INTO messages_fts(messages_fts, rank) VALUES ('{name}', {value})"
        for name, value in found
    ]


def rows(db: Any, table: str) -> list[str]:
    names = [column[1] for column in db.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(f"quote({name})" for name in names)
    return [
        f"INSERT INTO {table} ({', '.join(names)})\nVALUES ("
        + ", ".join(NOW.get((table, n), v) for n, v in zip(names, row, strict=True))
        + ")"
        for row in db.execute(f"SELECT {values} FROM {table}")
    ]


def script_for_postgresql() -> str:
    """The statements of every revision, without what they write down of each other."""
    config = migrate.scripts_config()
    config.output_buffer = io.StringIO()
    config.attributes["url"] = url_of("postgresql+psycopg://nowhere.invalid/store")
    command.upgrade(config, "head", sql=True)
    script = config.output_buffer.getvalue()
    script = re.sub(rf"(INSERT INTO|UPDATE) {VERSION_TABLE} [^;]*;\n\n", "", script)
    script = re.sub(r"(BEGIN|COMMIT);\n\n", "", script)
    return f"{script.strip()}\n\nINSERT INTO {VERSION_TABLE} (version_num) VALUES ('{HEAD}');\n"


def document(db: Any) -> str:
    order = ("table", "view", "index", "trigger")
    tables = dict(db.execute("SELECT name, tbl_name FROM sqlite_master"))
    made = sorted(objects(db), key=lambda each: (order.index(each[0]), tables[each[1]], each[1]))
    return "\n".join([HEADER.format(head=HEAD), *(f"{tidy(sql)};\n" for *_, sql in made)])


def columns() -> str:
    """The columns of the models, for those who do not import the models."""
    tables = "".join(COLUMNS_OF_ONE.format(*each) for each in column_lines().items())
    return f"{ABOUT_COLUMNS}COLUMNS = {{\n{tables}}}\n"


def tidy(sql: str) -> str:
    """A column a line: SQLite puts added columns behind the last one."""
    if not sql.startswith("CREATE TABLE"):
        return sql
    lines = re.sub(r"[ \t]*\n[ \t]*", "\n", sql).replace(", ", ",\n").splitlines()
    return "\n".join(line if line.startswith(("CREATE", ")")) else f"    {line}" for line in lines)


if __name__ == "__main__":
    main()
