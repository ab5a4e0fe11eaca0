"""Stores that many tests only ask: filled once for each database."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from sqlalchemy import URL


@pytest.fixture
def in_succession(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, messages follow each other at once, many of them already."""
    monkeypatch.setattr("hermes_store.search.waiting.SUCCESSION", math.inf)
    monkeypatch.setattr("hermes_store.search.waiting.FEW", 0)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def shared_database(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path | URL]:
    """An empty store of the module's own, on each kind of database."""
    if request.param == "sqlite":
        yield Path(shutil.copy(template, tmp_path_factory.mktemp("shared") / "state.db"))
    else:
        with postgres_server.store() as url:
            yield url
