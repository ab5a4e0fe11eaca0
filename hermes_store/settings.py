"""The settings of a repository: what each means, its unit, its values, and which database takes it.

A new setting is a field of `Settings` and a key of `SettingsKeywords`; a test compares the two.
"""

from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields, replace
from typing import Annotated, Any, Literal, TypedDict, Unpack, get_args

from sqlalchemy import URL

from hermes_store import values
from hermes_store.errors import InvalidArgumentError

__all__ = ["MoreSettings", "Settings", "SettingsKeywords", "make_settings", "taken_by"]

_FOREVER = 86_400.0 * 365
_BIGGEST = 2**40

Level = Literal["NORMAL", "FULL", "EXTRA"]
Library = Literal["sqlite3", "pysqlite3"]

SQLITE = "sqlite"
POSTGRESQL = "postgresql"


# --- what an annotation says beside the type: how a value is checked ------------------------------
# The name of a database there says that only this one takes the setting.


class Number:
    """Check a number from `smallest` to `greatest`, both included."""

    kind = "a number"
    accepted: tuple[type, ...] = (int, float)
    kept_as: type = float

    def __init__(self, smallest: float, greatest: float) -> None:
        self.smallest = smallest
        self.greatest = greatest

    def __call__(self, name: str, value: Any) -> Any:
        """Return the number as it is kept, or raise `InvalidArgumentError`."""
        accepted = isinstance(value, self.accepted) and not isinstance(value, bool)
        if accepted and self.smallest <= value <= self.greatest:
            return self.kept_as(value)
        remedy = f"give {self.kind} from {self.smallest:g} to {self.greatest:g}"
        raise InvalidArgumentError(name, f"{values.shown(value)} cannot be used", remedy)


class Whole(Number):
    """Check a whole number from `smallest` to `greatest`, both included."""

    kind = "a whole number"
    accepted = (int,)
    kept_as = int


def flag(name: str, value: Any) -> bool:
    """Return True or False as given, or raise `InvalidArgumentError`."""
    if isinstance(value, bool):
        return value
    raise InvalidArgumentError(name, f"{values.shown(value)} is not a bool", "give True or False")


def level(name: str, value: Any) -> str:
    """Return a level of durability in capitals, or raise `InvalidArgumentError`."""
    levels = get_args(Level)
    if isinstance(value, str) and value.upper() in levels:
        return value.upper()
    problem = f"{values.shown(value)} is not a level of durability"
    raise InvalidArgumentError(name, problem, f"use {' or '.join(levels)}")


def library(name: str, value: Any) -> str:
    """Return the name of a SQLite library as given, or raise `InvalidArgumentError`."""
    libraries = get_args(Library)
    if isinstance(value, str) and value in libraries:
        return str(value)
    problem = f"{values.shown(value)} is not a SQLite library"
    raise InvalidArgumentError(name, problem, f"use {' or '.join(libraries)}")


# --- the settings ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """How a repository uses its database. Every field is a keyword of `SessionRepository`."""

    pool_size: Annotated[int, Whole(1, 1_000)] = 5
    """Most read connections open at once."""
    pool_timeout: Annotated[float, Number(0, _FOREVER)] = 30.0
    """Seconds a read waits for a free connection before `PoolExhaustedError`."""
    write_pool_size: Annotated[int, Whole(1, 1_000), POSTGRESQL] = 2
    """Most write connections open at once, each with a transaction of its own (PostgreSQL)."""
    batch_size: Annotated[int, Whole(1, 10_000)] = 50
    """Most operations committed together."""
    batch_wait_ms: Annotated[float, Number(0, 60_000)] = 0.0
    """Milliseconds a write waits for others to join its group (on one connection); 0: none."""
    enable_batching: Annotated[bool, flag] = True
    """False: every write is a transaction of its own."""
    queue_size: Annotated[int, Whole(1, 1_000_000)] = 1_024
    """Most writes waiting in the queue; a further caller waits until there is room."""
    lock_timeout: Annotated[float, Number(0, _FOREVER)] = 20.0
    """Seconds a write is tried again while the database is locked, before `StoreBusyError`."""
    synchronous: Annotated[Level, level, SQLITE] = "NORMAL"
    """NORMAL survives a killed process, FULL and EXTRA also a power cut (SQLite)."""
    busy_timeout: Annotated[int, Whole(0, 3_600_000), SQLITE] = 250
    """Milliseconds SQLite itself waits for a lock before the store tries again."""
    mmap_size: Annotated[int, Whole(0, _BIGGEST), SQLITE] = 256 * 1024 * 1024
    """Bytes of the file mapped into memory: a file cut short then ends the process (SQLite)."""
    cache_size: Annotated[int, Whole(-_BIGGEST, _BIGGEST), SQLITE] = -8_192
    """Page cache of each connection: pages, or KiB when negative (SQLite)."""
    journal_size_limit: Annotated[int, Whole(0, _BIGGEST), SQLITE] = 64 * 1024 * 1024
    """Bytes the write-ahead log is cut back to after a checkpoint (SQLite)."""
    wal_autocheckpoint: Annotated[int, Whole(1, 1_000_000), SQLITE] = 8_000
    """Pages in the write-ahead log that start a passive checkpoint; durable: 1,000 (SQLite)."""
    sqlite: Annotated[Library | None, library, SQLITE] = None
    """The SQLite library of this process; None: HERMES_STORE_SQLITE says, else sqlite3 (SQLite)."""
    search_timeout: Annotated[float, Number(0, _FOREVER)] = 10.0
    """Seconds a search may take before `SearchTooBroadError`; 0: no limit."""
    statement_timeout: Annotated[float, Number(0, _FOREVER), POSTGRESQL] = 0.0
    """Seconds a statement may run, 0: no limit (PostgreSQL)."""
    # checked with the address of the store; may hold a password
    read_url: Annotated[str | URL | None, POSTGRESQL] = field(default=None, repr=False)
    """Where reads go when not to the store itself: a replica, which may lag (PostgreSQL)."""
    echo: Annotated[bool, flag] = False
    """True: SQLAlchemy logs every statement."""
    read_only: Annotated[bool, flag] = False
    """True: nothing is written, not even a newer schema; writing raises `StoreReadOnlyError`."""
    retention_at_close: Annotated[bool, flag] = False
    """True: `close()` applies the rules of `retention`, for a second at most, once an hour."""
    auto_migrate: Annotated[bool | None, flag] = None
    """Upgrade an old schema at opening; None: yes for a SQLite file, no for a server."""


