"""`search_messages`: from what was typed to a page of hits, on either database."""

# ruff: noqa: S608 - these statements are put together from constants

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import text

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import SearchIndexError
from hermes_store.models.visibility import Include
from hermes_store.records import ContextMessage, SearchHit, SearchPage
from hermes_store.search.bounded import EVERYWHERE, Bound
from hermes_store.search.budget import Budget, require_bounded, require_short
from hermes_store.search.choice import search_of, upkeep_of
from hermes_store.search.chosen import Choosing
from hermes_store.search.codes import decoded
from hermes_store.search.matching import Find, Finder, finder
from hermes_store.search.query import Query, parse, phrases
from hermes_store.search.snippets import Reading, beginning, plain_parts, plain_words, snippet
from hermes_store.search.texts import of_calls, of_content

__all__ = ["search"]

Sort = Literal["relevance", "newest", "oldest"]
Place = Literal["content", "tool_name", "tool_calls"]

_SORTS = ("relevance", "newest", "oldest")
_HIDING: dict[Include, dict[str, Any]] = {
    "live": {"only_live": True},
    "found": {"without_rewound": True},
    "all": {},
}
"""Names of the conditions that hide messages."""
_NEAR = {
    "live": " AND state IS NULL",
    "found": " AND (state IS NULL OR state <> 'rewound')",
    "all": "",
}
"""Which neighbours of a hit are shown."""
_IDS_AT_ONCE = 500
_CONTEXT_LENGTH = 200


def search(
    connection: OpenConnection,
    /,
    query: str,
    chosen: Choosing | None = None,
    *,
    limit: int = 20,
    offset: int = 0,
    sort: Sort = "relevance",
    markers: tuple[str, str] = (">>>", "<<<"),
    include: Include = "found",
    bound: Bound | None = None,
    **filters: Any,
) -> SearchPage:
    """Return a page of the messages that hold what `query` asks for.

    `chosen` finds out which sessions are searched. The filters are `sources`, `exclude_sources`
    and `roles` (lists), `session_id` and `exclude_session_id`, `since` (included) and `until`
    (excluded, both in epoch seconds); an empty one filters nothing. Of equal relevance, the newest
    comes first. Without a `bound` it looks as far as it takes to fill the page. Raises
    `InvalidArgumentError`, `SearchTooBroadError` when it takes longer than `search_timeout`, and
    `SearchIndexError` when the index cannot answer.
    """
    values.one_of("sort", sort, _SORTS)
    require_short(query)
    budget = Budget(connection.search_timeout)  # to read a long query takes milliseconds
    tree, finders = _asked(query)
    upkeep = upkeep_of(connection.backend)
    upkeep.require_ready(connection)
    if tree is None:
        return SearchPage(hits=[], next_id=None, next_at=None)
    given = {name: value for name, value in filters.items() if value not in (None, (), [])}
    given |= _HIDING[include]
    try:
        found_by = search_of(connection.backend)
        with found_by.within(connection, budget):
            reach = EVERYWHERE
            if bound:
                filtered = chosen is not None
                reach = bound.reach(connection, tree, sort, budget, is_filtered=filtered)
            given |= reach.filters
            within = chosen(connection, reach.filters.get("among")) if chosen else None
            ids = found_by.find(
                connection, tree, sort, given, budget, chosen=within, limit=limit, offset=offset
            )
            each_within = [each.within(budget) for each in finders]
            hits = _hits(connection, ids, each_within, markers, include)
            return SearchPage(hits=hits, next_id=reach.next_id, next_at=reach.next_at)
    except connection.errors as exc:
        if upkeep.is_index_damage(exc):
            raise SearchIndexError("damaged", str(getattr(exc, "orig", exc))) from exc
        raise


@lru_cache(maxsize=16)
def _asked(query: str) -> tuple[Query | None, list[Finder]]:
    """What is asked for, and what finds its phrases in a text: the next page asks it again."""
    tree = parse(query)
    if tree is None:
        return None, []
    require_bounded(tree)
    return tree, [finder(phrase) for phrase in phrases(tree)]


# --- hits ---------------------------------------------------------------------------------------


@lru_cache
def _page(given_ids: str, texts: str, include: Include) -> Statement:
    """What is shown of each message of `given_ids`, and of the one before and the one after it."""
    near = _NEAR[include]
    beginning_of = "substr({}.content, 1, " + str(_CONTEXT_LENGTH) + ")"
    return Statement(
        text(f"""\
WITH hit(id) AS ({given_ids})
SELECT m.id, {_texts("m.session_id", "m.role")}, m.timestamp, {_texts("m.tool_name", "m.state")},
    {_texts("s.source", "s.model", "s.title")}, s.started_at,
    {_content("m", "m.content", texts)}, m.folded IS NOT NULL,
    CAST(CASE WHEN m.folded IS NOT NULL THEN m.tool_calls WHEN m.tool_calls IS NOT NULL
        THEN (SELECT v.tool_calls FROM {texts} AS v WHERE v.id = m.id) END AS TEXT),
    {_texts("b.role")}, {_content("b", beginning_of.format("b"), texts)},
    {_texts("a.role")}, {_content("a", beginning_of.format("a"), texts)}
FROM hit JOIN messages AS m ON m.id = hit.id
LEFT JOIN sessions AS s ON s.id = m.session_id
LEFT JOIN messages AS b ON b.id = (
    SELECT id FROM messages WHERE session_id = m.session_id AND id < m.id{near}
    ORDER BY id DESC LIMIT 1)
LEFT JOIN messages AS a ON a.id = (
    SELECT id FROM messages WHERE session_id = m.session_id AND id > m.id{near}
    ORDER BY id LIMIT 1)""")
    )


