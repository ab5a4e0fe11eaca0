"""The keywords of a repository: what each means, its unit, and the values it takes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import URL

from hermes_store.errors import InvalidArgumentError

__all__ = ["Settings", "make_settings"]

SYNCHRONOUS = ("NORMAL", "FULL", "EXTRA")
_FOREVER = 86_400.0 * 365
_BIGGEST = 2**40

# name: (smallest, greatest) value of a number
_RANGES: dict[str, tuple[float, float]] = {
    "pool_size": (1, 1_000),
    "pool_timeout": (0.0, _FOREVER),
    "write_pool_size": (1, 1_000),
    "batch_size": (1, 10_000),
    "batch_wait_ms": (0.0, 60_000.0),
    "queue_size": (1, 1_000_000),
    "lock_timeout": (0.0, _FOREVER),
    "busy_timeout": (0, 3_600_000),
    "mmap_size": (0, _BIGGEST),
    "cache_size": (-_BIGGEST, _BIGGEST),
    "journal_size_limit": (0, _BIGGEST),
    "wal_autocheckpoint": (1, 1_000_000),
    "statement_timeout": (0.0, _FOREVER),
}


@dataclass(frozen=True)
class Settings:
    """How a repository uses its database. Every field is a keyword of `SessionRepository`."""

    pool_size: int = 5
    """Most read connections open at once."""
    pool_timeout: float = 30.0
    """Seconds a read waits for a free connection before `PoolExhaustedError`."""
    write_pool_size: int = 2
    """Most write connections open at once, each with a transaction of its own (PostgreSQL)."""
    batch_size: int = 50
    """Most operations committed together."""
    batch_wait_ms: float = 0.0
    """Milliseconds a write waits for company, on one connection then; 0: never."""
    enable_batching: bool = True
    """False: every write is a transaction of its own."""
    queue_size: int = 1_024
    """Most writes waiting at once; further callers are held back until there is room."""
    lock_timeout: float = 20.0
    """Seconds a write is tried again while the database is locked, before `StoreBusyError`."""
    synchronous: str = "NORMAL"
    """NORMAL survives a killed process, FULL and EXTRA also a power cut (SQLite)."""
    busy_timeout: int = 250
    """Milliseconds SQLite itself waits for a lock before the store tries again."""
    mmap_size: int = 256 * 1024 * 1024
    """Bytes of the file mapped into memory (SQLite)."""
    cache_size: int = -8_192
    """Page cache of each connection: pages, or KiB when negative (SQLite)."""
    journal_size_limit: int = 64 * 1024 * 1024
    """Bytes the write-ahead log is cut back to after a checkpoint (SQLite)."""
    wal_autocheckpoint: int = 8_000
    """Pages in the write-ahead log that start a passive checkpoint (SQLite)."""
    sqlite: str | None = None
    """The SQLite library of this process: "sqlite3" or "pysqlite3"; None: HERMES_STORE_SQLITE says,
    else the standard library's (SQLite)."""
    statement_timeout: float = 0.0
    """Seconds a statement may run, 0: no limit (PostgreSQL)."""
    read_url: str | URL | None = field(default=None, repr=False)
    """Where reads go when not to the store itself: a replica, which may lag (PostgreSQL)."""
    auto_migrate: bool | None = None
    """Upgrade an old schema at opening; None: yes for a SQLite file, no for a server."""


def make_settings(**keywords: Any) -> Settings:
    """Build `Settings` from keywords; None means the default.

    Raises `InvalidArgumentError` that names the keyword.
    """
    known = {each.name for each in fields(Settings)}
    given = {name: value for name, value in keywords.items() if value is not None}
    for name in given:
        if name not in known:
            raise InvalidArgumentError(name, "is not a setting", f"use {', '.join(sorted(known))}")
    return Settings(**{name: _checked(name, value) for name, value in given.items()})


def _checked(name: str, value: Any) -> Any:
    if name == "synchronous":
        return _synchronous(value)
    if name in {"enable_batching", "auto_migrate"}:
        if not isinstance(value, bool):
            raise InvalidArgumentError(name, f"{value!r} is not a bool", "give True or False")
        return value
    if name == "sqlite":
        return _library(value)
    if name == "read_url":
        return value  # checked with the store's own address
    return _number(name, value)


def _synchronous(value: Any) -> str:
    if isinstance(value, str) and value.upper() in SYNCHRONOUS:
        return value.upper()
    raise InvalidArgumentError(
        "synchronous", f"{value!r} is not a level of durability", f"use {' or '.join(SYNCHRONOUS)}"
    )


def _library(value: Any) -> str:
    if value in ("sqlite3", "pysqlite3"):
        return str(value)
    raise InvalidArgumentError(
        "sqlite", f"{value!r} is not a SQLite library", "use sqlite3 or pysqlite3"
    )


def _number(name: str, value: Any) -> float:
    smallest, greatest = _RANGES[name]
    whole = isinstance(smallest, int)
    accepted = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if accepted and smallest <= value <= greatest:
        return value if whole else float(value)
    kind = "a whole number" if whole else "a number"
    raise InvalidArgumentError(
        name, f"{value!r} cannot be used", f"give {kind} from {smallest:g} to {greatest:g}"
    )
