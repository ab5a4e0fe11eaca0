"""Stores with something in them, and where else a backup goes."""

from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from sqlalchemy import URL

from hermes_store import SessionRepository


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | URL]:
    """Another database to restore into: a missing file, or an empty store of the server."""
    if request.param == "sqlite":
        yield tmp_path / "elsewhere" / "other.db"
    else:
        with postgres_server.store() as url:
            yield url


@pytest.fixture
def filled(repository: SessionRepository, database: Path | URL) -> Path | URL:
    repository.create_session("first", "cli", model="m", system_prompt="Be brief. 简短")
    repository.append_message("first", "user", "don't touch foo/bar.py:42")
    repository.append_message("first", "assistant", "记忆 and C#", extra={"thought": [1, None]})
    repository.end_session("first", "compression")
    repository.create_session("second", "cli", parent_session_id="first", link="compression")
    repository.append_message("second", "user", "on it", external_id="m1")
    repository.record_usage("second", model="m", input_tokens=7, estimated_cost_usd=0.1)
    repository.meta.set("gateway.offset", {"at": 7})
    return database
