"""How a store's figures grow with it: `python -m benchmarks.growth [--postgresql]`.

One store grows from stop to stop, and at each the same is measured: its size, opening, loading,
listing, searching, appending. Of several rounds the quietest is shown, so that other work on the
machine does not look like growth. Prints a table in Markdown, as docs/scaling.md has it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from sqlalchemy import URL

from benchmarks import report
from benchmarks.corpus import Corpus
from benchmarks.files import SOURCES, Files
from benchmarks.measure import Call, Round, timed, timed_in_threads
from benchmarks.table import Cell
from hermes_store import SessionRepository, Transaction

STOPS = (10_000, 100_000, 1_000_000)
WRITERS = (1, 8, 32)
IN_A_SESSION = 20
SESSIONS_AT_ONCE = 50
LONG = "long"
PLANTED = "quokkas"

Figures = Iterator[tuple[str, Cell]]


@click.command()
@click.option("--postgresql", is_flag=True, help="A server of the run's own instead of a file.")
@click.option("--stop", "stops", type=int, multiple=True, help="Messages; may be repeated.")
@click.option("--rounds", default=9, show_default=True, help="The quietest of so many is shown.")
@click.option("--calls", default=100, show_default=True, help="Calls a round, and appends.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the store is measured.")
def main(
    postgresql: bool, stops: tuple[int, ...], rounds: int, calls: int, folder: Path | None
) -> None:
    """Measure one store while it grows."""
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="growth-", dir=folder)
        files = Files(Path(stack.enter_context(temporary)))
        facts = report.machine(Path(temporary.name))
        address: Path | URL = files.new()
        if postgresql:
            from benchmarks.databases import databases

            server = stack.enter_context(databases(files.folder(), {}))
            address = server.new()
            facts.append(f"PostgreSQL {server.version()} with its own settings on the loopback")
        store = Growing(address, rounds, calls)
        columns = [dict(store.grown_to(stop)) for stop in stops or STOPS]
    print(f"{'; '.join(facts)}.\n")
    print("\n".join(_table(columns)))


def _table(columns: Sequence[dict[str, Cell]]) -> Iterator[str]:
    headings = list(columns[0])
    for number, heading in enumerate(headings):
        yield report.markdown([heading, *(str(column[heading]) for column in columns)])
        if not number:
            yield report.markdown(["---", *["---:"] * len(columns)])


class Growing:
    """A store at an address, which this process alone uses."""

    def __init__(self, address: Path | URL, rounds: int, calls: int) -> None:
        self._address = address
        self._rounds = rounds
        self._calls = calls
        self._corpus = Corpus(7)
        self._sessions = 0

    def grown_to(self, messages: int) -> Figures:
        """Fill it up to so many messages, and measure."""
        with SessionRepository(self._address) as repository:
            self._fill(repository, messages)
        yield "messages", Cell(messages, "")
        yield "size", Cell(_settled_size(self._address), "B")
        yield "open", self._quietest(self._open, 5)
        if isinstance(self._address, Path):
            yield "backup", self._backup(self._address)
        with SessionRepository(self._address) as repository:
            for title, call, times in self._reads(repository):
                call()
                yield title, self._quietest(call, times)
            for threads in WRITERS:
                yield from self._writes(repository, threads)

    # --- filling --------------------------------------------------------------------------------

    def _fill(self, repository: SessionRepository, messages: int) -> None:
        if not self._sessions:
            repository.create_session(LONG, SOURCES[0])
            long = self._corpus.messages(200)
            long[100]["content"] += f" {PLANTED}"
            repository.append_messages(LONG, long)
        missing = messages - repository.message_count()
        while missing > 0:
            with repository.transaction() as tx:
                for _ in range(SESSIONS_AT_ONCE):
                    missing -= self._add_session(tx, min(missing, IN_A_SESSION))
                    if not missing:
                        break

    def _add_session(self, tx: Transaction, messages: int) -> int:
        self._sessions += 1
        session_id = f"stored-{self._sessions:06d}"
        tx.create_session(session_id, SOURCES[self._sessions % len(SOURCES)])
        return len(tx.append_messages(session_id, self._corpus.messages(messages)))

    # --- measuring ------------------------------------------------------------------------------

    def _backup(self, path: Path) -> Cell:
        """Of a file: a checked copy, made once."""
        with (
            SessionRepository(path) as repository,
            tempfile.TemporaryDirectory(prefix="backup-", dir=path.parent) as folder,
        ):
            return _cell([timed([lambda: repository.backup(folder)])])

    def _open(self) -> None:
        with SessionRepository(self._address) as repository:
            repository.get_session(LONG)

    def _reads(self, repository: SessionRepository) -> Iterator[tuple[str, Call, int]]:
        """A title, what is called, and how often in a round."""

        def search(typed: str, **order: Any) -> Call:
            return lambda: repository.search_messages(typed, limit=20, **order)

        often, seldom = self._calls, 3
        yield "load a conversation of 200", lambda: repository.get_messages(LONG), often
        for title, active in (("newest", False), ("last active", True)):
            page = _listing(repository, active)
            yield f"list the 20 {title}", page, often
        yield "search: a word of one message", search(PLANTED), often
        yield "search: a common word, newest first", search("function", sort="newest"), often
        yield "search: a common word, ranked", search("function"), seldom
        yield "search: two words, ranked", search("exception method"), seldom

    def _writes(self, repository: SessionRepository, threads: int) -> Figures:
        """Messages appended one by one; each thread to a session of its own."""
        rounds = []
        for _ in range(self._rounds):
            each = max(self._calls if threads == 1 else 4 * self._calls // threads, 1)
            shares = [self._appends(repository, each) for _ in range(threads)]
            rounds.append(timed_in_threads(shares) if threads > 1 else timed(shares[0]))
        if threads == 1:
            yield "append", _cell(rounds)
        rate = max(one.rate for one in rounds)
        yield f"append, {threads} thread{'s' * (threads > 1)}", Cell(rate, "/s")

    def _appends(self, repository: SessionRepository, number: int) -> list[Call]:
        self._sessions += 1
        session_id = f"written-{self._sessions:06d}"
        repository.create_session(session_id, SOURCES[0])
        return [
            _appending(repository, session_id, message) for message in self._corpus.messages(number)
        ]

    def _quietest(self, call: Call, times: int) -> Cell:
        return _cell([timed([call] * times) for _ in range(self._rounds)])


def _listing(repository: SessionRepository, active: bool) -> Call:
    return lambda: repository.list_sessions_rich(limit=20, order_by_last_active=active)


def _appending(repository: SessionRepository, session_id: str, message: dict[str, Any]) -> Call:
    return lambda: repository.append_message(session_id, **message)


def _cell(rounds: Sequence[Round]) -> Cell:
    """The typical call of the quietest round, and the 99th percentile of all calls."""
    latencies = sorted(latency for one in rounds for latency in one.latencies)
    p99 = latencies[len(latencies) * 99 // 100] if len(latencies) >= 500 else None
    return Cell(min(one.median for one in rounds), "s", p99)


def _settled_size(address: Path | URL) -> int:
    """Bytes, when what a server does in quiet minutes is done."""
    if isinstance(address, Path):
        return address.stat().st_size
    from benchmarks.contenders.psycopg_by_hand import connect

    with connect(address) as connection:
        connection.execute("VACUUM (ANALYZE)")
        return connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]


if __name__ == "__main__":
    main()
