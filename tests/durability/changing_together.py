"""Run as a process: changes a conversation that other processes change as well, then ends.

    python changing_together.py DATABASE NAME ROLE TIMES

Writes the content of each message whose append returned.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError, MessageNotFoundError

SESSION = "s"


def append(repo: SessionRepository, mark: str) -> None:
    repo.append_message(SESSION, "user", mark, tool_calls=[{"id": "c"}])
    sys.stdout.write(f"{mark}\n")


def compact(repo: SessionRepository, mark: str) -> None:
    repo.compact(SESSION, [{"role": "system", "content": f"summary {mark}"}])


def rewind_and_restore(repo: SessionRepository, _mark: str) -> None:
    live = [each for each in repo.get_messages(SESSION) if each["role"] == "user"]
    if not live:
        return
    first = live[len(live) // 2]["id"]
    try:
        repo.rewind(SESSION, first)
    except (InvalidArgumentError, MessageNotFoundError):  # another process compacted it
        return
    repo.restore(SESSION, first)


def pop(repo: SessionRepository, mark: str) -> None:
    """Take back what this process appends, or what another one did."""
    repo.append_message(SESSION, "assistant", f"popped {mark}")
    repo.pop_message(SESSION)


ROLES: dict[str, Callable[[SessionRepository, str], None]] = {
    "append": append,
    "compact": compact,
    "rewind": rewind_and_restore,
    "pop": pop,
}


def main() -> None:
    database, name, role, times = sys.argv[1:5]
    with SessionRepository(database) as repo:
        for number in range(int(times)):
            ROLES[role](repo, f"{name}-{number}")


if __name__ == "__main__":
    main()
