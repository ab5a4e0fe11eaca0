"""`search_messages`: from what was typed to a page of hits, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, Row, bindparam, text
from sqlalchemy.exc import DatabaseError

from hermes_store.errors import InvalidArgumentError, SearchIndexError
from hermes_store.records import ContextMessage, SearchHit
from hermes_store.search import postgresql, sqlite
from hermes_store.search.matching import Finder, finder
from hermes_store.search.query import parse, phrases
from hermes_store.search.snippets import beginning, snippet

__all__ = ["search"]

Sort = Literal["relevance", "newest", "oldest"]
Place = Literal["content", "tool_name", "tool_calls"]

_SORTS = ("relevance", "newest", "oldest")
_PLACES: tuple[Place, ...] = ("content", "tool_name", "tool_calls")
_IDS_AT_ONCE = 500
_CONTEXT_LENGTH = 200


def search(
    connection: Connection,
    /,
    query: str,
    *,
    limit: int = 20,
    offset: int = 0,
    sort: Sort = "relevance",
    markers: tuple[str, str] = (">>>", "<<<"),
    **filters: Any,
) -> list[SearchHit]:
    """Return a page of the messages that hold what `query` asks for.

    The filters are `sources`, `exclude_sources` and `roles` (lists), `session_id` and
    `exclude_session_id`, `since` (included) and `until` (excluded, both in epoch seconds); an
    empty one filters nothing. Of equal relevance, the newest comes first. Raises
    `InvalidArgumentError`, and `SearchIndexError` when the index cannot answer.
    """
    if sort not in _SORTS:
        raise InvalidArgumentError("sort", f"{sort!r} is no order", f"use one of {_SORTS}")
    tree = parse(query)
    index = _index_of(connection)
    index.require_ready(connection)
    if tree is None:
        return []
    given = {name: value for name, value in filters.items() if value not in (None, (), [])}
    try:
        ids = index.find(connection, tree, query, sort, given, limit=limit, offset=offset)
        return _hits(connection, ids, [finder(phrase) for phrase in phrases(tree)], markers)
    except DatabaseError as exc:
        if index.is_index_damage(exc):
            raise SearchIndexError("damaged", str(exc.orig)) from exc
        raise


def _index_of(connection: Connection) -> ModuleType:
    return sqlite if connection.dialect.name == "sqlite" else postgresql


# --- hits ---------------------------------------------------------------------------------------

_MESSAGES = text("""\
SELECT m.id, m.session_id, m.role, m.timestamp, m.tool_name,
    s.source, s.model, s.title, s.started_at AS session_started,
    CASE WHEN m.content_format IS NULL THEN m.content ELSE v.content END AS content, v.tool_calls
FROM messages AS m JOIN messages_search AS v ON v.id = m.id
LEFT JOIN sessions AS s ON s.id = m.session_id
WHERE m.id IN :ids""").bindparams(bindparam("ids", expanding=True, type_=BigInteger))

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
ORDER BY near.hit, m.id""").bindparams(bindparam("ids", expanding=True, type_=BigInteger))


def _hits(
    connection: Connection, ids: Sequence[int], finders: Sequence[Finder], markers: tuple[str, str]
) -> list[SearchHit]:
    as_written = _index_of(connection).as_written
    hits: dict[int, SearchHit] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = {"ids": ids[start : start + _IDS_AT_ONCE]}
        for row in connection.execute(_MESSAGES, some):
            texts = {place: as_written(getattr(row, place) or "") for place in _PLACES}
            hits[row.id] = _hit(row, texts, finders, markers)
        for row in connection.execute(_CONTEXT, some):
            content = as_written(row.content or "")[:_CONTEXT_LENGTH]
            hits[row.hit]["context"].append(ContextMessage(role=row.role, content=content))
    if len(hits) < len(ids):
        raise SearchIndexError("damaged", "it lists messages that do not exist")
    return [hits[id_] for id_ in ids]


def _hit(
    row: Row[Any], texts: dict[Place, str], finders: Sequence[Finder], markers: tuple[str, str]
) -> SearchHit:
    place, shown = _shown(texts, finders, markers)
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


def _shown(
    texts: dict[Place, str], finders: Sequence[Finder], markers: tuple[str, str]
) -> tuple[Place, str]:
    """The first place that holds something of what was looked for, and a piece of it."""
    for place in _PLACES:
        found = snippet(texts[place], finders, markers)
        if found is not None:
            return place, found
    return "content", beginning(texts["content"])
