"""Store sessions that export wrote, one by one, and link them to their parents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import InvalidArgumentError
from hermes_store.queries import titles
from hermes_store.queries.session_changes import link_parent
from hermes_store.queries.sessions import get
from hermes_store.records import ImportResult
from hermes_store.transfer.parsing import ParsedSession, parse
from hermes_store.transfer.slices import store_in_slices
from hermes_store.transfer.storing import WHOLE, Imported, import_session, number_stored

__all__ = ["import_all"]


def import_all(
    given: Iterable[Any],
    write: Callable[..., Any],
    *,
    result: ImportResult | None = None,
    on_bad: Callable[[InvalidArgumentError], object] | None = None,
    on_there: Callable[[ParsedSession], object] | None = None,
) -> ImportResult:
    """Store sessions one by one with `write(function, …)`; then link those to their parents.

    `on_there` is called with each session that was there already.
    """
    if not isinstance(given, Iterable):
        problem = f"{values.shown(given)} is not a list"
        raise InvalidArgumentError("sessions", problem, "give dicts, as exported")
    done = ImportResult() if result is None else _checked_result(result)
    parents: dict[str, tuple[str, str | None]] = {}
    in_use: dict[str, str] = {}
    unknown: set[str] = set()
    states: set[str] = set()
    for one in given:
        try:
            session = parse(one)
            imported = _store(session, write, done)
            if imported.there == WHOLE and on_there is not None:
                on_there(session)
        except InvalidArgumentError as exc:
            if on_bad is None:
                raise
            on_bad(exc)
            continue
        unknown |= session.unknown
        states |= session.unknown_states
        session_id, title = session.columns["id"], session.columns["title"]
        if session_id in done.retitled and title != imported.title:
            in_use[session_id] = title
        if imported.parent_to_link is not None:
            parents[session_id] = imported.parent_to_link, session.columns["link"]
    _join(done, parents, in_use, write)
    done.ignored_fields.extend(sorted(unknown))
    done.unknown_states.extend(sorted(states))
    return done


def _checked_result(result: Any) -> ImportResult:
    if isinstance(result, ImportResult):
        return result
    problem = f"{values.shown(result)} cannot be filled"
    raise InvalidArgumentError("result", problem, "give a hermes_store.ImportResult() or None")


def _join(
    done: ImportResult,
    parents: Mapping[str, tuple[str, str | None]],
    in_use: Mapping[str, str],
    write: Callable[..., Any],
) -> None:
    """Link sessions to their parents; give titles that parts of the same conversation have."""
    for child, (parent, link) in parents.items():
        if not write(link_parent, child, parent, link) and child not in done.skipped:
            done.orphaned.append(child)
    for session_id, title in in_use.items():
        if write(titles.regain, session_id, title):
            _retitled(done, session_id, title)


def _store(session: ParsedSession, write: Callable[..., Any], done: ImportResult) -> Imported:
    before = done.sessions, done.messages
    try:
        if session.is_long:
            imported = store_in_slices(session, write, done)
        else:
            imported = cast("Imported", write(import_session, session))
        _count(session, imported, done)
    except KeyboardInterrupt:
        if session.found and session.found[0] != WHOLE:
            _recount(session, write(_stored, session), before, done)
        raise
    return imported


def _count(session: ParsedSession, imported: Imported, done: ImportResult) -> None:
    session_id = session.columns["id"]
    if imported.there == WHOLE:
        done.skipped.append(session_id)
        return
    done.sessions += 1
    done.messages += session.number - imported.there
    if imported.title != session.columns["title"] or session.cut_title:
        done.retitled[session_id] = imported.title or ""
    if session.cut_title:
        done.too_long_titles[session_id] = session.cut_title


def _recount(
    session: ParsedSession, stored: int | None, before: tuple[int, int], done: ImportResult
) -> None:
    """Count a session after Ctrl-C, which may have come between its COMMIT and its count."""
    sessions, messages = before
    done.unfinished.pop(session.columns["id"], None)
    if stored == WHOLE:
        done.sessions, done.messages = sessions + 1, messages + session.number - session.found[0]
    elif stored is not None:
        done.unfinished[session.columns["id"]] = stored


def _stored(connection: OpenConnection, session: ParsedSession) -> int | None:
    """How many messages of a session are stored, `WHOLE` for all; None when it is not there."""
    there = get(connection, session.columns["id"])
    return None if there is None else number_stored(connection, there)


def _retitled(done: ImportResult, session_id: str, title: str) -> None:
    """Say that a session has the title that it came with, unless that was cut."""
    if session_id in done.too_long_titles:
        done.retitled[session_id] = title
    else:
        del done.retitled[session_id]
