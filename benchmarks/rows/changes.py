"""Long conversations: taken back, compacted, and looked into; and lists of many chains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.contenders import BY_HAND, OURS
from benchmarks.contenders.by_hand import connect
from benchmarks.contenders.changes_by_hand import ChangesByHand, summary
from benchmarks.contenders.store import HermesStore
from benchmarks.corpus import Corpus
from benchmarks.files import START, Files, finish
from benchmarks.measure import Round, Series, take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows.build import Measured
from benchmarks.rows.loads import compare
from benchmarks.table import Cell, Row, Table, Target
from hermes_store.settings import Settings

ABOUT = (
    "One conversation of so many messages. By hand: the same statements, and counters counted anew"
    " by SQL. A page is read by the id of its message, not by an offset."
)
LONG = "long"
AT_ONCE = 1_000
AROUND = 20
LISTED = 50
IN_A_CHAIN = 10
CHANGE, PAGE, LIST = (Target(seconds, unit="s") for seconds in (0.1, 0.002, 0.005))


def table(plan: Plan, files: Files) -> Table:
    changed = {BY_HAND: files.new(), OURS: files.new()}
    for path in changed.values():
        fill(path, plan.changed_messages)
    changers = {BY_HAND: ChangesByHand(changed[BY_HAND]), OURS: Changes(changed[OURS])}
    rows = [*change_rows(plan, changers, CHANGE)]
    finish(changers, plan.changed_messages)
    path = files.new()
    fill(path, plan.paged_messages)
    rows.append(page_row(plan, {BY_HAND: ChangesByHand(path), OURS: Changes(path)}, PAGE))
    rows.append(list_row(plan, files.new()))
    return Table("Long conversations", ABOUT, (BY_HAND, OURS), rows)


class Changes(HermesStore):
    """The store, with what a benchmark needs to begin anew."""

    undoing: type[ChangesByHand] = ChangesByHand

    def __init__(self, path: Any) -> None:
        super().__init__(path, Settings())
        self.rewind, self.restore = self.repository.rewind, self.repository.restore

    def compact(self, session_id: str, message: Any) -> None:
        self.repository.compact(session_id, [message])

    def undo_compact(self, session_id: str) -> None:
        by_hand = self.undoing(self.path)
        by_hand.undo_compact(session_id)
        by_hand.close()

    def page(self, session_id: str, around: int, limit: int) -> list[Any]:
        return self.repository.get_messages(session_id, around_id=around, limit=limit)


def fill(path: Any, messages: int) -> None:
    """Give a database one long conversation; its first message is the user's."""
    store, corpus = HermesStore(path, Settings()), Corpus(3)
    store.create_session(LONG)
    for start in range(0, messages, AT_ONCE):
        store.append_many(LONG, corpus.messages(min(AT_ONCE, messages - start)))
    store.close()


# --- one long conversation ------------------------------------------------------------------------


def change_rows(plan: Plan, changers: dict[str, Any], target: Target | None) -> Iterator[Row]:
    """What every change costs; it is undone before the next one."""
    first = changers[OURS].repository.get_messages(LONG, limit=1)[0]["id"]
    number = f"{plan.changed_messages:,}"
    rewound = changed(
        plan, changers, lambda c: c.rewind(LONG, first), lambda c: c.restore(LONG, first)
    )
    yield own_row(f"rewind {number} messages", rewound, target)
    compacted = changed(
        plan, changers, lambda c: c.compact(LONG, summary()), lambda c: c.undo_compact(LONG)
    )
    yield own_row(f"compact {number} messages", compacted, target)


def changed(
    plan: Plan, changers: dict[str, Any], change: Callable[[Any], Any], undo: Callable[[Any], Any]
) -> Measured:
    def measure(changer: Any, _number: int) -> Round:
        found = timed([lambda: change(changer)])
        undo(changer)
        return found

    return take_turns(plan.rounds, changers, measure)


def page_row(plan: Plan, readers: dict[str, Any], target: Target | None) -> Row:
    """A page from the middle of a conversation, once both have given the same."""
    ids = [message["id"] for message in readers[OURS].repository.get_messages(LONG)]
    middle = ids[len(ids) // 2]
    by_hand = next(name for name in readers if name != OURS)
    found = compare(
        plan, readers, plan.reads, lambda reader: reader.page(LONG, middle, AROUND), by_hand
    )
    for reader in readers.values():
        reader.close()
    return own_row(f"a page around a message of {len(ids):,}", found, target)


def own_row(title: str, measured: Measured, target: Target | None) -> Row:
    """Median times; the target is about our own."""
    cells = {name: Cell(series.median, "s") for name, series in measured.items()}
    by_hand = next(series for name, series in measured.items() if name != OURS)
    ratio = measured[OURS].median / by_hand.median
    return Row(title, cells, ratio, target, measured[OURS].median if target else None)


# --- many conversations in chains -----------------------------------------------------------------


def list_row(plan: Plan, path: Path) -> Row:
    """Half of the sessions stand alone, half are parts of chains that were compressed."""
    chain(path, plan.chained_sessions)
    store = HermesStore(str(path), Settings())

    def measure(_store: Any, _number: int) -> Round:
        return timed([lambda: store.list_newest(LISTED)] * plan.reads)

    series: Series = take_turns(plan.rounds, {OURS: store}, measure)[OURS]
    store.close()
    title = f"list {LISTED} of {plan.chained_sessions:,} sessions, half in chains of {IN_A_CHAIN}"
    return Row(title, {OURS: Cell(series.median, "s")}, target=LIST, figure=series.median)


def chain(path: Path, sessions: int) -> None:
    """Sessions with a message each; of every twenty ten follow one another."""
    db = connect(str(path), Settings())
    rows = [(name(n), parent(n), *linked(n), START + n) for n in range(sessions)]
    db.execute("BEGIN IMMEDIATE")
    db.executemany(
        "INSERT INTO sessions (id, source, parent_session_id, link, end_reason, started_at,"
        " last_active, message_count) VALUES (?1, 'cli', ?2, ?3, ?4, ?5, ?5, 1)",
        rows,
    )
    db.executemany(
        "INSERT INTO messages (session_id, role, content, timestamp) VALUES (?, 'user', ?, ?)",
        ((name(n), f"Question number {n}", START + n) for n in range(sessions)),
    )
    db.execute("COMMIT")
    db.close()


def name(number: int) -> str:
    return f"stored-{number:06d}"


def parent(number: int) -> str | None:
    """The session before it in its chain."""
    follows = number % (2 * IN_A_CHAIN) < IN_A_CHAIN and number % IN_A_CHAIN
    return name(number - 1) if follows else None


def linked(number: int) -> tuple[str | None, str | None]:
    """What the parent is to it, and why it ended itself."""
    goes_on = parent(number + 1) is not None
    return "compression" if parent(number) else None, "compression" if goes_on else None
