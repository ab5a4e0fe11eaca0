"""Search on SQLite: a tree becomes an FTS5 expression, which finds the ids of messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, text

from hermes_store.search.characters import fold, join_up, set_apart
from hermes_store.search.index import is_index_damage, require_ready
from hermes_store.search.matching import has_symbols, matches, spellings
from hermes_store.search.query import And, Not, Phrase, Query, parse

__all__ = ["as_written", "expression", "find", "is_index_damage", "require_ready"]

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
    "sources": "s.source IN :sources",
    "exclude_sources": "s.source NOT IN :exclude_sources",
    "roles": "m.role IN :roles",
    # The ids of a session lie close together: the range keeps the index from listing the rest.
    "session_id": "m.session_id = :session_id AND messages_fts.rowid BETWEEN"
    " (SELECT min(id) FROM messages WHERE session_id = :session_id) AND"
    " (SELECT max(id) FROM messages WHERE session_id = :session_id)",
    "exclude_session_id": "m.session_id <> :exclude_session_id",
    "since": "m.timestamp >= :since",
    "until": "m.timestamp < :until",
}
_LISTS = ("sources", "exclude_sources", "roles")
_SYMBOLS = """hermes_symbols(:typed,
    CASE WHEN m.content_format IS NULL THEN m.content ELSE v.content END,
    v.tool_name, v.tool_calls)"""


def find(
    connection: Connection,
    tree: Query,
    typed: str,
    sort: str,
    filters: dict[str, Any],
    *,
    limit: int,
    offset: int,
) -> Sequence[int]:
    """The ids of one page, in order. `tree` is what `typed` says."""
    values = {
        **filters,
        "match": expression(tree),
        "typed": typed,
        "limit": limit,
        "offset": offset,
    }
    conditions = ["messages_fts MATCH :match"]
    conditions += [condition for name, condition in _CONDITIONS.items() if name in values]
    tables = ["messages_fts"]
    if values.keys() & _CONDITIONS.keys() or has_symbols(tree):
        tables.append("messages AS m ON m.id = messages_fts.rowid")
    if values.keys() & {"sources", "exclude_sources"}:
        tables.append("sessions AS s ON s.id = m.session_id")
    if has_symbols(tree):
        _offer_symbols(connection)
        tables.append("messages_search AS v ON v.id = m.id")
        conditions.append(_SYMBOLS)
    lists: list[Any] = [bindparam(name, expanding=True) for name in values if name in _LISTS]
    statement = text(
        f"SELECT messages_fts.rowid FROM {' CROSS JOIN '.join(tables)}"  # noqa: S608 - constants
        f" WHERE {' AND '.join(conditions)} ORDER BY {_ORDER[sort]} LIMIT :limit OFFSET :offset"
    )
    return connection.scalars(statement.bindparams(*lists), values).all()


def _offer_symbols(connection: Connection) -> None:
    """Give this connection the function that looks at the text of what the index found."""
    if "hermes_symbols" not in connection.info:
        dbapi: Any = connection.connection.dbapi_connection
        dbapi.create_function("hermes_symbols", 4, _holds_what_was_typed)
        connection.info["hermes_symbols"] = True


def _holds_what_was_typed(typed: str, *texts: str | None) -> bool:
    tree = _parsed(typed)
    assert tree is not None
    return matches(tree, [fold(join_up(each)) for each in texts if each])


_parsed = lru_cache(maxsize=16)(parse)


as_written = join_up
"""A text of the view without the blanks that set characters apart."""