class MoreSettings(TypedDict, total=False):
    """The settings that `SessionRepository` takes by keyword only; None means the default."""

    pool_timeout: float | None
    write_pool_size: int | None
    queue_size: int | None
    lock_timeout: float | None
    synchronous: Level | None
    busy_timeout: int | None
    mmap_size: int | None
    cache_size: int | None
    journal_size_limit: int | None
    wal_autocheckpoint: int | None
    sqlite: Library | None
    search_timeout: float | None
    statement_timeout: float | None
    read_url: str | URL | None
    echo: bool | None
    read_only: bool | None
    retention_at_close: bool | None
    auto_migrate: bool | None


class SettingsKeywords(MoreSettings, total=False):
    """All settings as keywords: for functions that pass settings on to `SessionRepository`."""

    pool_size: int | None
    batch_size: int | None
    batch_wait_ms: float | None
    enable_batching: bool | None


_PAGES_OF_A_DURABLE_LOG = 1_000
"""A commit that waits for the disk takes half as long again while the log grows."""


def make_settings(**keywords: Unpack[SettingsKeywords]) -> Settings:
    """Build `Settings` from keywords; None means the default.

    Raises `InvalidArgumentError` that names the keyword.
    """
    known = {each.name: each for each in fields(Settings)}
    for name in keywords.keys() - known.keys():
        raise _unknown(name, known)
    given = {name: value for name, value in keywords.items() if value is not None}
    settings = Settings(**{name: _checked(known[name], value) for name, value in given.items()})
    if settings.synchronous == "NORMAL" or "wal_autocheckpoint" in given:
        return settings
    return replace(settings, wal_autocheckpoint=_PAGES_OF_A_DURABLE_LOG)


def taken_by(database: str) -> tuple[str, ...]:
    """Return the names of the settings that "sqlite" or "postgresql" takes, in their order.

    The other settings change nothing there; but a `read_url` for SQLite is refused at opening.
    """
    return tuple(each.name for each in fields(Settings) if database in _databases(each))


def _databases(setting: Field[Any]) -> Iterable[str]:
    only = [each for each in _facts(setting) if isinstance(each, str)]
    return only or [SQLITE, POSTGRESQL]


def _checked(setting: Field[Any], value: Any) -> Any:
    for check in filter(callable, _facts(setting)):
        value = check(setting.name, value)
    return value


def _facts(setting: Field[Any]) -> tuple[Any, ...]:
    return get_args(setting.type)[1:]  # what stands in Annotated behind the type


def _unknown(name: str, known: Iterable[str]) -> InvalidArgumentError:
    from difflib import get_close_matches  # noqa: PLC0415 - only this error needs it

    nearest = get_close_matches(name.lower(), known, n=1)
    remedy = f"did you mean {nearest[0]}?" if nearest else f"use {', '.join(sorted(known))}"
    return InvalidArgumentError(name, "is not a setting", remedy)
