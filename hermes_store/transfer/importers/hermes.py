"""Take the conversations of a Hermes Agent file over into a store, and account for every row.

Sessions that are there already stay as they are, so that an interrupted import is simply run
again. The account at the end names each table of the old file that holds anything, where its rows
went, and how many of them are there now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, select

from hermes_store.database.address import Address, create_database, url_of
from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.errors import InvalidArgumentError
from hermes_store.execution.store import Store
from hermes_store.models.stored import messages, sessions, usage
from hermes_store.records import ImportResult
from hermes_store.schema.change import Progress, told
from hermes_store.settings import make_settings
from hermes_store.transfer.backup_place import given_path
from hermes_store.transfer.copy_rows import in_pieces
from hermes_store.transfer.importers.hermes_account import Account, Line, Remarks
from hermes_store.transfer.importers.hermes_file import HermesFile, Row, opened
from hermes_store.transfer.importers.hermes_sessions import Sessions
from hermes_store.transfer.importers.hermes_tables import keep_rows, keep_table
from hermes_store.transfer.imports import import_all

__all__ = ["Account", "Line", "import_hermes_file"]

_USAGE = "session_model_usage"
_GO_TO = {
    "sessions": "sessions",
    "messages": "messages",
    _USAGE: "usage",
    "system_prompts": "sessions.system_prompt",
}
"""Tables whose rows are not kept as they are."""


def import_hermes_file(
    source: Path | str, target: Address, *, progress: Progress | None = None
) -> Account:
    """Store what the Hermes Agent file `source` holds in the database `target`; account for it.

    Creates the target when it is missing, and its schema. Not a byte of the old file changes, and
    the agent may go on using it. Raises `ForeignDatabaseError` for another kind of file, and
    `DamagedFileError` for one of which not even the schema can be read.
    """
    goal = url_of(target)
    with opened(given_path("source", source)) as file:
        create_database(goal)
        with closing(Store(goal, make_settings(mmap_size=0, auto_migrate=True))) as store:
            return _import(file, store, told(progress))


def _import(file: HermesFile, store: Store, report: Progress) -> Account:
    """Sessions with their messages first, then what stands beside them."""
    remarks, result, total = Remarks(), ImportResult(), file.count("messages") or 0
    file.sort_messages(lambda done: report("reading messages", done, total))
    given = Sessions(file, remarks, report)

    def refused(error: InvalidArgumentError) -> None:
        remarks.leave_out(str(error))

    import_all(given, store.write, result=result, on_bad=refused)
    now = _held(file, store, given, remarks)
    if (file.count(_USAGE) if _USAGE in file.columns else 0) != now[_USAGE]:
        orphans = _without_session(file, given, remarks)
        now[_USAGE] += keep_rows(file, _USAGE, orphans, store, remarks, report)
    tables = _lines(file, now)
    for table in sorted(file.columns.keys() - _GO_TO.keys() - {"schema_version"}):
        if file.count(table) != 0:
            tables.append(keep_table(file, table, store, remarks, report))
    for name, title in result.retitled.items():
        remarks.alter(f"session {name}", f"its title is {title!r} now")
    for name in result.orphaned:
        remarks.alter(f"session {name}", "its parent is nowhere, so it has none")
    left_out = [*remarks.left_out, *(f"{place}: damaged" for place in file.damaged)]
    return Account(file.version, tables, [*remarks.altered], left_out)


def _without_session(file: HermesFile, given: Sessions, remarks: Remarks) -> Iterator[Row]:
    """Records of usage whose session is nowhere."""
    for row in file.rows(_USAGE):
        if not given.holds(row["session_id"]):
            remarks.alter(f"{_USAGE}: row {row['rowid_']}", "its session is nowhere: it is in meta")
            yield row


# --- what is there now ----------------------------------------------------------------------------


def _held(file: HermesFile, store: Store, given: Sessions, remarks: Remarks) -> Counter[str]:
    """How many rows of each table are there now, of the sessions of the file."""
    now = Counter[str]()
    own_ids = {new: own for own, new in given.ids()}
    for some in in_pieces(sessions, ({"id": each} for each in own_ids)):
        ids = [row["id"] for row in some]
        there = store.read(_rows_of, sessions, ids)
        of_each = store.read(_rows_of, messages, ids)
        now.update(sessions=len(there), messages=sum(of_each.values()))
        now[_USAGE] += sum(store.read(_rows_of, usage, ids).values())
        now["system_prompts"] += store.read(_with_prompt, ids)
        for session_id in there:
            _compare(file, own_ids[session_id], session_id, of_each[session_id], remarks)
    return now


def _compare(file: HermesFile, own: Any, session_id: str, held: int, remarks: Remarks) -> None:
    wanted = file.number_of_messages(own)
    if held < wanted:
        missing = f"{wanted - held} of its {wanted} messages: it was in the store before"
        remarks.leave_out(f"session {session_id}: {missing}")


def _rows_of(connection: OpenConnection, table: Table, ids: list[str]) -> Counter[str]:
    """Of each session that has any, how many rows of `table`."""
    of = table.c.id if table is sessions else table.c.session_id
    held = select(of, func.count()).where(is_given(of, "ids")).group_by(of)
    rows = connection.core.execute(held, {"ids": as_parameter(ids)})
    return Counter({session_id: number for session_id, number in rows})  # noqa: C416 - of rows


def _with_prompt(connection: OpenConnection, ids: list[str]) -> int:
    some = is_given(sessions.c.id, "ids")
    prompts = select(func.count()).where(some, sessions.c.system_prompt.is_not(None))
    return connection.core.execute(prompts, {"ids": as_parameter(ids)}).scalar_one()


def _lines(file: HermesFile, now: Counter[str]) -> list[Line]:
    """Of sessions and messages always, of the others when they hold anything."""
    there = {name: file.count(name) for name in _GO_TO if name in file.columns}
    return [
        Line(name, rows, _GO_TO[name], now[name])
        for name, rows in there.items()
        if rows != 0 or name in {"sessions", "messages"}
    ]
