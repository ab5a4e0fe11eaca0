"""Upgrade copies of a file in children that are killed before every third statement, and at the end.

Usage: killed_upgrades.py FILE FOLDER. Prints the paths of the copies, the last two upgraded.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

import alembic.command  # noqa: F401 - before the forks, to be quick
from sqlalchemy import Engine, event

from hermes_store import migrate


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def upgrade_and_die(path: Path, when: int | str) -> None:
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == when:
            die()

    event.listen(Engine, "before_cursor_execute", count)
    migrate.upgrade(path)
    if when == "done":
        die()
    os._exit(0)


def is_killed(source: Path, folder: Path, when: int | str) -> bool:
    path = Path(shutil.copy(source, folder / f"{when}.db"))
    child = os.fork()
    if child == 0:
        upgrade_and_die(path, when)
    _, status = os.waitpid(child, 0)
    sys.stdout.write(f"{path}\n")
    sys.stdout.flush()
    return os.WIFSIGNALED(status)


source, folder = map(Path, sys.argv[1:])
migrate.upgrade(shutil.copy(source, folder / "first.db"))  # imports what an upgrade needs
statement = 1
while is_killed(source, folder, statement):
    statement += 3
assert is_killed(source, folder, "done")
