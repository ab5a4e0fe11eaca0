"""The label inside a backup: what it is a backup of, and of when.

It is a table with one row. A file with the label may be replaced by a newer backup, or deleted by a
rotation; every other file is somebody else's. A restore takes the label off.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL

from hermes_store.database.address import shown
from hermes_store.database.driver import sqlite_driver
from hermes_store.database.sqlite_engines import reading_mode
from hermes_store.database.sqlite_place import COMPANIONS
from hermes_store.database.sqlite_trust import distrust

__all__ = ["Label", "label_of", "put_label_on", "source_of", "take_label_off"]

_TABLE = "hermes_store_backup"


class Label(NamedTuple):
    """What a backup says of itself."""

    source: str
    """The path or the URL of the store, without a password."""
    made_at: float
    """Epoch seconds."""
    revision: str
    sessions: int
    messages: int


def source_of(url: URL) -> str:
    """How a label names a store. A path may hold bytes that are not valid UTF-8; a text cannot."""
    return shown(url).encode(errors="backslashreplace").decode()


def put_label_on(path: Path, url: URL, revision: str, sessions: int, messages: int) -> Label:
    """Label a finished copy of the store at `url` that nobody else has open."""
    label = Label(source_of(url), time.time(), revision, sessions, messages)
    with _changing(path) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
        connection.execute(
            f"CREATE TABLE {_TABLE} (source TEXT, made_at REAL, revision TEXT,"
            " sessions INTEGER, messages INTEGER)"
        )
        connection.execute(f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?, ?)", label)  # noqa: S608 - a constant
    return label


def take_label_off(path: Path) -> None:
    """Make a copy of a backup a store like any other."""
    with _changing(path) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")


@contextmanager
def _changing(path: Path) -> Iterator[Any]:
    with closing(sqlite_driver().connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection:
        connection.execute("PRAGMA synchronous=OFF")  # the caller flushes the whole file once
        with connection:
            yield connection


def label_of(path: Path) -> Label | None:
    """The label of a backup that was only read since it was made; None for any other file.

    A program that opens a backup to write to it gives it a write-ahead log: then it is a store.
    """
    if any(path.with_name(path.name + ending).exists() for ending in COMPANIONS):
        return None
    driver = sqlite_driver()
    try:
        place = f"{path.as_uri()}?{reading_mode(path)}"
        with closing(driver.connect(place, uri=True)) as connection:
            distrust(connection)
            [mode] = connection.execute("PRAGMA journal_mode").fetchone()
            row = connection.execute(f"SELECT * FROM {_TABLE}").fetchone()  # noqa: S608 - a constant
            return Label(*row) if row is not None and mode == "delete" else None
    except (driver.Error, TypeError, UnicodeDecodeError):
        return None
