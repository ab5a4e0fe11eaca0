"""Make new databases in children that are killed before each statement in turn, and at the end.

Usage: killed_creations.py FOLDER. Prints the paths of the databases.
"""

import os
import signal
import sys
from pathlib import Path

from sqlalchemy import Engine, event

from hermes_store import migrate


def create_and_die(path: Path, when: int) -> None:
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == when:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "begin", count)
    event.listen(Engine, "commit", count)
    migrate.upgrade(path)
    os._exit(0)


def is_killed(path: Path, when: int) -> bool:
    child = os.fork()
    if child == 0:
        create_and_die(path, when)
    _, status = os.waitpid(child, 0)
    sys.stdout.write(f"{path}\n")
    sys.stdout.flush()
    return os.WIFSIGNALED(status)


folder = Path(sys.argv[1])
statement = 1
while is_killed(folder / f"{statement}.db", statement):
    statement += 1
