"""What folding adds to an append: the store beside itself, with other texts or without folding."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import combinations
from typing import NamedTuple
from unittest.mock import patch

from benchmarks.contenders import OURS, make
from benchmarks.contenders.store import HermesStore
from benchmarks.corpus import Corpus
from benchmarks.files import Files, finish
from benchmarks.measure import Round, Series, take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows.build import time_row
from benchmarks.table import Cell, Row, Table, Target
from hermes_store.queries import rows as new_rows
from hermes_store.search import waiting

OTHER = "the other"
ABOUT = (
    "Appends of one thread. English, the prose of Python's manual, next to the same appends as"
    " they were before texts were folded, when each message was indexed for itself, and next to"
    " appends of today without folding; results of tools of 10,000 characters that are JSON, next"
    " to prose. In the last rows a text is next to one of a tenth of its length, each message"
    " indexed for itself, and the ratio is of the time for a character: the worst of a longer text"
    " to a shorter one, from 1,000 characters on."
)
IDENTIFIER = re.compile(r"[a-z][A-Z]|[A-Za-z]\d|\d[A-Za-z]|[A-Z]{2}[a-z]{2}")
"""What tells a word that is indexed in its parts, too."""
RESULT = 10_000
SHORTEST = 1_000
ENTRY = {"path": "src/main.py", "line": 12, "text": 'it says "no"\n'}
LONG: dict[str, Callable[[int], str]] = {
    "English": lambda length: _repeated("It was said that nothing is lost.\n", length),
    "Chinese": lambda length: _repeated("记忆里的对话都能找到。", length),
    "JSON": lambda length: json.dumps([ENTRY] * (length // len(json.dumps(ENTRY)))),
    "terminal colours": lambda length: _repeated("\x1b[31merror\x1b[0m: it failed\n", length),
}
"""Texts of about so many characters."""


class Work(NamedTuple):
    """Texts that are appended in each round, and whether they are folded."""

    texts: list[str]
    is_folded: bool = True
    waits: bool = True
    """Whether the messages enter the index together."""


def table(plan: Plan, files: Files) -> Table:
    rows = [*english_rows(plan, files), json_row(plan, files), *long_rows(plan, files)]
    return Table("What folding costs", ABOUT, (OTHER, OURS), rows)


def english_rows(plan: Plan, files: Files) -> Iterator[Row]:
    """As people write, and as programmers do."""
    corpus = Corpus(3)
    texts = [corpus.system_prompt(100 + 37 * (n % 40)) for n in range(plan.appends * 6)]
    prose = [text for text in texts if not IDENTIFIER.search(text)][: plan.appends]
    special = [text for text in texts if IDENTIFIER.search(text)][: plan.appends]
    for title, some in (("English", prose), ("English with identifiers", special)):
        for other, waits, target in (
            ("as before folding", False, Target(1.05)),
            ("without folding", True, None),
        ):
            unfolded = Work(some, is_folded=False, waits=waits)
            measured = in_turns(plan, files, {OTHER: unfolded, OURS: Work(some)})
            yield time_row(f"{title}, to the append {other}", measured, target, OTHER)


def json_row(plan: Plan, files: Files) -> Row:
    corpus = Corpus(4)
    prose = [corpus.system_prompt(RESULT) for _ in range(max(1, plan.appends // 4))]
    work = {OTHER: Work(prose), OURS: Work([as_json(text) for text in prose])}
    return time_row("JSON, to prose", in_turns(plan, files, work), Target(1.5), OTHER)


def as_json(text: str) -> str:
    """The lines of a text as a tool gives them, as long as the text."""
    entries = [{**ENTRY, "text": line} for line in text.splitlines()]
    length = len(json.dumps(entries))
    return json.dumps(entries[: max(1, len(entries) * len(text) // length)])


def long_rows(plan: Plan, files: Files) -> Iterator[Row]:
    """No kind of text takes more time for a character, the longer it is."""
    powers = range(len(str(plan.longest_text // SHORTEST)))
    lengths = [SHORTEST * 10**power for power in powers]
    for title, text_of in LONG.items():
        work = {str(length): Work([text_of(length)], waits=False) for length in lengths}
        seconds = [series.median for series in in_turns(plan, files, work).values()]
        cost = [took / length for took, length in zip(seconds, lengths, strict=True)]
        worst = max(longer / shorter for shorter, longer in combinations(cost, 2))
        cells = {OTHER: Cell(seconds[-2], "s"), OURS: Cell(seconds[-1], "s")}
        yield Row(f"{title}, {plan.longest_text:,} characters", cells, worst, Target(2))


def _repeated(piece: str, length: int) -> str:
    return (piece * (length // len(piece) + 1))[:length]


def in_turns(plan: Plan, files: Files, work: Mapping[str, Work]) -> dict[str, Series]:
    """Append each one's texts to a store of its own, round by round."""
    stores = {name: make(OURS, files.new(), "NORMAL") for name in work}
    contenders = {name: (stores[name], work[name]) for name in work}
    measured = take_turns(plan.rounds, contenders, appended)
    for name, store in stores.items():
        finish({name: store}, plan.rounds * len(work[name].texts))
    return measured


def appended(contender: tuple[HermesStore, Work], number: int) -> Round:
    """Append the texts one by one to a session of the round."""
    store, (texts, is_folded, waits) = contender
    session_id = f"round-{number}"
    store.create_session(session_id)
    messages = [{"role": "user", "content": text} for text in texts]
    calls = [partial(store.append, session_id, message) for message in messages]
    with ExitStack() as patched:
        if not is_folded:
            patched.enter_context(patch.object(new_rows, "folded", lambda *_: None))
        if not waits:
            patched.enter_context(patch.object(waiting, "SUCCESSION", -1.0))
        return timed(calls)
