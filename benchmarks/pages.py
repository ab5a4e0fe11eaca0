"""What the pages of `hermes-store serve` take: `python -m benchmarks.pages`.

A SQLite file and a database of PostgreSQL hold the same sessions. Each page is asked for many times
through the application, without a network, one request at a time: time in the server, time of its
processors (also PostgreSQL's), which other work on the machine changes little, and bytes of the
answer. Of several rounds the quietest is shown, its typical request. Prints a table in Markdown, as
docs/web.md has it.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, cast

import click
import httpx2
from sqlalchemy import URL

from benchmarks import report
from benchmarks.corpus import Corpus
from benchmarks.files import SOURCES, START, Files, execute
from hermes_store import SessionRepository, Transaction
from hermes_store.database.connection import OpenConnection
from hermes_store.web.application import application

SESSIONS, IN_A_SESSION = 100_000, 10
ROUNDS = 5
AT_ONCE = 50
ALONE = {"max_parallel_workers_per_gather": "0"}
"""A setting of the server: the process whose processor is measured does all of the work."""
LONG, PLANTED, TOKEN = "long", "quokkas", "measured"
MODELS = ("large", "small", "tiny", "older", "newest")
SELDOM = 40_000
"""One session in so many is of another user and source."""


BEGIN_WITH_MESSAGES = """UPDATE sessions SET (started_at, last_active) =
(SELECT min(timestamp), max(timestamp) FROM messages WHERE session_id = sessions.id)"""

USED_BEFORE_NOW = """UPDATE usage SET hour = hour
    - (100000 - CAST(substr(session_id, 8) AS INTEGER)) / 6"""
"""Six sessions an hour, of which the last was just now."""


class Taken(NamedTuple):
    """What one page took."""

    seconds: float
    processor: float
    size: int


@click.command()
@click.option("--sessions", default=SESSIONS, show_default=True, help="Stored, with 10 messages.")
@click.option("--calls", default=10, show_default=True, help="Requests for a page, a round.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="The quietest is shown.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the stores are.")
def main(sessions: int, calls: int, rounds: int, folder: Path | None) -> None:
    """Measure each page on both databases."""
    from benchmarks.databases import databases

    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="pages-", dir=folder)
        files = Files(Path(stack.enter_context(temporary)))
        facts = report.machine(Path(temporary.name))
        server = stack.enter_context(databases(files.folder(), ALONE))
        facts.append(f"PostgreSQL {server.version()} on the loopback, without parallel workers")
        measured = [
            measure(address, sessions, calls, rounds) for address in (files.new(), server.new())
        ]
    print(f"{'; '.join(facts)}.\n\n" + "\n".join(table(*measured)))


def table(sqlite: Mapping[str, Taken], postgresql: Mapping[str, Taken]) -> Iterator[str]:
    """The lines of the table: milliseconds on both, and the greater size."""
    titles = ("page", "SQLite", "its processor", "PostgreSQL", "its processors", "size")
    yield report.markdown(titles)
    yield report.markdown(("---", *["---:"] * 5))
    for page, one in sqlite.items():
        both = (one, postgresql[page])
        times = [f"{1e3 * each:.1f} ms" for taken in both for each in taken[:2]]
        yield report.markdown([page, *times, f"{max(each.size for each in both) / 1e3:.0f} kB"])


def measure(address: Path | URL, sessions: int, calls: int, rounds: int) -> dict[str, Taken]:
    """Fill a store, and ask for its pages."""
    with SessionRepository(address) as repository:
        fill(repository, sessions)
    settle(address)
    with SessionRepository(address, read_only=True, pool_size=1) as repository:
        return asyncio.run(_asked(repository, calls, rounds))


# --- what is stored -------------------------------------------------------------------------------


def fill(repository: SessionRepository, sessions: int) -> None:
    """Store the sessions, and one that is a hundredth of all messages long."""
    corpus = Corpus(11)
    repository.create_session(LONG, SOURCES[0], MODELS[0])
    repository.append_messages(LONG, at(START, corpus.messages(max(sessions // 10, 300))))
    for first in range(0, sessions, AT_ONCE):
        with repository.transaction() as tx:
            for number in range(first, min(first + AT_ONCE, sessions)):
                _add(tx, number, corpus)


def _add(tx: Transaction, number: int, corpus: Corpus) -> None:
    """A session; one starts every ten minutes."""
    session_id, messages = f"stored-{number:06d}", corpus.messages(IN_A_SESSION)
    source, user = SOURCES[number % len(SOURCES)], f"user-{number % 50}"
    if number % SELDOM == SELDOM // 2:
        source = user = "seldom"
        messages[2]["content"] += f" {PLANTED}"
    tx.create_session(session_id, source, MODELS[number % len(MODELS)], user_id=user)
    tx.append_messages(session_id, at(START + 600.0 * number, messages))
    tx.record_usage(
        session_id,
        model=MODELS[number % len(MODELS)],
        input_tokens=number % 5_000,
        output_tokens=number % 700,
        actual_cost_usd=0.01,
    )
    tx.set_session_title(session_id, f"{messages[0]['content'][:40]} {number}")


def at(begin: float, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with a time each, a second after the other."""
    return [message | {"timestamp": begin + place} for place, message in enumerate(messages)]


