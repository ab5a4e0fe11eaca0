"""The statements that ask the index of SQLite."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, literal_column, select, text

from hermes_store.database.statements import Statement

__all__ = ["AMONG", "WAITING", "statement", "texts_statement"]

_CONDITIONS = {
    "sources": "s.source IN ({values})",
    "exclude_sources": "s.source NOT IN ({values})",
    "roles": "m.role IN ({values})",
    # The ids of a session lie close together: the range keeps the index from listing the rest.
    "session_id": "m.session_id = :session_id AND {id} BETWEEN"
    " (SELECT min(id) FROM messages WHERE session_id = :session_id) AND"
    " (SELECT max(id) FROM messages WHERE session_id = :session_id)",
    # Of a common word, most of the time would go into looking up whose the others are.
    "exclude_session_id": "{id} NOT IN"
    " (SELECT id FROM messages WHERE session_id = :exclude_session_id)",
    # Few messages are taken back, in most stores none: then no hit is looked up among them.
    "without_rewound": "(NOT EXISTS (SELECT 1 FROM messages WHERE state = 'rewound')"
    " OR {id} NOT IN (SELECT id FROM messages WHERE state = 'rewound'))",
    "only_live": "m.state IS NULL",
    "since": "m.timestamp >= :since",
    "until": "m.timestamp < :until",
    "first_id": "{id} >= :first_id",
    "last_id": "{id} <= :last_id",
    "older_than": "{id} < :older_than",
}
_ORDERS = {
    "relevance": "messages_fts.rowid DESC",
    "relevance of all": "messages_fts.rank, messages_fts.rowid DESC",
    "newest": "messages_fts.rowid DESC",
    "oldest": "messages_fts.rowid",
}


@lru_cache(maxsize=64)
def statement(
    sort: str,
    look: str,
    filters: tuple[tuple[str, int], ...],
    chosen: ColumnElement[bool] | None = None,
    way: str = "",
) -> Statement:
    """The statement for filters of these names; of a list, with so many values.

    In the order "relevance" the newest are ranked; "relevance of all" is faster. It finds all first
    where a `way` through the index is given, and sorts them then.
    """
    order = f"messages_fts.{way}" if way else _ORDERS[sort]
    found = _found(look, filters, chosen).order_by(text(order))
    most: Any = literal_column("-1") if way else bindparam("ranked", type_=BigInteger)
    if sort == "relevance":
        # Reading from the newest on takes FTS5 somewhat longer, but most of it goes into ranks.
        newest = found.add_columns(literal_column("messages_fts.rank").label("score"))
        found = _of(newest.limit(most), "ranked.score, ranked.id DESC")
    elif way:
        found = _of(found.limit(most), "ranked.id" if sort == "oldest" else "ranked.id DESC")
    page = found.limit(bindparam("limit", type_=BigInteger))
    return Statement(page.offset(bindparam("offset", type_=BigInteger)))


def _of(found: Select[Any], order: str) -> Select[Any]:
    ranked = found.subquery("ranked")
    return select(literal_column("ranked.id")).select_from(ranked).order_by(text(order))


WAITING = "m.id > (SELECT indexed_upto FROM search_index)"
"""Of the messages that wait to be indexed."""
AMONG = "m.id IN (SELECT value FROM json_each(:among))"


@lru_cache(maxsize=64)
def texts_statement(
    some: str,
    filters: tuple[tuple[str, int], ...],
    chosen: ColumnElement[bool] | None = None,
) -> Statement:
    """Those of some messages that the filters keep, as the index takes them."""
    conditions = [some, *_conditions(filters, "m.id")]
    tables = ["messages AS m", "messages_text AS v ON v.id = m.id", *_joined(conditions)]
    found: Select[Any] = select(text("m.id, v.content, v.tool_name, v.tool_calls, v.forms"))
    found = found.select_from(text(" CROSS JOIN ".join(tables)))
    found = found.where(*map(text, conditions), *(() if chosen is None else (chosen,)))
    return Statement(found.order_by(text("m.id")))


def _found(
    look: str, filters: tuple[tuple[str, int], ...], chosen: ColumnElement[bool] | None
) -> Select[Any]:
    conditions = ["messages_fts MATCH :match", *_conditions(filters, "messages_fts.rowid")]
    tables = ["messages_fts"]
    used = " ".join(conditions)
    if look or chosen is not None or " m." in used or "s.source" in used:
        tables.append("messages AS m ON m.id = messages_fts.rowid")
    tables += _joined(conditions)
    if look:
        tables.append("messages_text AS v ON v.id = m.id")
        conditions.append(look)
    found: Select[Any] = select(literal_column("messages_fts.rowid").label("id"))
    found = found.select_from(text(" CROSS JOIN ".join(tables)))
    return found.where(*map(text, conditions), *(() if chosen is None else (chosen,)))


def _conditions(filters: tuple[tuple[str, int], ...], id_: str) -> list[str]:
    """The conditions of these filters; `id_` is the expression for the id of a message."""
    return [
        _CONDITIONS[name].format(id=id_, values=", ".join(f":{name}_{n}" for n in range(number)))
        for name, number in filters
    ]


def _joined(conditions: list[str]) -> list[str]:
    """What is joined to a message `m` because the conditions read it."""
    reads_session = any("s.source" in each for each in conditions)
    return ["sessions AS s ON s.id = m.session_id"] if reads_session else []
