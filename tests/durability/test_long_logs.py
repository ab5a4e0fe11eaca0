"""A log that cannot be cut back because something reads: a warning says so, stats say what."""

import logging
from pathlib import Path

import pytest
from support import until

from hermes_store import SessionRepository
from hermes_store.database import sqlite_log


def test_a_log_that_grows_behind_an_export_is_warned_of_once_and_stats_name_the_export(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_log, "LONG_LOG", 200_000)
    caplog.set_level(logging.WARNING, logger="hermes_store")
    with SessionRepository(database, wal_autocheckpoint=10) as repository:
        for name in ("a", "b"):
            repository.create_session(name, "test")
        export = repository.iter_export()
        next(export)
        until(lambda: grown(repository) and caplog.records)
        for _ in range(50):
            repository.append_message("a", "user", "text " * 1_000)
        (held,) = repository.get_stats()["log_held_by"]
        assert "an export begun 0 seconds ago in thread MainThread" in held.replace(
            " 1 seconds", " 0 seconds"
        )
        export.close()
        assert repository.get_stats()["log_held_by"] == []
    (warning,) = caplog.messages
    assert f"the log {database}-wal has grown to 0 MB" in warning


def grown(repository: SessionRepository) -> bool:
    repository.append_message("a", "user", "text " * 1_000)
    return repository.get_stats()["log_bytes"] > 200_000
