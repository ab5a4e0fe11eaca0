"""Compare DDL by what it says: SQLite keeps the text as it was typed."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["canonical"]

_TOKEN = re.compile(
    r"""(?P<skipped>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])
      | (?P<word>\w+)
      | (?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)


# Every check of a store asks for the same forty texts twice.
@lru_cache(maxsize=256)
def canonical(sql: str) -> str:
    """`sql` in one spelling: without differences of blanks, comments, case and quotes of names.

    >>> canonical('CREATE INDEX IF NOT EXISTS "i" ON t(a Desc);')
    'create index i on t ( a desc )'
    """
    tokens = [_token(match) for match in _TOKEN.finditer(sql) if match.lastgroup != "skipped"]
    while tokens and tokens[-1] == ";":
        tokens.pop()
    return " ".join(tokens).replace(" if not exists ", " ", 1)


def _token(match: re.Match[str]) -> str:
    if match.lastgroup == "string":
        return match[0]
    if match.lastgroup == "quoted":
        return match[0][1:-1].lower()
    return match[0].lower()
