"""Bulk statements in `orm_session()`: their values are checked, the sessions they touch noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Result, Table
from sqlalchemy.orm import ORMExecuteState

from hermes_store.api.orm_checks import SEARCHED, checked, searched_by
from hermes_store.api.orm_counting import COUNTED, Noted
from hermes_store.api.orm_folding import fold_inserted, last_id
from hermes_store.api.orm_matched import matched
from hermes_store.api.orm_selected import require_as_it_is
from hermes_store.api.orm_triggers import Expected
from hermes_store.models.links import COMPRESSION
from hermes_store.models.types import Content
from hermes_store.queries import deleting, session_changes, sessions
from hermes_store.queries.recount import Counters, all_ids
from hermes_store.search.filling import fill_those
from hermes_store.values import content_format, now

__all__ = ["run_bulk"]

_LOOKED_AT = (*Counters._fields, "started_at", "parent_session_id")
_PLACE = re.compile(r"_m\d+$")
"""What SQLAlchemy adds to the name of a value in the second and later rows of VALUES."""

_UNCOUNTED = {"usage", "meta"}
"""Tables that no session counts the rows of."""

Row = dict[str, Any]


def run_bulk(state: ORMExecuteState, noted: Noted) -> Result[Any] | None:
    """Run a statement that changes one of the tables with rules; None for any other statement."""
    table = getattr(state.statement, "table", None)
    if not isinstance(table, Table) or table.name not in {"sessions", "messages", *_UNCOUNTED}:
        return None
    if table.name in _UNCOUNTED:
        return None if state.is_delete else _write_uncounted(state, noted, table)
    if state.is_delete:
        return _delete(state, noted, table)
    return _insert(state, noted, table) if state.is_insert else _update(state, noted, table)


# --- what a statement is given ------------------------------------------------------------------


def _rows(state: ORMExecuteState) -> list[Row]:
    """The parameters of a statement, a dict a row."""
    given: Any = state.parameters
    return [given] if isinstance(given, dict) else list(given or ())


def _compiled(state: ORMExecuteState) -> Any:
    """The statement as Core writes it: its SQL, and the values that stand in it."""
    statement: Any = state.statement
    names = {name for row in _rows(state) for name in row}
    columns = [name for name in statement.table.c.keys() if name in names] or None  # noqa: SIM118 - without keys() it gives columns, not names
    core = statement._annotate({"dml_strategy": "core_only"})  # noqa: SLF001 - not as the ORM runs it
    return core.compile(dialect=state.session.get_bind().dialect, column_keys=columns)


def _own_values(compiled: Any) -> Row:
    """The values that stand in a statement, by name, without those of columns' defaults."""
    filled = {column.key for column in compiled.insert_prefetch}
    given = {name: b.effective_value for name, b in compiled.binds.items() if not b.required}
    return {name: value for name, value in given.items() if _PLACE.sub("", name) not in filled}


def _invoke(state: ORMExecuteState, own: Row, better: Row, rows: list[Row]) -> Result[Any]:
    """Run the statement with `better` in place of its `own` values, and with `rows`."""
    statement: Any = state.statement
    changed = {name: value for name, value in better.items() if own.get(name, own) is not value}
    if changed:
        statement = statement.values(**changed)
    given: Any = rows[0] if rows and isinstance(state.parameters, dict) else rows
    return state.invoke_statement(statement=statement, params=given or None)


def _checked(table: Table, row: Row) -> Row:
    found = checked(table.name, row)
    if "content" in found and _is_mapped(table):
        found["content_format"] = content_format(found["content"])
    return found


def _is_mapped(messages: Table) -> bool:
    """Whether JSON is given as Python values; else as text, as to a table of Core's."""
    return isinstance(messages.c.content.type, Content)


def _named(rows: Iterable[Row], column: str) -> set[Any]:
    return {row[column] for row in rows if row.get(column) is not None}


def _require(noted: Noted, session_ids: set[Any]) -> None:
    for session_id in sorted(session_ids):
        sessions.require(noted.connection, session_id)


# --- INSERT -------------------------------------------------------------------------------------


