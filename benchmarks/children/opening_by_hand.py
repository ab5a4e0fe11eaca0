"""Import `sqlite3`; open the new file and the file at head that the arguments name."""

import sys
import time

began = time.perf_counter()
import sqlite3  # noqa: E402 - this is what is measured

imported = time.perf_counter()

PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "mmap_size=268435456")
NEWEST = "SELECT * FROM sessions ORDER BY started_at DESC LIMIT 20"


def main() -> None:
    import json

    missing, at_head = sys.argv[1:]
    start = time.perf_counter()
    db = connect(at_head)
    db.execute("SELECT version_num FROM hermes_store_version").fetchall()
    opened = time.perf_counter()
    db.execute(NEWEST).fetchall()
    read = time.perf_counter()
    figures = {"import": imported - began, "re_open": opened - start, "first_read": read - start}
    print(json.dumps({**figures, "first_open": first_open(missing, schema_of(db))}))


def connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    return db


def schema_of(db: sqlite3.Connection) -> str:
    """The DDL of the file, without the tables that FTS5 makes for itself."""
    made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'"
    own = made + r" AND (type = 'trigger' OR name NOT LIKE '%\_fts\_%' ESCAPE '\')"
    return ";\n".join(sql for (sql,) in db.execute(own))


def first_open(path: str, schema: str) -> float:
    start = time.perf_counter()
    db = connect(path)
    db.executescript(f"BEGIN IMMEDIATE;\n{schema};\nCOMMIT;")
    seconds = time.perf_counter() - start
    db.close()
    return seconds


if __name__ == "__main__":
    main()
