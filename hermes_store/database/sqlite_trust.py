"""How far a SQLite file is trusted: its pages and its schema may be written to do harm."""

from __future__ import annotations

from contextlib import closing
from functools import cache
from typing import Any

from hermes_store.database.driver import sqlite_driver

__all__ = ["distrust", "distrust_schema", "end_distrust"]


def distrust(dbapi: Any) -> None:
    """Expect a hostile file, to look at it: https://sqlite.org/security.html.

    Not on the connections that work: with memory-mapped files SQLite then checks a page each time
    that it is used, and a search takes three times as long.
    """
    dbapi.execute("PRAGMA cell_size_check=ON")
    dbapi.execute("PRAGMA trusted_schema=OFF")


def end_distrust(dbapi: Any) -> None:
    """Make a connection that looked at a file one that works."""
    dbapi.execute("PRAGMA cell_size_check=OFF")
    dbapi.execute("PRAGMA trusted_schema=ON")


def distrust_schema(dbapi: Any) -> None:
    """Do not trust the schema of a connection that works, where the triggers of the store can."""
    if _works_distrusted():
        dbapi.execute("PRAGMA trusted_schema=OFF")


@cache
def _works_distrusted() -> bool:
    """Whether the store's triggers work in a schema that is not trusted.

    SQLite 3.40 counts FTS5 as unsafe there, newer ones do not.
    """
    if sqlite_driver().sqlite_version_info < (3, 41):
        return False
    with closing(sqlite_driver().connect(":memory:")) as probe:
        try:
            probe.executescript(_LIKE_OURS)
        except sqlite_driver().Error:
            return False
    return True


_LIKE_OURS = """
PRAGMA trusted_schema=OFF;
CREATE TABLE message (content);
CREATE VIEW text (id, content) AS SELECT rowid, CASE WHEN json_valid(content)
    THEN json_extract(content, '$') ELSE replace(content, char(9), ' ') END FROM message;
CREATE VIRTUAL TABLE found USING fts5(content, content=text, content_rowid=id);
CREATE TRIGGER index_it AFTER INSERT ON message BEGIN
    INSERT INTO found(rowid, content) SELECT id, content FROM text WHERE id = new.rowid; END;
INSERT INTO message VALUES ('"x"');
"""
