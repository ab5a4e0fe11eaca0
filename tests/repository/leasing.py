"""Processes that want one lease at once. Each does its work alone, or the program ends with 1.

Arguments: the database, an empty folder, how many processes, how often each has the lease. While a
process has it, a file exists that it made exclusively; it writes down from when to when that was.
"""

import os
import random
import sys
import time
from pathlib import Path

from hermes_store import SessionRepository

DEADLINE = time.monotonic() + 240


def work_alone(repository: SessionRepository, folder: Path, holder: str) -> None:
    while not repository.leases.acquire("work", holder, 3600):
        assert time.monotonic() < DEADLINE, "the lease never became free"
        time.sleep(random.uniform(0.01, 0.3))
    begun = time.monotonic()
    os.close(os.open(folder / "alone", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    assert repository.leases.holder("work") == holder
    assert repository.leases.refresh("work", holder, 3600)
    (folder / "alone").unlink()
    with (folder / "log").open("a") as log:
        log.write(f"{holder} {begun} {time.monotonic()}\n")
    assert repository.leases.release("work", holder)


def run_child(database: str, folder: Path, number: int, rounds: int) -> None:
    code = 1
    try:
        with SessionRepository(database, pool_size=1, lock_timeout=120) as repository:
            for _ in range(rounds):
                work_alone(repository, folder, f"process-{number}")
        code = 0
    except BaseException as exc:  # noqa: BLE001 - the test reads what it was
        sys.stderr.write(f"{exc!r}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)  # what follows is the parent's


def main(database: str, folder: Path, processes: int, rounds: int) -> bool:
    children = []
    for number in range(processes):
        child = os.fork()
        if not child:
            run_child(database, folder, number, rounds)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    return any(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
