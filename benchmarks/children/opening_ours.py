"""Import the store; open the new file and the file at head that the arguments name."""

import sys
import time

began = time.perf_counter()
from hermes_store import SessionRepository  # noqa: E402 - this is what is measured

imported = time.perf_counter()


def main() -> None:
    import json

    missing, at_head = sys.argv[1:]
    start = time.perf_counter()
    repository = SessionRepository(at_head)
    opened = time.perf_counter()
    repository.list_sessions_rich(limit=20)
    read = time.perf_counter()
    repository.close()
    figures = {"import": imported - began, "re_open": opened - start, "first_read": read - start}
    unexpected = [name for name in ("alembic", "mako", "click", "rich") if name in sys.modules]
    print(json.dumps({**figures, "first_open": first_open(missing), "unexpected": unexpected}))


def first_open(path: str) -> float:
    start = time.perf_counter()
    repository = SessionRepository(path)
    seconds = time.perf_counter() - start
    repository.close()
    return seconds


if __name__ == "__main__":
    main()
