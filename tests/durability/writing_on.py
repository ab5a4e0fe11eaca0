"""Run as a process: appends messages for ever, whatever happens to the file, and reports each.

    python writing_on.py DATABASE NAME THREADS

Writes `message<TAB>begun` lines, the second when the append was begun, only after it returned; and
`error<TAB>type` lines.
"""

import os
import sys
import threading
import time

from hermes_store import SessionRepository
from hermes_store.errors import HermesStoreError


def write_for_ever(repository: SessionRepository, session: str) -> None:
    number = 0
    while True:
        content = f"{session} message {number}"
        number += 1
        begun = time.monotonic_ns()
        try:
            repository.append_message(session, "user", content)
            line = f"{content}\t{begun}\n"
        except HermesStoreError as exc:
            line = f"error\t{type(exc).__name__}\n"
            time.sleep(0.001)
        os.write(1, line.encode())


def main() -> None:
    database, name, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    repository = SessionRepository(database)
    workers = [
        threading.Thread(target=write_for_ever, args=(repository, f"{name}-{number}"), daemon=True)
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
