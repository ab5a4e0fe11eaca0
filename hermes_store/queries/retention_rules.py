"""Rules of retention: what happens by itself to conversations that nobody has used for long.

The rules stand in meta, so they are the same for every process, and a copy of a store has them.
A pinned conversation is never meant.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal, NamedTuple

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import EVERYTHING, SessionFilter
from hermes_store.queries import deleting, listing, meta, properties, session_changes
from hermes_store.queries.paging import ALL
from hermes_store.records import SessionListing

__all__ = [
    "ACTIONS",
    "RetentionDone",
    "RetentionDue",
    "RetentionRule",
    "all_rules",
    "checked",
    "due",
    "is_due_at_close",
    "remove",
    "step",
    "store",
]

Action = Literal["end", "archive", "delete"]
ACTIONS: tuple[Action, ...] = ("end", "archive", "delete")
"""In the order in which rules are applied: what was ended can be deleted."""
_PREFIX = "hermes_store.retention."
_LAST_RUN = "hermes_store.retention_at"
_REASON = "retention"
_MOST_DAYS = 36_500
_PAUSE = 3_600
"""Seconds between two runs at close, of all processes of a store."""


class RetentionRule(NamedTuple):
    """One rule, by its name."""

    name: str
    action: Action
    """"end" marks sessions as ended, "archive" and "delete" are about whole conversations."""
    days: float
    """How long the last activity has to be over."""
    filter: SessionFilter
    """Which sessions are meant; without the times, which are the rule's own."""


class RetentionDue(NamedTuple):
    """What a rule would do now."""

    rule: RetentionRule
    sessions: list[SessionListing]


class RetentionDone(NamedTuple):
    """What a rule did."""

    rule: RetentionRule
    number: int
    """Sessions that were ended, or conversations that were archived or deleted."""


# --- as they are stored ---------------------------------------------------------------------------


def checked(name: Any, action: Any, days: Any, which: SessionFilter) -> RetentionRule:
    """A rule from arguments. Raises `InvalidArgumentError`."""
    known = values.one_of("action", action, ACTIONS)
    length = values.number("days", days)
    if not 0 < length <= _MOST_DAYS:
        remedy = f"give more than 0 and at most {_MOST_DAYS} days"
        raise InvalidArgumentError("days", f"{length:g} cannot be used", remedy)
    plain = _key(name).removeprefix(_PREFIX)
    return RetentionRule(plain, known, length, _usable(known, which))  # type: ignore[arg-type]  # one of them


def _key(name: Any) -> str:
    return values.key("name", f"{_PREFIX}{values.key('name', name)}")


def _usable(action: str, which: SessionFilter) -> SessionFilter:
    wrong = {
        "times of sessions": which.has_times,
        "pinned sessions, which stay": which.pinned,
        "sessions that have ended already": action == "end" and which.open is False,
        "open sessions, which stay": action == "delete" and which.open,
        "archived sessions": action == "archive" and which.archived,
    }
    for what, is_so in wrong.items():
        if is_so:
            remedy = "leave them out: days says when, and the action which"
            raise InvalidArgumentError("filter", f"a rule to {action} takes no {what}", remedy)
    return which


def store(connection: OpenConnection, rule: RetentionRule) -> None:
    """Store a rule, in place of the one of this name."""
    given = {
        each.name: getattr(rule.filter, each.name)
        for each in fields(SessionFilter)
        if getattr(rule.filter, each.name) != getattr(EVERYTHING, each.name)
    }
    value = {"action": rule.action, "days": rule.days, "filter": given}
    meta.put(connection, _key(rule.name), values.encode_json("filter", value))


def remove(connection: OpenConnection, name: str) -> bool:
    """Remove a rule; return whether it was there."""
    return meta.delete_one(connection, _key(name))


def all_rules(connection: OpenConnection) -> list[RetentionRule]:
    """The rules in the order in which they are applied. Raises `InvalidArgumentError`."""
    rules = [
        _read(key.removeprefix(_PREFIX), value) for key, value in meta.items(connection, _PREFIX)
    ]
    return sorted(rules, key=lambda rule: (ACTIONS.index(rule.action), rule.name))


def _read(name: str, value: Any) -> RetentionRule:
    try:
        which = SessionFilter(**{"archived": None, **value["filter"]})
        return checked(name, value["action"], value["days"], which)
    except (InvalidArgumentError, TypeError, KeyError) as exc:
        remedy = "remove it, and add it again"
        raise InvalidArgumentError("rule", f"{name!r} cannot be read ({exc})", remedy) from exc


# --- applied --------------------------------------------------------------------------------------


def step(connection: OpenConnection, rule: RetentionRule, now: float) -> int:
    """Apply a rule to the first that it means, in one short transaction; 0: none is left."""
    which, before = _meant(rule, now), _before(rule, now)
    if rule.action == "end":
        return len(session_changes.end_batch(connection, before, _REASON, which))
    if rule.action == "archive":
        return len(properties.archive_batch(connection, which, now))
    return deleting.prune_batch(connection, which)


def due(connection: OpenConnection, rule: RetentionRule, now: float) -> list[SessionListing]:
    """What a rule means now: sessions to end, else a session of each conversation."""
    which = _meant(rule, now)
    if rule.action == "end":
        ids = session_changes.idle(connection, _before(rule, now), which)
    elif rule.action == "archive":
        ids = properties.archivable(connection, which)
    else:
        return listing.list_rich(connection, which, ALL, conversations=True, ended=True)
    return listing.list_these(connection, ids)


def _before(rule: RetentionRule, now: float) -> float:
    return values.days_before("days", rule.days, now)


def _meant(rule: RetentionRule, now: float) -> SessionFilter:
    which = replace(rule.filter, pinned=False, active_until=_before(rule, now))
    if rule.action == "archive":
        return replace(which, archived=False)
    return replace(which, open=False) if rule.action == "delete" else which


def is_due_at_close(connection: OpenConnection, now: float) -> bool:
    """Whether a process that closes has to apply the rules: another one may just have done so."""
    last = meta.get(connection, _LAST_RUN, 0.0)
    if isinstance(last, (int, float)) and 0 <= now - last < _PAUSE:
        return False
    if not meta.items(connection, _PREFIX):
        return False
    meta.put(connection, _LAST_RUN, values.encode_json("now", now))
    return True
