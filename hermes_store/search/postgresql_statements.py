"""The statements that look at the index of PostgreSQL."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    text,
)

from hermes_store.database.statements import Statement

__all__ = ["Shape", "counted", "few", "look", "statement"]

_CONDITIONS = {
    "sources": "s.source = ANY(CAST(:sources AS text[]))",
    "exclude_sources": "s.source <> ALL(CAST(:exclude_sources AS text[]))",
    "roles": "m.role = ANY(CAST(:roles AS text[]))",
    "session_id": "m.session_id = :session_id",
    "exclude_session_id": "m.session_id <> :exclude_session_id",
    "without_rewound": "m.state IS DISTINCT FROM 'rewound'",
    "only_live": "m.state IS NULL",
    "since": "m.timestamp >= :since",
    "until": "m.timestamp < :until",
    "first_id": "m.id >= :first_id",
    "last_id": "m.id <= :last_id",
}
# OFFSET, because the server would begin with all messages that have the words, or with sessions.
_AMONG = "(SELECT * FROM messages WHERE id = ANY(CAST(:among AS bigint[])) OFFSET 0)"
_KEEPING_MOST = {"without_rewound", "only_live", "first_id", "last_id"}


class Shape(NamedTuple):
    """What the SQL of a search depends on; the rest are parameters."""

    sort: str
    filters: tuple[str, ...]
    chosen: ColumnElement[bool] | None
    is_doubted: bool
    """The index finds messages that may not be right: how many are needed is not known."""

    has_symbols: bool = False
    """The texts tell which of these messages are right."""

    @property
    def keeps_most(self) -> bool:
        """Whether the filters leave out few messages."""
        return set(self.filters) <= _KEEPING_MOST and self.chosen is None

    @property
    def is_among_few(self) -> bool:
        """Whether it is known which messages may be hits."""
        return "among" in self.filters


_ID: ColumnElement[int] = literal_column("m.id", BigInteger)
_FOUND_ID: ColumnElement[int] = literal_column("found.id", BigInteger)
_BOUND, _FAR, _LIMIT, _OFFSET, _RANKED = (
    bindparam(name, type_=BigInteger) for name in ("bound", "far", "limit", "offset", "ranked")
)
_MATCHES = text("m.search @@ CAST(:possible AS tsquery)")
_IS_SURE = text("m.search @@ CAST(:sure AS tsquery) AS sure")
_SCORE = "ts_rank(found.search, CAST(:possible AS tsquery), 1)"


@lru_cache(maxsize=64)
def statement(shape: Shape, part: str) -> Statement:
    """`look`, to run as it is."""
    return Statement(look(shape, part))


@lru_cache(maxsize=64)
def look(shape: Shape, part: str) -> Select[Any]:
    """A look at the first ids of the order; at the rest or its near ids; or at the whole."""
    found = _found(shape, part).limit(_LIMIT)
    if shape.sort != "relevance":
        return found
    score = text(f"{_SCORE} AS score")
    columns = [_FOUND_ID, score, text("found.sure")] if shape.is_doubted else [_FOUND_ID, score]
    return _of_newest(found, *columns).order_by(_FOUND_ID.desc())


@lru_cache(maxsize=64)
def few(shape: Shape) -> Statement:
    """A page of all hits: the server ranks the newest of them."""
    found = _found(shape, "whole")
    if shape.sort == "relevance":
        newest = _of_newest(found.limit(_RANKED), _FOUND_ID)
        found = newest.order_by(text(f"{_SCORE} DESC"), _FOUND_ID.desc())
    return Statement(found.limit(_LIMIT).offset(_OFFSET))


def _found(shape: Shape, part: str) -> Select[Any]:
    conditions = [_CONDITIONS[name] for name in shape.filters if name != "among"]
    tables = f"{_AMONG if shape.is_among_few else 'messages'} AS m"
    if any("s.source" in each for each in conditions):
        tables += " JOIN sessions AS s ON s.id = m.session_id"
    chosen = () if shape.chosen is None else (shape.chosen,)
    columns: list[Any] = [_ID.label("id"), _IS_SURE] if shape.is_doubted else [_ID.label("id")]
    found = select(*columns).select_from(text(tables))
    found = found.where(_MATCHES, *map(text, conditions), *chosen, *_side(shape.sort, part))
    return found.order_by(_order(shape.sort, part))


def _of_newest(found: Select[Any], *columns: Any) -> Select[Any]:
    """Outside, so that only vectors of the newest hits are read: most are not in the row itself."""
    each = found.add_columns(text("m.search AS search")).subquery("found")
    return select(*columns).select_from(each)


@lru_cache(maxsize=3)
def counted(sort: str) -> Statement:
    """The number of messages in the first look that hold the words."""
    number = select(func.count()).select_from(text("messages AS m"))
    return Statement(number.where(_MATCHES, *_side(sort, "first")))


def _side(sort: str, part: str) -> list[ColumnElement[bool]]:
    if part == "whole":
        return []
    if part == "first":
        return [_ID <= _BOUND if sort == "oldest" else _ID >= _BOUND]
    near = [] if part != "near" else [_ID <= _FAR if sort == "oldest" else _ID >= _FAR]
    return [_ID > _BOUND if sort == "oldest" else _ID < _BOUND, *near]


def _order(sort: str, part: str) -> ColumnElement[int]:
    # The server knows no index of a sum, so it cannot walk the messages.
    is_sorted = part in {"near", "sorted", "whole"}
    order = _ID + literal_column("0", BigInteger) if is_sorted else _ID
    return order if sort == "oldest" else order.desc()