def _insert(state: ORMExecuteState, noted: Noted, table: Table) -> Result[Any]:
    compiled = _compiled(state)
    own = _own_values(compiled)
    more = [checked(table.name, {_PLACE.sub("", name): value}) for name, value in own.items()]
    rows = [_checked(table, row) for row in _rows(state)]
    if rows and table.name == "messages":
        rows = [{"timestamp": now(), **row} for row in rows] if "timestamp" not in own else rows
        if _is_mapped(table) and not own.keys() & SEARCHED:
            rows = [{**row, **searched_by(row)} for row in rows]
    ids = _named([*more, *rows], "session_id" if table.name == "messages" else "id")
    parents = _named([*more, *rows], "parent_session_id")
    _require(noted, ids if table.name == "messages" else parents - ids)
    is_upsert = " ON CONFLICT " in str(compiled)  # it may change a message of another session
    folds = table.name == "messages" and (is_upsert or not _are_folded(rows))
    last = last_id(noted.connection) if folds else 0
    expected = Expected(noted.connection, (row.get("id") for row in rows))
    result = _invoke(state, own, checked(table.name, own), rows)
    if table.name == "messages" and not is_upsert:
        expected.require(len(rows))
    if folds:
        of_sessions = ids if is_upsert else None
        fold_inserted(noted.connection, last, _named([*more, *rows], "id"), of_sessions)
    if table.name == "sessions" and COMPRESSION in _named([*more, *rows], "link"):
        session: Any = state.session
        session.followed.note(ids)
    if is_upsert or not ids:
        noted.touched.update(all_ids(noted.connection))
    elif rows and not own and table.name == "messages" and _is_mapped(table):
        for row in rows:
            if row.get("state") is None:
                noted.add(row["session_id"], row.get("tool_calls"), row["timestamp"])
    else:
        noted.touched.update(ids)
    return result


def _are_folded(rows: list[Row]) -> bool:
    return bool(rows) and all("folded" in row for row in rows)


def _write_uncounted(state: ORMExecuteState, noted: Noted, table: Table) -> Result[Any]:
    statement: Any = state.statement
    if state.is_insert and statement.select is not None:
        require_as_it_is(state, noted)
        return state.invoke_statement()
    compiled = _compiled(state)
    own, rows = _own_values(compiled), [checked(table.name, row) for row in _rows(state)]
    if state.is_update:
        columns = _set_columns(compiled, state)
        own = {name: value for name, value in own.items() if name in columns}
    more = [checked(table.name, {_PLACE.sub("", name): value}) for name, value in own.items()]
    _require(noted, _named([*more, *rows], "session_id"))
    return _invoke(state, own, checked(table.name, own), rows)


# --- UPDATE and DELETE --------------------------------------------------------------------------


def _delete(state: ORMExecuteState, noted: Noted, table: Table) -> Result[Any]:
    if table.name == "messages":
        noted.touched |= matched(state, "session_id")
        expected = Expected(noted.connection, ())
        ids = matched(state, "id") if expected.is_watched else set()
        result = state.invoke_statement()
        expected.require_gone(ids)
        return result
    for session_id in sorted(matched(state, "id")):
        deleting.clear_away(noted.connection, session_id)
        noted.cleared.add(session_id)
    return state.invoke_statement()


def _update(state: ORMExecuteState, noted: Noted, table: Table) -> Result[Any]:
    compiled, rows = _compiled(state), [_checked(table, row) for row in _rows(state)]
    columns = _set_columns(compiled, state)
    own = {name: value for name, value in _own_values(compiled).items() if name in columns}
    better = _checked(table, own)
    act = _update_messages if table.name == "messages" else _update_sessions
    return act(state, noted, columns, [better, *rows], lambda: _invoke(state, own, better, rows))


def _set_columns(compiled: Any, state: ORMExecuteState) -> set[str]:
    """What UPDATE sets: there, and only there, SQLAlchemy writes no blank before the sign."""
    statement: Any = state.statement
    sql, quote = str(compiled), compiled.preparer.quote
    return {name for name in statement.table.c.keys() if f" {quote(name)}=" in sql}  # noqa: SIM118 - without keys() it gives columns, not names


def _update_messages(
    state: ORMExecuteState,
    noted: Noted,
    columns: set[str],
    written: list[Row],
    run: Callable[[], Result[Any]],
) -> Result[Any]:
    moved_to = _named(written, "session_id")
    _require(noted, moved_to)
    if COUNTED.intersection(columns):
        noted.touched |= matched(state, "session_id") | moved_to
    expected = Expected(noted.connection, ())
    is_searched = bool(columns.intersection(SEARCHED))
    ids = matched(state, "id") if is_searched or expected.looks_at(state.parameters) else set()
    result = run()
    expected.require_changed(ids, result)
    if is_searched:
        fill_those(noted.connection, ids)
    if "session_id" in columns and not moved_to:  # to where an expression says
        noted.touched.update(all_ids(noted.connection))
    return result


def _update_sessions(
    state: ORMExecuteState,
    noted: Noted,
    columns: set[str],
    written: list[Row],
    run: Callable[[], Result[Any]],
) -> Result[Any]:
    parents = _named(written, "parent_session_id")
    _require(noted, parents)
    ids = matched(state, "id") if columns.intersection(_LOOKED_AT) else set()
    result = run()
    noted.touched |= ids
    for parent in parents:
        for session_id in ids:
            session_changes.refuse_circle(noted.connection, session_id, parent)
    return result
