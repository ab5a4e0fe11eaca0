"""Ask every pair of every engine, and write a table of what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from time import perf_counter

from sqlalchemy import URL

from benchmarks.quality.engines import Search, fts5, store, to_tsvector
from benchmarks.quality.pairs import TIERS, Pair, Tier, pairs

__all__ = ["Found", "asked", "messages", "rates", "table", "wrong"]

Found = dict[Pair, bool]
"""Of each pair, whether its message was found."""


def messages() -> list[str]:
    """All messages of the set, each once."""
    return list(dict.fromkeys(pair.stored for pair in pairs()))


def asked(search: Search) -> Found:
    """What `search`, over `messages`, finds."""
    places = {each: at for at, each in enumerate(messages())}
    return {pair: places[pair.stored] in search(pair.typed) for pair in pairs()}


def wrong(found: Found, tier: Tier) -> list[Pair]:
    """The pairs of a tier that were answered otherwise than the set says."""
    return [
        pair for pair, is_found in found.items()
        if pair.tier == tier and is_found is (tier == "must not")
    ]  # fmt: skip


def rates(found: Found) -> dict[Tier, tuple[int, int]]:
    """Of each tier, how many were found, and of how many."""
    return {tier: _rate(found, (p for p in found if p.tier == tier)) for tier in TIERS.values()}


def _rate(found: Found, some: Iterable[Pair]) -> tuple[int, int]:
    answers = [found[pair] for pair in some]
    return sum(answers), len(answers)


def table(server: URL | None) -> str:
    """A Markdown table: of each kind, what each engine found of what it must and should."""
    results, slowest = _results(server)
    kinds = list(dict.fromkeys(pair.kind for pair in pairs()))
    lines = ["| kind | pairs | " + " | ".join(results) + " |"]
    lines.append("|---|---:|" + "---:|" * len(results))
    for kind in kinds:
        wanted = [p for p in pairs() if p.kind == kind and p.tier != "must not"]
        cells = [f"{_rate(found, wanted)[0]}" for found in results.values()]
        lines.append(_line(kind, len(wanted), cells))
    for tier in TIERS.values():
        numbers = [rates(found)[tier] for found in results.values()]
        lines.append(_line(f"**{tier}** be found", numbers[0][1], map(_share, numbers)))
    return "\n".join([*lines, "", f"Slowest query of the store: {slowest * 1000:.1f} ms."])


def _line(kind: str, number: int, cells: Iterable[str]) -> str:
    return f"| {kind} | {number} | " + " | ".join(cells) + " |"


def _share(number: tuple[int, int]) -> str:
    found, of = number
    return f"{found} ({found / of:.0%})"


def _results(server: URL | None) -> tuple[Mapping[str, Found], float]:
    texts: Sequence[str] = messages()
    with ExitStack() as opened:
        here = opened.enter_context
        engines = {"this store": here(store(texts))}
        if server is not None:
            engines["on PostgreSQL"] = here(store(texts, server))
        engines["unicode61"] = here(fts5(texts, "unicode61"))
        engines["trigram"] = here(fts5(texts, "trigram"))
        if server is not None:
            engines["to_tsvector('simple')"] = here(to_tsvector(texts, server))
        results = {name: asked(search) for name, search in engines.items()}
        return results, max(_seconds(engines["this store"], pair.typed) for pair in pairs())


def _seconds(search: Search, typed: str) -> float:
    start = perf_counter()
    search(typed)
    return perf_counter() - start
