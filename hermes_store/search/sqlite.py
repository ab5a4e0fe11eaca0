"""Search on SQLite: a tree becomes an FTS5 expression, and the rows it finds become hits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.exc import DatabaseError

from hermes_store.errors import InvalidArgumentError, SearchIndexError
from hermes_store.records import ContextMessage, SearchHit
from hermes_store.search import index
from hermes_store.search.characters import fold, join_up, set_apart
from hermes_store.search.matching import Finder, finder, has_symbols, matches, spellings
from hermes_store.search.query import And, Not, Phrase, Query, parse, phrases
from hermes_store.search.snippets import beginning, snippet

__all__ = ["expression", "search"]

Sort = Literal["relevance", "newest", "oldest"]
Place = Literal["content", "tool_name", "tool_calls"]

_ORDER = {
    "relevance": "bm25(messages_fts), messages_fts.rowid DESC",
    "newest": "messages_fts.rowid DESC",
    "oldest": "messages_fts.rowid",
}
_PLACES: tuple[Place, ...] = ("content", "tool_name", "tool_calls")
_IDS_AT_ONCE = 500
_CONTEXT_LENGTH = 200


def search(
    connection: Connection,
    query: str,
    *,
    sources: Sequence[str] = (),
    exclude_sources: Sequence[str] = (),
    roles: Sequence[str] = (),
    session_id: str | None = None,
    exclude_session_id: str | None = None,
    since: float | None = None,
    until: float | None = None,
    limit: int = 20,
    offset: int = 0,
    sort: Sort = "relevance",
    markers: tuple[str, str] = (">>>", "<<<"),
) -> list[SearchHit]:
    """Return a page of the messages that hold what `query` asks for.

    `since` (included) and `until` (excluded) are epoch seconds. Of equal relevance, the newest
    comes first. Raises `InvalidArgumentError`, and `SearchIndexError` when the index cannot answer.
    """
    if sort not in _ORDER:
        raise InvalidArgumentError("sort", f"{sort!r} is no order", f"use one of {list(_ORDER)}")
    tree = parse(query)
    index.require_ready(connection)
    if tree is None:
        return []
    filters = {
        "sources": sources,
        "exclude_sources": exclude_sources,
        "roles": roles,
        "session_id": session_id,
        "exclude_session_id": exclude_session_id,
        "since": since,
        "until": until,
    }
    values = {name: value for name, value in filters.items() if value not in (None, (), [])}
    values |= {"match": expression(tree), "typed": query, "limit": limit, "offset": offset}
    try:
        ids = _find(connection, tree, sort, values)
        return _hits(connection, ids, [finder(phrase) for phrase in phrases(tree)], markers)
    except DatabaseError as exc:
        if index.is_index_damage(exc):
            raise SearchIndexError("damaged", str(exc.orig)) from exc
        raise


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


def _find(connection: Connection, tree: Query, sort: str, values: dict[str, Any]) -> Sequence[int]:
    """The ids of one page, in order."""
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
        dbapi.create_function("hermes_symbols", 1 + len(_PLACES), _holds_what_was_typed)
        connection.info["hermes_symbols"] = True


def _holds_what_was_typed(typed: str, *texts: str | None) -> bool:
    tree = _parsed(typed)
    assert tree is not None
    return matches(tree, [fold(join_up(each)) for each in texts if each])


_parsed = lru_cache(maxsize=16)(parse)


# --- hits ---------------------------------------------------------------------------------------

_MESSAGES = text("""\
SELECT m.id, m.session_id, m.role, m.timestamp, m.tool_name,
    s.source, s.model, s.title, s.started_at AS session_started,
    CASE WHEN m.content_format IS NULL THEN m.content ELSE v.content END AS content, v.tool_calls
FROM messages AS m JOIN messages_search AS v ON v.id = m.id
LEFT JOIN sessions AS s ON s.id = m.session_id
WHERE m.id IN :ids""").bindparams(bindparam("ids", expanding=True))

_CONTEXT = text("""\
WITH hit(id, session_id) AS (SELECT id, session_id FROM messages WHERE id IN :ids),
near(hit, id) AS (
    SELECT id, id FROM hit
    UNION ALL SELECT id, (SELECT max(m.id) FROM messages AS m
        WHERE m.session_id = hit.session_id AND m.id < hit.id) FROM hit
    UNION ALL SELECT id, (SELECT min(m.id) FROM messages AS m
        WHERE m.session_id = hit.session_id AND m.id > hit.id) FROM hit
)
SELECT near.hit, m.role,
    CASE WHEN m.content_format IS NULL THEN substr(m.content, 1, 200) ELSE v.content END AS content
FROM near JOIN messages AS m ON m.id = near.id JOIN messages_search AS v ON v.id = m.id
ORDER BY near.hit, m.id""").bindparams(bindparam("ids", expanding=True))


def _hits(
    connection: Connection, ids: Sequence[int], finders: Sequence[Finder], markers: tuple[str, str]
) -> list[SearchHit]:
    hits: dict[int, SearchHit] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = {"ids": ids[start : start + _IDS_AT_ONCE]}
        for row in connection.execute(_MESSAGES, some):
            hits[row.id] = _hit(row, finders, markers)
        for row in connection.execute(_CONTEXT, some):
            content = join_up(row.content or "")[:_CONTEXT_LENGTH]
            hits[row.hit]["context"].append(ContextMessage(role=row.role, content=content))
    if len(hits) < len(ids):
        raise SearchIndexError("damaged", "it lists messages that do not exist")
    return [hits[id_] for id_ in ids]


def _hit(row: Row[Any], finders: Sequence[Finder], markers: tuple[str, str]) -> SearchHit:
    place, shown = _shown(row, finders, markers)
    return SearchHit(
        id=row.id,
        session_id=row.session_id,
        role=row.role,
        timestamp=row.timestamp,
        tool_name=row.tool_name,
        snippet=shown,
        matched_in=place,
        source=row.source,
        model=row.model,
        title=row.title,
        session_started=row.session_started,
        context=[],
    )


def _shown(row: Row[Any], finders: Sequence[Finder], markers: tuple[str, str]) -> tuple[Place, str]:
    """The first place that holds something of what was looked for, and a piece of it."""
    for place in _PLACES:
        found = snippet(join_up(getattr(row, place) or ""), finders, markers)
        if found is not None:
            return place, found
    return "content", beginning(row.content or "")