def _texts(*columns: str) -> str:
    """The columns, as text also where another program stored bytes in SQLite's."""
    return ", ".join(f"CAST({column} AS TEXT)" for column in columns)


def _content(message: str, plain: str, texts: str) -> str:
    """Two columns: whether the content is still JSON, of text NULL; and the content.

    Of structured content the view `texts` gives the texts, unless it gives them folded.
    """
    return f"""\
CASE WHEN {message}.content_format IS NULL THEN NULL
        WHEN {message}.folded IS NULL THEN 0 ELSE 1 END,
    CAST(CASE WHEN {message}.content_format IS NULL THEN {plain}
        WHEN {message}.folded IS NOT NULL THEN {message}.content
        ELSE (SELECT v.content FROM {texts} AS v WHERE v.id = {message}.id) END AS TEXT)"""


def _hits(
    connection: OpenConnection,
    ids: Sequence[int],
    finders: Sequence[Find],
    markers: tuple[str, str],
    include: Include,
) -> list[SearchHit]:
    index = search_of(connection.backend)
    hits: dict[int, SearchHit] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = index.given(ids[start : start + _IDS_AT_ONCE])
        page = _page(index.GIVEN_IDS, index.TEXTS, include)
        for row in page.run(connection, ids=some).fetchall():
            hits[row[0]] = _hit(row, index.as_written, finders, markers)
    if len(hits) < len(ids) and index.IS_APART:
        raise SearchIndexError("damaged", "it lists messages that do not exist")
    return [hits[id_] for id_ in ids if id_ in hits]


def _hit(
    row: Sequence[Any],
    as_written: Callable[[str], str],
    finders: Sequence[Find],
    markers: tuple[str, str],
) -> SearchHit:
    (
        id_, session_id, role, timestamp, tool_name, state, source, model, title, started,
        is_json, stored, is_folded, calls,
        role_before, is_json_before, before, role_after, is_json_after, after,
    ) = row  # fmt: skip
    written = _written(is_json, stored, as_written)
    context: list[ContextMessage] = [{"role": role, "content": written[:_CONTEXT_LENGTH]}]
    if role_before is not None:
        before = _written(is_json_before, before, as_written)[:_CONTEXT_LENGTH]
        context.insert(0, {"role": role_before, "content": before})
    if role_after is not None:
        after = _written(is_json_after, after, as_written)[:_CONTEXT_LENGTH]
        context.append({"role": role_after, "content": after})
    content = of_content(written, None) if is_json is None else written
    place: Place = "content"
    piece = snippet(content, plain_words, finders, markers)
    if piece is None:
        called = "" if not calls else of_calls(calls) if is_folded else as_written(calls)
        texts: dict[Place, str] = {
            "content": content,
            "tool_name": tool_name or "",
            "tool_calls": called,
        }
        place, piece = _elsewhere(texts, finders, markers)
    return {
        "id": id_, "session_id": session_id, "role": role, "timestamp": timestamp,
        "tool_name": tool_name, "state": state, "source": source, "model": model, "title": title,
        "session_started": started, "matched_in": place, "snippet": piece, "context": context,
    }  # fmt: skip


def _written(is_json: int | None, text: str | None, as_written: Callable[[str], str]) -> str:
    """A text as it was written; of structured content the texts in it."""
    if text is None or is_json is None:
        return text or ""
    return of_content(text, "json") if is_json else as_written(text)


_ELSEWHERE: tuple[tuple[Reading, Place], ...] = (
    (plain_words, "tool_name"), (plain_words, "tool_calls"),
    (plain_parts, "content"), (plain_parts, "tool_name"), (plain_parts, "tool_calls"),
)  # fmt: skip


def _elsewhere(
    texts: dict[Place, str], finders: Sequence[Find], markers: tuple[str, str]
) -> tuple[Place, str]:
    """The first place but the words of the content that holds something of what was looked for."""
    for read, place in _ELSEWHERE:
        found = snippet(texts[place], read, finders, markers)
        if found is not None:
            return place, found
    for place, stored in texts.items():
        found = snippet(decoded(stored), plain_parts, finders, markers)
        if found is not None:
            return place, found
    return "content", beginning(texts["content"])
