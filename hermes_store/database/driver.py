"""Which SQLite library this process uses: one for all of the store's files.

Two libraries on one file in one process lose each other's locks (docs/durability.md). So the first
use decides, and a later request for the other library is refused.
"""

from __future__ import annotations

import importlib
import os
import sqlite3
from types import ModuleType
from typing import Any

from hermes_store.errors import InvalidArgumentError, StoreUnavailableError

__all__ = ["LIBRARIES", "VARIABLE", "connect_arguments", "sqlite_driver"]

LIBRARIES = ("sqlite3", "pysqlite3")
VARIABLE = "HERMES_STORE_SQLITE"

_in_use: ModuleType | None = None


def sqlite_driver(wanted: str | None = None) -> ModuleType:
    """Return the driver of this process: the standard library's sqlite3, or pysqlite3 on request.

    `wanted` wins over the environment variable HERMES_STORE_SQLITE. Raises
    `InvalidArgumentError` when the process already uses the other library, and
    `StoreUnavailableError` when pysqlite3 is not installed.
    """
    global _in_use  # noqa: PLW0603 - one library for the process
    if _in_use is None:
        _in_use = _imported(wanted or _from_environment())
    used = _in_use.__name__.partition(".")[0]
    if wanted not in {None, used}:
        raise InvalidArgumentError(
            "sqlite",
            f"this process already uses {used}, not {wanted}",
            f"set {VARIABLE}={wanted} before the process opens its first store",
        )
    return _in_use


def connect_arguments() -> dict[str, Any]:
    """The keywords of the driver's `connect` for the store's connections."""
    arguments: dict[str, Any] = {"check_same_thread": False, "isolation_level": None}
    driver = sqlite_driver()
    if hasattr(driver, "LEGACY_TRANSACTION_CONTROL"):  # Python 3.12; 3.16 changes the default
        arguments["autocommit"] = driver.LEGACY_TRANSACTION_CONTROL
    return arguments


def _from_environment() -> str:
    choice = os.environ.get(VARIABLE) or "sqlite3"
    if choice not in LIBRARIES:
        raise InvalidArgumentError(VARIABLE, f"{choice!r}", f"use {' or '.join(LIBRARIES)}")
    return choice


def _imported(name: str) -> ModuleType:
    if name == "sqlite3":
        return sqlite3
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ModuleNotFoundError as exc:
        raise StoreUnavailableError(
            f"pysqlite3 is asked for, but cannot be imported ({exc})",
            "pip install 'hermes-store[pysqlite3]'",
        ) from exc
