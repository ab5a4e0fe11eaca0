"""Run as a process: when a line comes, write to one session with others, and to one of its own.

python writing_at_once.py URL NAME TIMES
"""

import sys
import threading

from hermes_store import SessionRepository


def write(repository: SessionRepository, name: str, times: int) -> None:
    own = f"own-{name}"
    repository.ensure_session(own)
    for number in range(times):
        calls = [{"id": f"{name}-{number}"}]
        repository.append_message("shared", "assistant", f"{name} {number}", tool_calls=calls)
        repository.update_token_counts("shared", input_tokens=2, output_tokens=1)
        repository.append_message(own, "user", str(number))


def main() -> None:
    url, name, times = sys.argv[1:]
    with SessionRepository(url) as repository:
        threads = [
            threading.Thread(target=write, args=(repository, f"{name}.{thread}", int(times)))
            for thread in range(3)
        ]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
