"""Run as a process: changes one conversation for ever, and reports each change that returned.

    python changing.py DATABASE OPERATION LAST

LAST is the number of the last change that is stored. Change number n leaves what `expected(n)` says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from hermes_store import SessionRepository

SESSION = "s"
Stored = list[tuple[str, str | None, int]]
"""The content of each message, its state, and how many tool calls it makes."""


def generation(number: int, length: int) -> list[dict[str, Any]]:
    """Messages that tell which change stored them."""
    return [
        {
            "role": "user",
            "content": f"generation{number} part {part} don't lose 记忆",
            "tool_calls": [{"id": "c"}] * (part % 3),
            "timestamp": 2e9 + number,
        }
        for part in range(length)
    ]


def stored(number: int, length: int, state: str | None = None) -> Stored:
    """What is stored of a generation."""
    return [(m["content"], state, len(m["tool_calls"])) for m in generation(number, length)]


class Operation(NamedTuple):
    """Change number n of a conversation, and what is stored after it; number 0 begins it."""

    change: Callable[[SessionRepository, int], Any]
    expected: Callable[[int], Stored]
    begin: int = 0
    """Messages of generation 0 that are there at the beginning."""


# --- each operation -------------------------------------------------------------------------------

_SOME, _MANY = 60, 950  # more ids than one statement takes
_POPPED = 12


def _compacted(number: int) -> Stored:
    earlier = [each for n in range(number) for each in stored(n, _SOME, "compacted")]
    return earlier + stored(number, _SOME)


def _rewind_or_restore(repo: SessionRepository, number: int) -> None:
    first = repo.get_messages(SESSION, include="all", limit=1)[0]["id"]
    (repo.rewind if number % 2 else repo.restore)(SESSION, first)


def _pop_or_fill(repo: SessionRepository, number: int) -> None:
    if number % (_POPPED + 1):
        repo.pop_message(SESSION)
    else:
        repo.append_messages(SESSION, generation(0, _POPPED))


def _fill_or_delete(repo: SessionRepository, number: int) -> None:
    if number % 2:
        repo.append_messages(SESSION, generation(number, _MANY))
    else:
        repo.delete_messages(SESSION, [message["id"] for message in repo.get_messages(SESSION)])


def _replace_one(repo: SessionRepository, number: int) -> None:
    [message] = repo.get_messages(SESSION)
    fields = generation(number, 3)[number % 3]
    repo.replace_message(SESSION, message["id"], **fields)


OPERATIONS = {
    "replace_messages": Operation(
        lambda repo, number: repo.replace_messages(SESSION, generation(number, _SOME)),
        lambda number: stored(number, _SOME),
        _SOME,
    ),
    "compact": Operation(
        lambda repo, number: repo.compact(SESSION, generation(number, _SOME)), _compacted, _SOME
    ),
    "rewind and restore": Operation(
        _rewind_or_restore,
        lambda number: stored(0, _SOME, "rewound" if number % 2 else None),
        _SOME,
    ),
    "pop_message": Operation(
        _pop_or_fill,
        lambda number: stored(0, _POPPED)[: _POPPED - number % (_POPPED + 1)],
        _POPPED,
    ),
    "delete_messages": Operation(
        _fill_or_delete, lambda number: stored(number, _MANY) if number % 2 else []
    ),
    "replace_message": Operation(
        _replace_one, lambda number: [stored(number, 3)[number % 3 if number else 0]], 1
    ),
}


def main() -> None:
    database, name, last = sys.argv[1:4]
    number = int(last)
    with SessionRepository(database) as repo:
        while True:
            number += 1
            OPERATIONS[name].change(repo, number)
            os.write(1, f"{number}\n".encode())


if __name__ == "__main__":
    main()
