"""Whether any query can hold a search up: `python -m benchmarks.hostile [--postgresql]`.

Queries are made to be dear: single letters and prefixes that match everything, long phrases and
long ORs, symbols that only the text itself can tell, deep parentheses, every script, noise. Each
must end within `search_timeout` and a tenth: by an answer, by `SearchTooBroadError`, or by a
refusal. Any other error ends the run.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from sqlalchemy import URL

from benchmarks import report
from benchmarks.corpus import Corpus
from benchmarks.files import Files
from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError, SearchTooBroadError

SORTS = ("relevance", "newest", "oldest")
ALLOWED = 1.1
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"
SYMBOLS = "+#%$-_/@=.:,;()[]{}<>!?*\"'`~^&|\\"
SCRIPTS = "记忆搜索한국어カナçñøßЖдяαβשלוםعربيहिन्दीไทยệ😀\u200b\u202e\x00\x1b\ufeff"
IN_A_SESSION = 200


class Queries:
    """An endless supply; the same seed gives the same."""

    def __init__(self, words: list[str], seed: int) -> None:
        self._words = words
        self._random = random.Random(seed)
        self._kinds: tuple[Callable[[], str], ...] = (
            self._words_of_the_text,
            self._prefixes,
            self._phrase,
            self._alternatives,
            self._with_symbols,
            self._nested,
            self._without,
            self._noise,
        )

    def __next__(self) -> str:
        return self._random.choice(self._kinds)()

    def __iter__(self) -> Queries:
        return self

    def _some(self, least: int, most: int) -> list[str]:
        return self._random.choices(self._words, k=self._random.randint(least, most))

    def _of(self, characters: str, most: int) -> str:
        return "".join(self._random.choices(characters, k=self._random.randint(1, most)))

    def _words_of_the_text(self) -> str:
        return " ".join(self._some(1, 12))

    def _prefixes(self) -> str:
        return " ".join(f"{self._of(LETTERS, 2)}*" for _ in range(self._random.randint(1, 8)))

    def _phrase(self) -> str:
        return f'"{" ".join(self._some(2, 60))}"'

    def _alternatives(self) -> str:
        return " OR ".join([*self._some(2, 200), f"{self._of(LETTERS, 1)}*"])

    def _with_symbols(self) -> str:
        return " ".join(f"{word}{self._of(SYMBOLS, 3)}" for word in self._some(1, 6))

    def _nested(self) -> str:
        depth = self._random.randint(1, 60)
        return f"{'(' * depth}{' AND '.join(self._some(1, 10))}{')' * depth}"

    def _without(self) -> str:
        return f"{self._of(LETTERS, 1)}* NOT ({' OR '.join(self._some(1, 30))})"

    def _noise(self) -> str:
        return self._of(
            LETTERS + SYMBOLS * 2 + SCRIPTS + " " * 9, self._random.choice((9, 99, 999))
        )


@click.command()
@click.option("--postgresql", is_flag=True, help="A server of the run's own instead of a file.")
@click.option("--messages", default=100_000, show_default=True)
@click.option("--queries", default=100_000, show_default=True)
@click.option("--timeout", default=1.0, show_default=True, help="`search_timeout`, in seconds.")
@click.option("--seed", default=1, show_default=True)
def main(postgresql: bool, messages: int, queries: int, timeout: float, seed: int) -> None:
    """Ask one store many dear questions; print what became of them, and the slowest."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostile-")))
        address = _address(stack, folder, postgresql=postgresql)
        with SessionRepository(address, search_timeout=timeout) as repo:
            words = _filled(repo, messages)
            ended, times = Counter[str](), list[tuple[float, str]]()
            for _, query in zip(range(queries), Queries(words, seed), strict=False):
                took, how = _asked(repo, query, seed)
                ended[how] += 1
                times.append((took, query[:60]))
        facts = "; ".join(report.machine(folder))
    times.sort()
    slowest, query = times[-1]
    print(
        f"{facts}.\n{messages:,} messages, {queries:,} queries, budget {timeout:g} s: {dict(ended)}"
    )
    print(f"median {times[queries // 2][0] * 1e3:.1f} ms, slowest {slowest:.3f} s: {query!a}")
    if slowest > timeout * ALLOWED:
        raise SystemExit(f"above the budget and a tenth: {timeout * ALLOWED:g} s")


def _address(stack: ExitStack, folder: Path, *, postgresql: bool) -> Path | URL:
    if not postgresql:
        return Files(folder).new()
    from benchmarks.databases import databases

    return stack.enter_context(databases(folder, {})).new()


def _filled(repo: SessionRepository, messages: int) -> list[str]:
    """Store conversations; return words that stand in them, the frequent ones often."""
    corpus, words = Corpus(1), list[str]()
    for number in range(messages // IN_A_SESSION):
        session_id = f"s-{number:06d}"
        repo.create_session(session_id, "cli")
        given: list[Any] = corpus.messages(IN_A_SESSION)
        repo.append_messages(session_id, given)
        if number < 20:
            words += " ".join(str(each.get("content") or "") for each in given).split()
    return words


def _asked(repo: SessionRepository, query: str, seed: int) -> tuple[float, str]:
    sort: Any = SORTS[(len(query) + seed) % len(SORTS)]
    start = time.perf_counter()
    try:
        found = repo.search_messages(query, sort=sort)
        how = "answered" if found else "found nothing"
    except SearchTooBroadError:
        how = "too broad"
    except InvalidArgumentError:
        how = "refused"
    return time.perf_counter() - start, how


if __name__ == "__main__":
    main()
