"""Run as a process: appends messages for ever and reports each one that was acknowledged.

    python writing.py DATABASE NAME [THREADS] [SYNCHRONOUS]

Writes `id session content` lines to standard output, each only after the append returned.
"""

import os
import sys
import threading

from hermes_store import SessionRepository


def write_for_ever(repository: SessionRepository, session: str) -> None:
    number = 0
    while True:
        content = f"{session} message {number} don't lose 记忆 {number * 7919}"
        message_id = repository.append_message(session, "user", content)
        # One write system call a line, so that lines of threads do not mix.
        os.write(1, f"{message_id}\t{session}\t{content}\n".encode())
        number += 1


def main() -> None:
    database, name = sys.argv[1:3]
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    synchronous = sys.argv[4] if len(sys.argv) > 4 else "NORMAL"
    repository = SessionRepository(database, synchronous=synchronous)
    for number in range(threads):
        repository.ensure_session(f"{name}-{number}", source="test")
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
