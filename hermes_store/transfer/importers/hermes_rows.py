"""What the rows of Hermes Agent's tables are here: the one place that knows its columns.

A column of ours with the same name and meaning gets the value; what has no column goes into `extra`
under its own name, unless it is NULL or what its table declares as the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_store import values
from hermes_store.models import links
from hermes_store.models.stored import messages, names, sessions
from hermes_store.models.visibility import state_of_flags
from hermes_store.queries.periods import SECONDS_AN_HOUR
from hermes_store.queries.usage_records import COSTS
from hermes_store.transfer.importers.hermes_values import (
    LONGEST_ID,
    Note,
    Row,
    altered,
    in_json,
    json_of,
    moment_of,
    number_of,
    readable,
    shown,
    text_of,
    whole_of,
    without_defaults,
)

__all__ = [
    "link_of",
    "message_of",
    "session_of",
    "usage_of",
]

_JSON_CONTENT = "\0json:"
"""Stands before content that is not a text."""
_MARKERS = {
    "_delegate_from": links.DELEGATE,
    "_branched_from": links.BRANCH,
    "_reset_from": links.RESET,
}
_RESET_BY = (
    "reset",
    "session_reset",
    "session_switch",
    "idle",
    "daily",
    "suspended",
    "resume_pending_expired",
)
_BY_END = {
    "compression": links.COMPRESSION,
    "branched": links.BRANCH,
    **dict.fromkeys(_RESET_BY, links.RESET),
}
"""Reasons of a parent's end, as revision 0015 reads them."""
_OF_SESSIONS = {"session_key": "key"}
_OF_MESSAGES = {"platform_message_id": "external_id"}
_TIMES = ("started_at", "ended_at", "last_active")
_NOT_FOR_EXTRA = {"rowid_", "system_prompt_hash", "active", "compacted"}
_JSON_IN_EXTRA = {"codex_message_items", "origin_json"}


# --- sessions -----------------------------------------------------------------------------------


def session_of(row: Row, defaults: Mapping[str, str | None], note: Note) -> Row:
    """A session as an import takes it, without its messages."""
    given = {_OF_SESSIONS.get(name, name): value for name, value in row.items()}
    session: Row = {
        name: text_of(given.pop(name, None), name, note) for name in names(sessions, "text")
    }
    session |= {name: json_of(given.pop(name, None), note) for name in names(sessions, "json")}
    session |= {
        name: whole_of(given.pop(name), name, note)
        for name in names(sessions, "whole")
        if given.get(name) is not None
    }
    session |= {name: moment_of(given.pop(name, None), name, note) for name in _TIMES}
    session |= {
        name: number_of(given.pop(name, None), name, note)
        for name in names(sessions, "number")
        if name not in _TIMES
    }
    if len(session["source"] or "") > LONGEST_ID:
        session["source"] = altered(session["source"][:LONGEST_ID], "a source too long", note)
    if len(session["key"] or "") > LONGEST_ID:
        given["session_key"], session["key"] = session["key"], None
        note("its session_key is in extra: it is too long for a key")
    session["pinned"] = bool(given.pop("pinned", 0))
    if session["archived"] is not None:  # there a flag, here a time
        ended = session["ended_at"] or session["last_active"] or session["started_at"] or 0.0
        session["archived"] = ended if session["archived"] else None
    session["extra"] = _extra(session["extra"], given, defaults, note)
    return session


def link_of(session: Row, parent: Row | None) -> str | None:
    """What the parent is to a session, where that can be told.

    A session that goes on after a compression inherits the markers of its parent, so one that
    names another session says nothing.
    """
    config = session["model_config"]
    marked = config if isinstance(config, dict) else {}
    for marker, link in _MARKERS.items():
        if session["parent_session_id"] and marked.get(marker) == session["parent_session_id"]:
            return link
    if parent is None or not isinstance(parent.get("ended_at"), (int, float)):
        return None
    if (session["started_at"] or 0) < parent["ended_at"]:
        return None
    return _BY_END.get(str(parent.get("end_reason")))


# --- messages -----------------------------------------------------------------------------------


def message_of(row: Row, defaults: Mapping[str, str | None], note: Note) -> Row:
    """A message as an import takes it."""
    given = {_OF_MESSAGES.get(name, name): value for name, value in row.items()}
    message: Row = {
        name: text_of(given.pop(name, None), name, note) for name in names(messages, "text")
    }
    message |= {name: json_of(given.pop(name, None), note) for name in names(messages, "json")}
    message["content"] = _content(given.pop("content", None), note)
    message["id"] = shown(given.pop("id", None)) or row["rowid_"]
    message["timestamp"] = moment_of(given.pop("timestamp", None), "timestamp", note)
    tokens = given.pop("token_count", None)
    message["token_count"] = None if tokens is None else whole_of(tokens, "token_count", note)
    message["state"] = state_of_flags(row.get("active"), row.get("compacted"))
    message["role"] = message["role"] or altered("unknown", "a role that is missing", note)
    message["extra"] = _extra(message["extra"], given, defaults, note)
    return message


def _content(stored: Any, note: Note) -> Any:
    text = text_of(stored, "content", note)
    if text is None or not text.startswith(_JSON_CONTENT):
        return text
    json = text.removeprefix(_JSON_CONTENT)
    decoded = values.decode_json(json)
    return in_json(decoded, json, note) if isinstance(decoded, (list, dict)) else text


# --- usage --------------------------------------------------------------------------------------

_LONGEST_TEXT_OF_USAGE = 100
_KEYS = {
    "task": "task",
    "model": "model",
    "provider": "billing_provider",
    "base_url": "billing_base_url",
    "mode": "billing_mode",
}
_SUMS = {
    "calls": "api_call_count",
    **{
        f"{kind}_tokens": f"{kind}_tokens"
        for kind in ("input", "output", "cache_read", "cache_write", "reasoning")
    },
}


def usage_of(row: Row, started: float, note: Note) -> Row:
    """What one model of a session used, as an export writes it; a cost of 0 is not known there."""
    last = moment_of(row.get("last_seen"), "last_seen", note)
    last = started if last is None else last
    first = moment_of(row.get("first_seen"), "first_seen", note)
    usage: Row = {ours: _short(row.get(theirs), theirs, note) for ours, theirs in _KEYS.items()}
    for ours, theirs in _SUMS.items():
        usage[ours] = max(whole_of(row.get(theirs) or 0, theirs, note), 0)
    for name in COSTS:
        cost = number_of(row.get(name), name, note) or None
        is_one = cost is None or 0 < cost <= values.MOST_DOLLARS
        usage[name] = cost if is_one else altered(None, f"{name} {cost}", note)
    first = last if first is None else first
    return {**usage, "hour": int(last // SECONDS_AN_HOUR), "first_at": first, "last_at": last}


def _short(value: Any, name: str, note: Note) -> str:
    """A text that is part of a key, so that it has a bound."""
    text = readable(value)[:_LONGEST_TEXT_OF_USAGE]
    if text != (value or ""):
        note(f"{name} is {text!r} now")
    return text


# --- what has no column --------------------------------------------------------------------------


def _extra(there: Any, given: Row, defaults: Mapping[str, str | None], note: Note) -> Row | None:
    """What has no column, beside what stood in a column `extra`."""
    more = {name: value for name, value in given.items() if name not in _NOT_FOR_EXTRA}
    extra = without_defaults(more, defaults)
    for name in _JSON_IN_EXTRA & extra.keys():
        extra[name] = in_json(values.decode_json(extra[name]), extra[name], note)
    if there is not None:
        extra |= there if isinstance(there, dict) else {"extra": there}
    return extra or None
