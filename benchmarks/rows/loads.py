"""Reading a conversation back, and listing sessions. What comes back is compared first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.contenders import BY_HAND, OURS, UNIT_OF_WORK, make
from benchmarks.contenders.by_hand import ByHand
from benchmarks.corpus import Corpus
from benchmarks.files import Files
from benchmarks.measure import Round, take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows.build import time_row
from benchmarks.table import Row, Target
from hermes_store.settings import Settings

PROMISED = {200: None, 2_000: Target(1.25)}


def rows(plan: Plan, files: Files) -> Iterator[Row]:
    """All on one file, which holds `plan.stored_sessions` sessions besides the long ones."""
    path = files.filled(plan.stored_sessions)
    add_long_sessions(path)
    readers = {name: make(name, path) for name in (BY_HAND, OURS, UNIT_OF_WORK)}
    yield from rows_of(plan, readers, BY_HAND, Target(1.3))
    for reader in readers.values():
        reader.close()


def rows_of(
    plan: Plan, readers: dict[str, Any], by_hand: str, list_target: Target | None
) -> Iterator[Row]:
    """Loads by all of the readers; lists by the store and the one that is called `by_hand`."""
    for length, target in PROMISED.items():
        calls = max(plan.reads * 20 // length, 1)

        def load(reader: Any, session_id: str = f"long-{length}") -> Any:
            return reader.load(session_id)

        measured = compare(plan, readers, calls, load, by_hand)
        yield time_row(f"load a conversation of {length:,}", measured, target, by_hand)
    listing = {name: readers[name] for name in (by_hand, OURS)}
    newest = compare(plan, listing, plan.reads, lambda reader: reader.list_newest(20), by_hand)
    yield time_row("list the 20 newest, with previews", newest, list_target, by_hand)
    active = compare(plan, listing, plan.reads, lambda reader: reader.list_active(20), by_hand)
    yield time_row("list the 20 last active, with previews", active, list_target, by_hand)


def add_long_sessions(path: Path) -> None:
    store = ByHand(str(path), Settings())
    for length in PROMISED:
        store.create_session(f"long-{length}")
        store.append_many(f"long-{length}", Corpus(length).messages(length))
    store.close()


def compare(
    plan: Plan,
    readers: dict[str, Any],
    calls: int,
    read: Callable[[Any], Any],
    by_hand: str,
) -> dict[str, Any]:
    """Time `read(reader)`, once both have given the same."""
    if read(readers[OURS]) != read(readers[by_hand]):
        raise RuntimeError("the store and the SQL by hand read different things")

    def measure(reader: Any, _number: int) -> Round:
        return timed([lambda: read(reader)] * calls)

    return take_turns(plan.rounds, readers, measure)
