"""Run as a process: say ready, wait for a line, upgrade the database, say done."""

import sys

import alembic.command  # noqa: F401 - so that all are ready at once

from hermes_store import migrate


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    say("ready")
    sys.stdin.readline()
    migrate.upgrade(sys.argv[1])
    say("done")
