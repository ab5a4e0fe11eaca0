"""The triggers of a SQLite file, read anew when another program may have changed them."""

from __future__ import annotations

from typing import Any

__all__ = ["Triggers"]

_VERSIONS = ("PRAGMA schema_version", "PRAGMA temp.schema_version")
_MADE = """\
SELECT sql FROM main.sqlite_master WHERE type = 'trigger'
UNION ALL SELECT 'temp.' || sql FROM temp.sqlite_master WHERE type = 'trigger'"""


class Triggers:
    """As a connection sees them: those of the file, and temporary ones, which are its own.

    An authorizer would be told of them for nothing. But SQLite takes a Ctrl-C in a function that it
    calls for an error of its own.
    """

    __slots__ = ("_made", "_schema")

    def __init__(self) -> None:
        self._schema: list[tuple[int]] = []
        self._made: set[str] = set()

    def made(self, dbapi: Any, has_had_caller: bool) -> set[str]:
        """How each was made. While a transaction writes, nobody but its caller can add one.

        Only a caller's own SQL makes temporary ones: without any so far, they are not asked for.

        The driver is asked, as for BEGIN and COMMIT: after a Ctrl-C in SQLAlchemy a statement that
        has not ended would keep the lock.
        """
        versions = _VERSIONS if has_had_caller else _VERSIONS[:1]
        schema = [dbapi.execute(version).fetchone() for version in versions]
        if schema != self._schema:
            self._made = {sql for (sql,) in dbapi.execute(_MADE).fetchall()}
            self._schema = schema
        return self._made
