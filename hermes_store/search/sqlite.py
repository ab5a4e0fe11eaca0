"""Search on SQLite: a tree becomes an FTS5 expression, which finds the ids of messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, literal_column, select, text

from hermes_store.database.callback import Callback
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.search.budget import Budget
from hermes_store.search.characters import join_up, set_apart
from hermes_store.search.chosen import ChosenSessions
from hermes_store.search.matching import has_symbols, in_doubt, matches, spellings
from hermes_store.search.query import And, Not, Phrase, Query
from hermes_store.search.ranking import best_page
from hermes_store.search.searched import compared

__all__ = [
    "GIVEN_IDS",
    "as_written",
    "expression",
    "find",
    "given",
    "within",
]

RANKED = 8_000
"""So many of the newest hits are ranked: some 20 ms where the file is larger than the memory."""

_STEPS = 1_000
"""Of SQLite's machine between two looks at the clock."""
# --- tree to MATCH ------------------------------------------------------------------------------


def expression(tree: Query, *, sure: bool = False) -> str:
    """The FTS5 expression that finds every message `tree` asks for.

    It finds more than that where symbols decide; `sure`: nothing but such messages, and where
    there can be none an empty text.
    """
    if isinstance(tree, Phrase):
        return "" if sure and has_symbols(tree) else _phrase(tree)
    if isinstance(tree, Not):
        wanted = expression(tree.wanted, sure=sure)
        unwanted = expression(tree.unwanted, sure=not sure)
        return f"({wanted}) NOT ({unwanted})" if wanted and unwanted else wanted
    found = [_grouped(operand, sure=sure) for operand in tree.operands]
    if isinstance(tree, And):
        return " AND ".join(found) if all(found) else ""
    return " OR ".join(filter(None, found))


def _grouped(tree: Query, *, sure: bool) -> str:
    found = expression(tree, sure=sure)
    return found if isinstance(tree, Phrase) or not found else f"({found})"


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
    # Few messages are taken back, in most stores none: then no hit is looked up among them.
    "without_rewound": "(NOT EXISTS (SELECT 1 FROM messages WHERE state = 'rewound')"
    " OR messages_fts.rowid NOT IN (SELECT id FROM messages WHERE state = 'rewound'))",
    "only_live": "m.state IS NULL",
    "since": "m.timestamp >= :since",
    "until": "m.timestamp < :until",
}
_LISTS = ("sources", "exclude_sources", "roles")
_LOOK = """hermes_symbols(CAST(m.content AS BLOB), m.content_format,
    CAST(m.tool_name AS BLOB), CAST(m.tool_calls AS BLOB), v.forms)"""
"""As bytes, because text that other tools have written may be no UTF-8."""
_LOOK_UNLESS_SURE = f"""CASE WHEN messages_fts.rowid IN
    (SELECT rowid FROM messages_fts WHERE messages_fts MATCH :sure) THEN 1 ELSE {_LOOK} END"""  # noqa: S608 - constants


def find(
    connection: OpenConnection,
    tree: Query,
    sort: str,
    filters: dict[str, Any],
    budget: Budget,
    *,
    chosen: ChosenSessions | None,
    limit: int,
    offset: int,
) -> Sequence[int]:
    """The ids of one page, in order. Raises `SearchTooBroadError`."""
    look, sure = "", ""
    held: AbstractContextManager[None] = nullcontext()
    if has_symbols(tree):
        sure = expression(tree, sure=True)
        look = _LOOK_UNLESS_SURE if sure else _LOOK
        held = _symbols_of(connection).looked_for(tree, budget)
    lists = {name: tuple(given) for name, given in filters.items() if name in _LISTS}
    numbers = tuple((name, len(lists.get(name, ()))) for name in filters)
    condition, asked = chosen or (None, {})
    values = {
        "match": expression(tree),
        "sure": sure,
        **{name: given for name, given in filters.items() if name not in _LISTS},
        **{f"{name}_{n}": one for name, given in lists.items() for n, one in enumerate(given)},
        **asked,
    }

    def found(order: str, most: int, skipped: int) -> list[int]:
        statement = _statement(order, look, numbers, condition)
        page = {"limit": most, "offset": skipped, "ranked": RANKED}
        return [id_ for (id_,) in statement.run(connection, **values, **page)]

    with held:
        if sort == "relevance":
            return best_page(found, limit, offset, RANKED)
        return found(sort, limit, offset)


@lru_cache(maxsize=64)
def _statement(
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


class _Symbols:
    """The function of a connection that looks at the text of what the index found."""

    def __init__(self, connection: OpenConnection) -> None:
        self._callback = Callback(self._are_there)
        connection.dbapi.create_function("hermes_symbols", 5, self._callback.call)

    def looked_for(self, tree: Query, budget: Budget) -> Callback:
        """What holds the function while a statement calls it."""
        self._tree, self._budget = in_doubt(tree), budget
        return self._callback

    def _are_there(self, *places: bytes | str | None) -> bool:
        self._budget.check()
        *texts, forms = map(_text, places)
        return matches(self._tree, compared(texts, forms and join_up(forms)), self._budget)


def _symbols_of(connection: OpenConnection) -> _Symbols:
    offered = connection.core.info
    if "hermes_symbols" not in offered:
        offered["hermes_symbols"] = _Symbols(connection)
    return cast("_Symbols", offered["hermes_symbols"])


def _text(stored: bytes | str | None) -> str | None:
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else stored


@contextmanager
def within(connection: OpenConnection, budget: Budget) -> Iterator[None]:
    """End statements once `budget` is over: `SearchTooBroadError`."""
    if not budget.seconds:
        yield
        return
    clock = Callback(lambda: budget.is_over)
    connection.dbapi.set_progress_handler(clock.call, _STEPS)
    try:
        with clock:
            yield
    except connection.errors as exc:
        if "interrupted" in str(getattr(exc, "orig", exc)):
            budget.check()
        raise
    finally:
        connection.dbapi.set_progress_handler(None, 0)


# --- what is shared with PostgreSQL -------------------------------------------------------------

GIVEN_IDS = "SELECT value FROM json_each(:ids)"


def given(ids: Sequence[int]) -> str:
    """The parameter of `GIVEN_IDS` for a list of ids."""
    return json.dumps(ids)


as_written = join_up
"""A text of the view without the blanks that set characters apart."""
