"""Symbols in a search on SQLite: a function of the connection reads what the index found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import text

from hermes_store.database.callback import Callback
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.search.budget import Budget
from hermes_store.search.characters import join_up
from hermes_store.search.matching import in_doubt, matches
from hermes_store.search.query import Query
from hermes_store.search.searched import compared
from hermes_store.values import read_text

__all__ = ["LOOK", "looked_for", "right"]

# As bytes, because text that other tools have written may not be valid UTF-8.
LOOK = """CASE WHEN :sure <> '' AND m.id IN
    (SELECT rowid FROM messages_fts WHERE messages_fts MATCH :sure
        AND rowid BETWEEN :sure_first AND :sure_last) THEN 1 ELSE
    hermes_symbols(CAST(m.content AS BLOB), m.content_format, CAST(m.tool_name AS BLOB),
        CAST(m.tool_calls AS BLOB), v.forms) END"""
"""Whether a message `m`, of which `v` is the view, is right; `sure` finds some that are.

It finds all between two ids at once: so few as may be asked for.
"""

_RIGHT = Statement(
    text(f"""\
SELECT m.id FROM json_each(:ids) AS given CROSS JOIN messages AS m ON m.id = given.value
CROSS JOIN messages_text AS v ON v.id = m.id WHERE {LOOK} ORDER BY given.key""")  # noqa: S608 - constants
)


def right(connection: OpenConnection, ids: Sequence[int], values: Mapping[str, Any]) -> list[int]:
    """Which of the given messages are right, in the order in which they are given."""
    ends = {"sure_first": min(ids, default=0), "sure_last": max(ids, default=0)}
    found = _RIGHT.run(connection, ids=json.dumps(ids), sure=values["sure"], **ends)
    return [id_ for (id_,) in found]


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
        *texts, forms = map(read_text, places)
        return matches(self._tree, compared(texts, forms and join_up(forms)), self._budget)


def looked_for(connection: OpenConnection, tree: Query, budget: Budget) -> Callback:
    """What holds the function, while statements with `LOOK` run."""
    offered = connection.core.info
    if "hermes_symbols" not in offered:
        offered["hermes_symbols"] = _Symbols(connection)
    return cast("_Symbols", offered["hermes_symbols"]).looked_for(tree, budget)
