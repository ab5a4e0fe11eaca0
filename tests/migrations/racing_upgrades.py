"""Open or upgrade each path as soon as a line comes on stdin."""

import sys

import alembic.command  # noqa: F401 - so that all are ready at once

from hermes_store import migrate


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


say("ready")
for path in sys.argv[2:]:
    sys.stdin.readline()
    getattr(migrate, sys.argv[1])(path)
    say("done")
