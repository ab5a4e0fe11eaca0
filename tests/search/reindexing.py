"""Run as a process: builds the search index of a store anew, ten messages a step.

    python reindexing.py DATABASE

Writes `done total` before each step and goes on when it has read a line.
"""

import sys

from hermes_store import SessionRepository
from hermes_store.search import rebuild


def tell(done: int, total: int) -> None:
    sys.stdout.write(f"{done} {total}\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    rebuild._STEP_MESSAGES = 10
    with SessionRepository(sys.argv[1]) as repository:
        repository.reindex(tell)
