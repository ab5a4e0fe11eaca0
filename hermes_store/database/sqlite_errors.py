"""What an error of SQLite's driver means."""

from __future__ import annotations

from hermes_store.errors import (
    DamagedFileError,
    HermesStoreError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

__all__ = ["is_busy", "is_full", "is_overflow", "is_raised", "is_undecodable", "translate"]

_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_UNNAMED = {
    "database is locked": "SQLITE_BUSY",
    "database or disk is full": "SQLITE_FULL",
    "disk I/O error": "SQLITE_IOERR",
    "database disk image is malformed": "SQLITE_CORRUPT",
    "file is not a database": "SQLITE_NOTADB",
}
"""Errors of pysqlite3's `backup()`, which have no name."""


def _name(exc: BaseException) -> str:
    original = _original(exc)
    return str(getattr(original, "sqlite_errorname", _UNNAMED.get(str(original), "")))


def _original(exc: BaseException) -> BaseException:
    """The driver's error in `exc`, or `exc` itself."""
    return getattr(exc, "orig", None) or exc


def is_busy(exc: BaseException) -> bool:
    """Whether another connection held a lock."""
    return _name(exc).startswith(_BUSY)


def is_full(exc: BaseException) -> bool:
    """Whether SQLite found no room: on the disk, or for another id."""
    return _name(exc) == "SQLITE_FULL"


def is_overflow(exc: BaseException) -> bool:
    """Whether a sum of whole numbers was greater than SQLite's greatest one."""
    return str(_original(exc)) == "integer overflow"


def is_raised(exc: BaseException) -> bool:
    """Whether a trigger said so by RAISE."""
    name = _name(exc)
    if name == "SQLITE_CONSTRAINT":  # pysqlite3 names no kind of it
        return "constraint failed" not in str(_original(exc))
    return name == "SQLITE_CONSTRAINT_TRIGGER"


def is_undecodable(exc: BaseException) -> bool:
    """Whether a stored text could not be read because it is not valid UTF-8."""
    return "Could not decode to UTF-8" in str(_original(exc))


def translate(exc: BaseException) -> HermesStoreError | None:
    """The typed error for an error of the driver other than a lock; None for others."""
    name, said = _name(exc), str(_original(exc))
    if is_full(exc):
        return StoreUnavailableError(
            f"the disk is full ({said}); this write was not stored",
            "free some space and try again",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
        return StoreReadOnlyError(said)
    if name.startswith("SQLITE_NOTADB") or name in {"SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX"}:
        return DamagedFileError(said)
    if name.startswith("SQLITE_CANTOPEN"):
        remedy = "check the folder, its permissions, and how many files this process has open"
        return StoreUnavailableError(said, remedy)
    if name.startswith(("SQLITE_IOERR", "SQLITE_PROTOCOL", "SQLITE_NOMEM")):
        return StoreUnavailableError(said, "check the disk, the folder and its permissions")
    return None
