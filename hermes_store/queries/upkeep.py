"""Whether what is stored agrees with itself: references and counters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, Table, Text, and_, case, func, literal_column, or_, select
from sqlalchemy.exc import DatabaseError

from hermes_store.database.connection import OpenConnection
from hermes_store.database.on_servers import either
from hermes_store.database.statements import Statement
from hermes_store.models.stored import messages, sessions, usage
from hermes_store.models.visibility import STATES, visible
from hermes_store.search import triggers
from hermes_store.search.choice import upkeep_of

__all__ = ["problems"]

_MOST_NAMED = 5


def problems(connection: OpenConnection) -> list[str]:
    """What is wrong, in words; nothing when all is well."""
    foreign = map(triggers.described, triggers.of(connection))
    return [*_damage(connection), *_disagreements(connection), *foreign]


def _damage(connection: OpenConnection) -> list[str]:
    """What is wrong with the file; since SQLite 3.44 a search index may be, too."""
    try:
        return connection.backend.damage(connection.core)
    except DatabaseError as exc:
        if not upkeep_of(connection.backend).is_index_damage(exc):
            raise
        return [f"the file cannot be checked: {exc.orig}"]


def _disagreements(connection: OpenConnection) -> Iterator[str]:
    for fact, statement in _STATEMENTS.items():
        found = [value for (value,) in statement.run(connection)]
        if found:
            named = ", ".join(map(str, found[:_MOST_NAMED]))
            more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
            yield f"{fact}: {named}{more}"


def _miscounted() -> Select[Any]:
    actual = (
        select(func.count())
        .where(messages.c.session_id == sessions.c.id, visible("live"))
        .correlate(sessions)
        .scalar_subquery()
    )
    return select(sessions.c.id).where(func.coalesce(sessions.c.message_count, 0) != actual)


def _without_session(of: Table) -> Select[Any]:
    known = select(sessions.c.id).where(sessions.c.id == of.c.session_id)
    return select(of.c.session_id).where(~known.exists()).distinct()


def _without_parent() -> Select[Any]:
    parents = sessions.alias()
    known = select(parents.c.id).where(parents.c.id == sessions.c.parent_session_id)
    named = sessions.c.parent_session_id.is_not(None)
    return select(sessions.c.id).where(named, ~known.exists())


def _in_circles() -> Select[Any]:
    """No session without a parent, or whose parent is missing, leads to them."""
    parents = sessions.alias()
    known = select(parents.c.id).where(parents.c.id == sessions.c.parent_session_id)
    reached = select(sessions.c.id).where(~known.exists()).cte("reached", recursive=True)
    reached = reached.union_all(
        select(sessions.c.id).join(reached, sessions.c.parent_session_id == reached.c.id)
    )
    return select(sessions.c.id).where(
        sessions.c.id.is_not(None), sessions.c.id.not_in(select(reached.c.id))
    )


def _linked_to_nothing() -> Select[Any]:
    linked = sessions.c.link.is_not(None)
    return select(sessions.c.id).where(linked, sessions.c.parent_session_id.is_(None))


def _not_to_be_named() -> Select[Any]:
    """Sessions of other tools: a server stores no NUL."""
    is_empty = sessions.c.id == literal_column("''")
    has_nul = func.instr(sessions.c.id, func.char(literal_column("0"))) > literal_column("0")
    shown = case((is_empty, literal_column("''''''", Text)), else_=sessions.c.id)
    return select(shown).where(either(or_(is_empty, has_nul), on_servers=is_empty))


def _in_unknown_state() -> Select[Any]:
    return select(messages.c.id).where(and_(*(messages.c.state != known for known in STATES)))


_FACTS = {
    "sessions whose message_count is not the number of their messages": _miscounted(),
    "messages of sessions that do not exist": _without_session(messages),
    "usage of sessions that do not exist": _without_session(usage),
    "sessions whose parent does not exist": _without_parent(),
    "sessions whose parents form a circle": _in_circles(),
    "sessions that have a link but no parent": _linked_to_nothing(),
    "sessions whose id no call takes (export them, and import the lines with other ids)": (
        _not_to_be_named()
    ),
    f"messages whose state is not one of {', '.join(STATES)}": _in_unknown_state(),
}
_STATEMENTS = {
    fact: Statement(found.order_by(*found.selected_columns)) for fact, found in _FACTS.items()
}
