"""Every table of the run, in the order of the report. A new kind of work is a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from benchmarks.contenders import BY_HAND, OURS, PSYCOPG, UNIT_OF_WORK
from benchmarks.files import Files
from benchmarks.plan import Plan
from benchmarks.rows import (
    alone,
    changes,
    endurance,
    folding,
    hermes_agent,
    loads,
    loops,
    opening,
    processes,
    searches,
    sizes,
    starting,
    threads,
)
from benchmarks.table import Table, Target
from tools import local_postgres

COLUMNS = (BY_HAND, OURS, UNIT_OF_WORK)


def writes(plan: Plan, files: Files) -> Table:
    about = (
        "Committed when the call returns: it survives a killed process (`synchronous=NORMAL`)."
        " Times are medians of single calls; those of `append_messages` are for one message, next"
        " to a commit for each message by hand, and next to `executemany` and one commit."
    )
    rows = chain(
        alone.rows(plan, files),
        threads.rows(plan, files, 8),
        threads.rows(plan, files, 32),
        processes.rows(plan, files),
        alone.batch_rows(plan, files, 10, None),
        alone.batch_rows(plan, files, 100, Target(0.5)),
    )
    return Table("Writes", about, COLUMNS, list(rows))


def durable_writes(plan: Plan, files: Files) -> Table:
    about = "On the disk when the call returns: it survives a power cut (`synchronous=FULL`)."
    rows = chain(alone.rows(plan, files, "FULL"), threads.rows(plan, files, 8, "FULL"))
    return Table("Durable writes", about, COLUMNS, list(rows))


def reads(plan: Plan, files: Files) -> Table:
    about = (
        f"From a file of {plan.stored_sessions * 20:,} messages, as lists of dicts with JSON"
        " decoded (the ORM: entities, not decoded)."
    )
    return Table("Reads", about, COLUMNS, list(loads.rows(plan, files)))


def opens(plan: Plan, files: Files) -> Table:
    about = "Each in a fresh process. Re-opening imports no Alembic."
    columns = (BY_HAND, OURS, opening.MAPPED_CLASSES)
    return Table("Opening", about, columns, list(opening.rows(plan, files)))


def starts(plan: Plan, files: Files) -> Table:
    about = (
        "Whole processes, from start to end. A program that reads may take 10 ms more than its"
        " target says: they are taken off before its ratio."
    )
    return Table("Starting", about, starting.COLUMNS, list(starting.rows(plan, files)))


def postgresql(plan: Plan, files: Files) -> Table:
    why_not = local_postgres.missing_server() or local_postgres.missing_driver()
    if why_not:
        return Table("PostgreSQL", f"**Not measured**: {why_not}.", (PSYCOPG, OURS))
    from benchmarks.rows import postgresql as measured  # it needs the driver

    return measured.table(plan, files)


def one(make: Callable[[Plan, Files], Table]) -> Callable[[Plan, Files], Iterator[Table]]:
    """A kind of work with a single table."""

    def tables(plan: Plan, files: Files) -> Iterator[Table]:
        yield make(plan, files)

    return tables


TABLES: dict[str, Callable[[Plan, Files], Iterator[Table]]] = {
    "writes": one(writes),
    "durable-writes": one(durable_writes),
    "reads": one(reads),
    "long": one(changes.table),
    "search": searches.tables,
    "folding": one(folding.table),
    "opening": one(opens),
    "starting": one(starts),
    "asyncio": one(loops.table),
    "hermes-agent": one(hermes_agent.table),
    "endurance": one(endurance.table),
    "sizes": one(sizes.table),
    "postgresql": one(postgresql),
}
