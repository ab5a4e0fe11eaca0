"""The statements that ask the index of SQLite."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, literal_column, select, text

from hermes_store.database.statements import Statement

__all__ = ["statement"]

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
    # Few messages are taken back, in most stores none: then no hit is looked up among them.
    "without_rewound": "(NOT EXISTS (SELECT 1 FROM messages WHERE state = 'rewound')"
    " OR messages_fts.rowid NOT IN (SELECT id FROM messages WHERE state = 'rewound'))",
    "only_live": "m.state IS NULL",
    "since": "m.timestamp >= :since",
    "until": "m.timestamp < :until",
    "first_id": "messages_fts.rowid >= :first_id",
    "last_id": "messages_fts.rowid <= :last_id",
    "older_than": "messages_fts.rowid < :older_than",
}


@lru_cache(maxsize=64)
def statement(
    sort: str,
    look: str,
    filters: tuple[tuple[str, int], ...],
    chosen: ColumnElement[bool] | None = None,
) -> Statement:
    """The statement for filters of these names; of a list, with so many values."""
    order = "messages_fts.rowid" if sort == "oldest" else "messages_fts.rowid DESC"
    found = _found(look, filters, chosen).order_by(text(order))
    if sort == "relevance":
        # Reading from the newest on takes FTS5 somewhat longer, but most of it goes into ranks.
        newest = found.add_columns(literal_column("bm25(messages_fts)").label("score"))
        ranked = newest.limit(bindparam("ranked", type_=BigInteger)).subquery("ranked")
        found = select(literal_column("ranked.id")).select_from(ranked)
        found = found.order_by(text("ranked.score, ranked.id DESC"))
    page = found.limit(bindparam("limit", type_=BigInteger))
    return Statement(page.offset(bindparam("offset", type_=BigInteger)))


def _found(
    look: str, filters: tuple[tuple[str, int], ...], chosen: ColumnElement[bool] | None
) -> Select[Any]:
    conditions = ["messages_fts MATCH :match"]
    for name, number in filters:
        values = ", ".join(f":{name}_{n}" for n in range(number))
        conditions.append(_CONDITIONS[name].format(values=values))
    tables = ["messages_fts"]
    used = " ".join(conditions)
    if look or chosen is not None or " m." in used or "s.source" in used:
        tables.append("messages AS m ON m.id = messages_fts.rowid")
    if "s.source" in used:
        tables.append("sessions AS s ON s.id = m.session_id")
    if look:
        tables.append("messages_search AS v ON v.id = m.id")
        conditions.append(look)
    found: Select[Any] = select(literal_column("messages_fts.rowid").label("id"))
    found = found.select_from(text(" CROSS JOIN ".join(tables)))
    return found.where(*map(text, conditions), *(() if chosen is None else (chosen,)))