def settle(address: Path | URL) -> None:
    """Let sessions begin with their messages; do what a server does in quiet minutes."""
    if isinstance(address, Path):
        execute(address, BEGIN_WITH_MESSAGES)
        execute(address, USED_BEFORE_NOW)
        return
    from benchmarks.contenders.psycopg_by_hand import connect

    with connect(address) as connection:
        connection.execute(BEGIN_WITH_MESSAGES)
        connection.execute(USED_BEFORE_NOW)
        connection.execute("VACUUM (ANALYZE)")


# --- what is asked for ----------------------------------------------------------------------------


def pages(repository: SessionRepository) -> dict[str, str]:
    """What each page is called, and its address."""
    ids = [each["id"] for each in repository.get_messages(LONG)]
    ranked, titled = "/search?sort=relevance&q=", "/usage?days=all&title=function"
    middle = repository.list_sessions_rich(limit=1, offset=repository.session_count() // 2)[0]["id"]
    return {
        "sessions": "/",
        "sessions, behind half of them": f"/?after={middle}",
        "sessions of a source": "/?source=cli",
        "sessions of a model and a user": "/?model=large&user=user-5",
        "sessions of a month": "/?month=2026-01",
        "sessions with words in the title": "/?title=function",
        "sessions with a letter in the title": "/?title=e",
        "sessions of a user who has few": "/?user=seldom",
        "archived sessions, of which there are none": "/?archived=yes",
        "a session of 10 messages": f"/s/{middle}",
        "a session of 10,000: the last 100": f"/s/{LONG}",
        "the first 100": f"/s/{LONG}?after=0",
        "around one in the middle": f"/s/{LONG}?m={ids[len(ids) // 2]}",
        "one message": f"/s/{LONG}?whole={ids[1]}",
        "search: a word of few messages": f"/search?q={PLANTED}",
        "search: a common word, newest first": "/search?q=function",
        "search: a common word, ranked": f"{ranked}function",
        "search: two words, ranked": f"{ranked}exception+method",
        "search: three words, ranked": f"{ranked}exception+method+function",
        "search: two words in a source, ranked": f"{ranked}exception+method&source=cli",
        "search: words that begin so, ranked": f"{ranked}func*",
        "search: words that begin with th": "/search?q=th*",
        "search: words that begin with th, ranked": f"{ranked}th*",
        "search: two letters that words begin with, ranked": f"{ranked}a*+b*",
        "search: a letter that words begin with, in a source, ranked": f"{ranked}s*&source=cli",
        "search: seven very common words, ranked": f"{ranked}the+of+and+to+a+in+is",
        "search: five words, ranked": f"{ranked}exception+method+function+value+object",
        "search: a phrase of common words, ranked": f'{ranked}"the+function"',
        "search: a longer one, ranked": f'{ranked}"of+the+function"',
        "search: a phrase of seven words, ranked": f'{ranked}"of+the+function+in+a+class+is"',
        "search: a phrase that no message holds": '/search?q="the+the"',
        "search: five phrases, ranked": f'{ranked}"of+the"+"in+a"+"to+be"+"is+the"+"of+a"',
        "search: two phrases of common words, ranked": f'{ranked}"the+function"+OR+"of+a"',
        "search: a phrase of few messages, ranked": f'{ranked}"raise+exception"',
        "search: a phrase in a source, ranked": f'{ranked}"the+function"&source=cli',
        "search: symbols at a common word": "/search?q=C%2B%2B",
        "search: symbols at a common word, ranked": f"{ranked}C%2B%2B",
        "search: symbols in a term, ranked": f"{ranked}x%3D1",
        "search: symbols or a very common word, ranked": f"{ranked}C%2B%2B+OR+the",
        "search: a common word, in a source": "/search?q=function&source=cli",
        "search: a common word in a source, ranked": f"{ranked}function&source=cli",
        "search: a common word, of a user who has few": "/search?q=function&user=seldom",
        "search: a common word, by words in the title": "/search?q=function&title=function",
        "search: a common word, in a month, ranked": f"{ranked}function&month=2026-01",
        "usage of 30 days": "/usage",
        "usage of 30 days, by model": "/usage?by=model&of=cost",
        "usage of all days": "/usage?days=all",
        "usage of a source in a year, by week": "/usage?by=week&days=365&source=cli",
        "usage of all days, by month, of a source": "/usage?by=month&days=all&source=cli",
        "usage of all days, by week": "/usage?by=week&days=all",
        "usage of all days, by day, of what is not archived": "/usage?days=all&archived=no",
        "usage of all days, by month, by a word in the title": f"{titled}&by=month",
        "usage of all days, by week, by a word in the title": f"{titled}&by=week",
        "usage of all days, by day, by a letter in the title": "/usage?days=all&title=e",
        "usage of all days, by model": "/usage?by=model&days=all",
        "usage of all days, by user": "/usage?by=user&days=all",
        "usage of all records, by user": "/usage?by=user&days=all&records=all",
        "the longest sessions": "/usage/longest",
        "the longest sessions, by a letter in the title": "/usage/longest?title=e",
    }


async def _asked(repository: SessionRepository, calls: int, rounds: int) -> dict[str, Taken]:
    transport = httpx2.ASGITransport(application(repository, TOKEN))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    client = httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers, timeout=None
    )
    addresses, processor = pages(repository), _processor_of(repository)
    async with client:
        taken = [
            {name: await _taken(client, each, calls, processor) for name, each in addresses.items()}
            for _ in range(rounds)
        ]
    return {
        name: Taken(*(min(each) for each in zip(*(one[name] for one in taken), strict=True)))
        for name in addresses
    }


async def _taken(
    client: httpx2.AsyncClient, address: str, calls: int, processor: Callable[[], float]
) -> Taken:
    taken, size = [], 0
    for number in range(calls + 1):
        start, used = time.perf_counter(), processor()
        answer = await client.get(address)
        if number:  # the first one compiles statements and reads what is not in memory
            taken.append((time.perf_counter() - start, processor() - used))
        answer.raise_for_status()
        size = len(answer.content)
    seconds, processors = map(statistics.median, zip(*taken, strict=True))
    return Taken(seconds, processors, size)


def _processor_of(repository: SessionRepository) -> Callable[[], float]:
    """What tells the seconds that the processors have worked for the pages until now."""
    process = repository._store.read(_server_process)

    def used() -> float:
        nanoseconds = Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[0]
        return time.process_time() + int(nanoseconds) / 1e9

    return time.process_time if process is None else used


def _server_process(connection: OpenConnection) -> int | None:
    if not connection.backend.is_server:
        return None
    return cast("int", connection.execute("SELECT pg_backend_pid()", {}).fetchone()[0])


if __name__ == "__main__":
    main()
