"""What is SQLite's or PostgreSQL's is asked of the backend, and its name of nobody."""

import re
from collections import Counter
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
MAY_ASK_FOR_A_SERVER = {
    "asynchronous/doors.py": (1, "a thread that asks a server waits for the network"),
    "cli/opening.py": (2, "a file may be missing, and is upgraded by the program that opens it"),
    "cli/schema.py": (1, "a file is new when nothing was in it"),
    "cli/writing.py": (1, "a file of the store is not written over"),
    "execution/committing.py": (1, "a server may have canceled the COMMIT that Ctrl-C left"),
    "execution/readers.py": (1, "the locks on a file are the process's, and do not cross a fork"),
    "execution/writer.py": (1, "as above"),
    "migrate.py": (2, "a file is looked at by its path, and upgraded by the program that opens it"),
    "queries/appends.py": (2, "chooses the module of either, as `search/choice.py` does"),
    "queries/usage_by_time.py": (1, "each statement is a way to the server and back"),
    "schema/change.py": (1, "a new file is made private"),
    "schema/state.py": (1, "a server's database is shared with other programs, by schemas"),
    "transfer/backup.py": (1, "of a file the pages are copied"),
    "transfer/backup_place.py": (2, "a file has a path, which no backup may take"),
    "transfer/copying.py": (2, "while a server works, the next rows are read"),
    "transfer/restoring.py": (1, "a file is exchanged as a whole"),
}
"""How often, and what a file or a server has that the other has not."""

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


def test_whether_it_is_a_server_is_asked_only_where_a_file_is_another_thing():
    found = Counter(
        name
        for path in PACKAGE.rglob("*.py")
        if not (name := path.relative_to(PACKAGE).as_posix()).startswith(
            ("database/", "search/choice.py")
        )
        for _ in re.findall(r"\.is_server\b", path.read_text())
    )
    assert found == {name: times for name, (times, _) in MAY_ASK_FOR_A_SERVER.items()}
