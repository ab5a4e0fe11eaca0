"""Search on SQLite: a tree becomes an FTS5 expression, which finds the ids of messages."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import text

from hermes_store.database.callback import Callback
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.search.characters import join_up, set_apart
from hermes_store.search.matching import has_symbols, matches, spellings
from hermes_store.search.query import And, Not, Phrase, Query, parse
from hermes_store.search.searched import compared

__all__ = [
    "GIVEN_IDS",
    "as_written",
    "expression",
    "find",
    "given",
]

_ORDER = {
    "relevance": "bm25(messages_fts), messages_fts.rowid DESC",
    "newest": "messages_fts.rowid DESC",
    "oldest": "messages_fts.rowid",
}
# --- tree to MATCH ------------------------------------------------------------------------------


def expression(tree: Query) -> str:
    """The FTS5 expression that finds every message `tree` asks for.

    It finds more than that where symbols decide.
    """
    if isinstance(tree, Phrase):
        return _phrase(tree)
    if isinstance(tree, Not):
        wanted = expression(tree.wanted)
        if has_symbols(tree.unwanted):
            return wanted
        return f"({wanted}) NOT ({expression(tree.unwanted)})"
    operator = " AND " if isinstance(tree, And) else " OR "
    return operator.join(_grouped(operand) for operand in tree.operands)


def _grouped(tree: Query) -> str:
    return expression(tree) if isinstance(tree, Phrase) else f"({expression(tree)})"


def _phrase(phrase: Phrase) -> str:
    star = "*" if phrase.prefix else ""
    forms = [f'"{_quotable(form)}"{star}' for form in spellings(phrase.text)]
    return forms[0] if len(forms) == 1 else f"({' OR '.join(forms)})"


def _quotable(typed: str) -> str:
    """`typed` as it can stand in an FTS5 string: there are no words in what is left out."""
    return set_apart(_NOT_IN_A_STRING.sub(" ", typed))


_NOT_IN_A_STRING = re.compile('["\0\ud800-\udfff]')


# --- finding ------------------------------------------------------------------------------------


_CONDITIONS = {
    "sources": "s.source IN ({values})",
    "exclude_sources": "s.source NOT IN ({values})",
    "roles": "m.role IN ({values})",
    # The ids of a session lie close together: the range keeps the index from listing the rest.
    "session_id": "m.session_id = :session_id AND messages_fts.rowid BETWEEN"
    " (SELECT min(id) FROM messages WHERE session_id = :session_id) AND"
    " (SELECT max(id) FROM messages WHERE session_id = :session_id)",
    # Of a common word, most of the time would go into looking up whose the others are.
    "exclude_session_id": "messages_fts.rowid NOT IN"
    " (SELECT id FROM messages WHERE session_id = :exclude_session_id)",
    "since": "m.timestamp >= :since",
    "until": "m.timestamp < :until",
}
_LISTS = ("sources", "exclude_sources", "roles")
_SYMBOLS = """hermes_symbols(:typed, CAST(m.content AS BLOB), m.content_format,
    CAST(m.tool_name AS BLOB), CAST(m.tool_calls AS BLOB), v.forms)"""
"""As bytes, because text that other tools have written may be no UTF-8."""


def find(
    connection: OpenConnection,
    tree: Query,
    typed: str,
    sort: str,
    filters: dict[str, Any],
    *,
    limit: int,
    offset: int,
) -> Sequence[int]:
    """The ids of one page, in order. `tree` is what `typed` says."""
    symbols = has_symbols(tree)
    held: AbstractContextManager[None] = _offer_symbols(connection) if symbols else nullcontext()
    lists = {name: tuple(given) for name, given in filters.items() if name in _LISTS}
    numbers = tuple((name, len(lists.get(name, ()))) for name in filters)
    with held:
        found = _statement(sort, symbols, numbers).run(
            connection,
            match=expression(tree),
            typed=typed,
            limit=limit,
            offset=offset,
            **{name: given for name, given in filters.items() if name not in _LISTS},
            **{f"{name}_{n}": one for name, given in lists.items() for n, one in enumerate(given)},
        )
        return [id_ for (id_,) in found]


@lru_cache(maxsize=64)
def _statement(sort: str, symbols: bool, filters: tuple[tuple[str, int], ...]) -> Statement:
    """The statement for filters of these names; of a list, with so many values."""
    conditions = ["messages_fts MATCH :match"]
    for name, number in filters:
        values = ", ".join(f":{name}_{n}" for n in range(number))
        conditions.append(_CONDITIONS[name].format(values=values))
    tables = ["messages_fts"]
    used = " ".join(conditions)
    if symbols or " m." in used or "s.source" in used:
        tables.append("messages AS m ON m.id = messages_fts.rowid")
    if "s.source" in used:
        tables.append("sessions AS s ON s.id = m.session_id")
    if symbols:
        tables.append("messages_search AS v ON v.id = m.id")
        conditions.append(_SYMBOLS)
    return Statement(
        text(
            f"SELECT messages_fts.rowid FROM {' CROSS JOIN '.join(tables)}"  # noqa: S608 - constants
            f" WHERE {' AND '.join(conditions)} ORDER BY {_ORDER[sort]}"
            " LIMIT :limit OFFSET :offset"
        )
    )


def _offer_symbols(connection: OpenConnection) -> Callback:
    """Give this connection the function that looks at the text of what the index found."""
    offered = connection.core.info
    if "hermes_symbols" not in offered:
        callback = Callback(_holds_what_was_typed)
        connection.dbapi.create_function("hermes_symbols", 6, callback.call)
        offered["hermes_symbols"] = callback
    return cast("Callback", offered["hermes_symbols"])


def _holds_what_was_typed(typed: str, *places: bytes | str | None) -> bool:
    tree = _parsed(typed)
    assert tree is not None
    *texts, forms = map(_text, places)
    return matches(tree, compared(texts, forms and join_up(forms)))


def _text(stored: bytes | str | None) -> str | None:
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else stored


_parsed = lru_cache(maxsize=16)(parse)


# --- what is shared with PostgreSQL -------------------------------------------------------------

GIVEN_IDS = "SELECT value FROM json_each(:ids)"


def given(ids: Sequence[int]) -> str:
    """The parameter of `GIVEN_IDS` for a list of ids."""
    return json.dumps(ids)


as_written = join_up
"""A text of the view without the blanks that set characters apart."""
