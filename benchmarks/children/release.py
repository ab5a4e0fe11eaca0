"""One release on a store of its own: does a turn of the work that each line names.

Prints a line when the store is filled, then for each line the seconds of a call, or of a message.
The release is the one that `PYTHONPATH` begins with, so only methods that every release has are
called.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from typing import Any

from benchmarks.corpus import Corpus, Message
from hermes_store import SessionRepository, migrate

SINGLES = 32
"""Appends of a turn, as many as enter the index together."""
THREADS = 8
READS = 10
LONG = "long"
"""The session that is read: of 200 messages."""


class Store:
    """A filled store, and what it is asked to do."""

    def __init__(self, address: str, sessions: int) -> None:
        migrate.upgrade(address)
        self._repository = SessionRepository(address)
        self._corpus = Corpus(3)
        self._sessions = 0
        for _ in range(sessions):
            self.batch(20)
        self._repository.create_session(LONG, source="cli")
        self._repository.append_messages(LONG, self._corpus.messages(200))
        self.close = self._repository.close

    def batch(self, size: int) -> float:
        """Append a list of messages."""
        session, messages = self._session(), self._messages(size)
        return _seconds([partial(self._repository.append_messages, session, messages)]) / size

    def singles(self) -> float:
        """Append messages one by one."""
        return _seconds(self._appends()) / SINGLES

    def threads(self) -> float:
        """The same by several threads together."""
        shares = [self._appends() for _ in range(THREADS)]
        threads = [Thread(target=_seconds, args=(share,)) for share in shares]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (time.perf_counter() - start) / (THREADS * SINGLES)

    def read(self, method: str, *args: Any, **kwargs: Any) -> float:
        """Call a method that reads."""
        call = partial(getattr(self._repository, method), *args, **kwargs)
        return _seconds([call] * READS) / READS

    def _appends(self) -> list[Callable[[], Any]]:
        session, append = self._session(), self._repository.append_message
        return [partial(append, session, **message) for message in self._messages(SINGLES)]

    def _messages(self, count: int) -> list[Message]:
        return self._corpus.messages(count)

    def _session(self) -> str:
        self._sessions += 1
        return self._repository.create_session(f"{self._sessions:06d}", source="cli")


def _seconds(calls: Sequence[Callable[[], Any]]) -> float:
    start = time.perf_counter()
    for call in calls:
        call()
    return time.perf_counter() - start


WORKS: dict[str, Callable[[Store], float]] = {
    "append": Store.singles,
    "append, 8 threads": Store.threads,
    "append_messages of 10": lambda store: store.batch(10),
    "append_messages of 100": lambda store: store.batch(100),
    "load a conversation of 200": lambda store: store.read("get_messages_as_conversation", LONG),
    "get_messages of 200": lambda store: store.read("get_messages", LONG),
    "list the 20 newest": lambda store: store.read("list_sessions_rich", limit=20),
    "list the 20 last active": lambda store: store.read(
        "list_sessions_rich", limit=20, order_by_last_active=True
    ),
    "search two words": lambda store: store.read("search_messages", "returned value"),
    "search, newest first": lambda store: store.read("search_messages", "module", sort="newest"),
}


def main() -> None:
    address, sessions = sys.argv[1:]
    store = Store(address, int(sessions))
    print("filled", flush=True)
    for line in sys.stdin:
        print(WORKS[line.strip()](store), flush=True)
    store.close()


if __name__ == "__main__":
    main()
