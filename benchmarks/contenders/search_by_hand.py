"""Searching without the store: its SQL by `sqlite3` alone, and the original's way."""

from __future__ import annotations

import json
import re
from typing import Any

from benchmarks.contenders.by_hand import connect
from hermes_store.search.sqlite import RANKED
from hermes_store.settings import Settings

SOURCE = (
    "CROSS JOIN messages AS m ON m.id = messages_fts.rowid"
    " CROSS JOIN sessions AS s ON s.id = m.session_id"
)
PAGE = """
WITH hit(id) AS (SELECT value FROM json_each(:ids))
SELECT m.id, m.session_id, m.role, m.timestamp, m.tool_name, m.state, s.source, s.model, s.title,
    s.started_at, CASE WHEN m.content_format IS NULL THEN m.content
        ELSE (SELECT v.content FROM messages_search AS v WHERE v.id = m.id) END,
    CASE WHEN m.tool_calls IS NOT NULL
        THEN (SELECT v.tool_calls FROM messages_search AS v WHERE v.id = m.id) END,
    b.role, CASE WHEN b.content_format IS NULL THEN substr(b.content, 1, 200)
        ELSE (SELECT v.content FROM messages_search AS v WHERE v.id = b.id) END,
    a.role, CASE WHEN a.content_format IS NULL THEN substr(a.content, 1, 200)
        ELSE (SELECT v.content FROM messages_search AS v WHERE v.id = a.id) END
FROM hit JOIN messages AS m ON m.id = hit.id
LEFT JOIN sessions AS s ON s.id = m.session_id
LEFT JOIN messages AS b ON b.id = (
    SELECT max(id) FROM messages WHERE session_id = m.session_id AND id < m.id
        AND (state IS NULL OR state <> 'rewound'))
LEFT JOIN messages AS a ON a.id = (
    SELECT min(id) FROM messages WHERE session_id = m.session_id AND id > m.id
        AND (state IS NULL OR state <> 'rewound'))"""
REWOUND = "SELECT id FROM messages WHERE state = 'rewound'"
KEYS = (
    "id", "session_id", "role", "timestamp", "tool_name", "state", "source", "model", "title",
    "session_started",
)  # fmt: skip


class SearchByHand:
    """The two statements of the store, dicts with the same keys, a snippet cut by `re`."""

    PAGE = PAGE
    given = staticmethod(json.dumps)

    def __init__(self, path: str) -> None:
        self.db = connect(path, Settings())
        self.close = self.db.close

    def search(
        self, match: str, words: str, *, newest: bool = False, source: str | None = None
    ) -> list[dict[str, Any]]:
        ids = self._find(match, newest, source)
        if not ids:
            return []
        pattern = re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
        rows = self.db.execute(self.PAGE, {"ids": self.given(ids)}).fetchall()
        hits = {row[0]: hit(row, pattern) for row in rows}
        return [hits[message_id] for message_id in ids]

    def _find(self, match: str, newest: bool, source: str | None) -> list[int]:
        found = (
            "SELECT messages_fts.rowid AS id, bm25(messages_fts) AS score"
            f" FROM messages_fts {SOURCE if source else ''}"
            " WHERE messages_fts MATCH ?"
            f" AND (NOT EXISTS ({REWOUND}) OR messages_fts.rowid NOT IN ({REWOUND}))"
            f" {'AND s.source = ?' if source else ''} ORDER BY messages_fts.rowid DESC"
        )
        if newest:
            statement = found.replace(", bm25(messages_fts) AS score", "")
        else:
            statement = f"SELECT id FROM ({found} LIMIT {RANKED}) ORDER BY score, id DESC"
        asked = (match, source) if source else (match,)
        rows = self.db.execute(f"{statement} LIMIT 20 OFFSET 0", asked).fetchall()
        return [message_id for (message_id,) in rows]


def hit(row: tuple[Any, ...], pattern: re.Pattern[str]) -> dict[str, Any]:
    texts = {"content": row[10] or "", "tool_name": row[4] or "", "tool_calls": row[11] or ""}
    place = next((name for name, text in texts.items() if pattern.search(text)), "content")
    near = ((row[12], row[13]), (row[2], row[10]), (row[14], row[15]))
    shown = {
        "snippet": cut(texts[place], pattern),
        "matched_in": place,
        "context": [
            {"role": role, "content": (content or "")[:200]} for role, content in near if role
        ],
    }
    return dict(zip(KEYS, row, strict=False)) | shown


def cut(text: str, pattern: re.Pattern[str]) -> str:
    """About three hundred characters with the words marked."""
    match = pattern.search(text)
    start = max(match.start() - 60, 0) if match else 0
    return pattern.sub(r">>>\g<0><<<", text[start : start + 300])


class OriginalSearch:
    """The query of the original: all rows of the page joined, a context query for each hit."""

    QUERY = """
    SELECT m.id, m.session_id, m.role, snippet(messages_fts, 0, '>>>', '<<<', '...', 40), m.content,
        m.timestamp, m.tool_name, s.source, s.model, s.started_at
    FROM messages_fts JOIN messages AS m ON m.id = messages_fts.rowid
    JOIN sessions AS s ON s.id = m.session_id
    WHERE messages_fts MATCH ? {and_source} ORDER BY rank LIMIT 20 OFFSET 0"""
    NEIGHBOURS = """
    SELECT role, content FROM messages
    WHERE session_id = ? AND id BETWEEN ? - 1 AND ? + 1 ORDER BY id"""

    def __init__(self, path: str) -> None:
        self.db = connect(path, Settings())
        self.close = self.db.close

    def search(self, match: str, _words: str, *, source: str | None = None) -> list[dict[str, Any]]:
        query = self.QUERY.format(and_source="AND s.source = ?" if source else "")
        rows = self.db.execute(query, (match, source) if source else (match,)).fetchall()
        return [{"row": row, "context": self._neighbours(row)} for row in rows]

    def _neighbours(self, row: tuple[Any, ...]) -> list[dict[str, Any]]:
        near = self.db.execute(self.NEIGHBOURS, (row[1], row[0], row[0])).fetchall()
        return [{"role": role, "content": (content or "")[:200]} for role, content in near]
