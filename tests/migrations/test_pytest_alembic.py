"""The built-in tests of pytest-alembic, on both databases: `env.py` takes the engine they hand it."""

from collections.abc import Iterator
from typing import Any

import postgres_server
import pytest
from pytest_alembic.tests import (
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from hermes_store import migrate

__all__ = [
    "test_model_definitions_match_ddl",
    "test_single_head_revision",
    "test_up_down_consistency",
    "test_upgrade",
]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def alembic_engine(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Engine]:
    """An engine as any program makes it: none of the store's pragmas or transactions."""
    if request.param == "sqlite":
        yield create_engine(f"sqlite:///{tmp_path}/state.db", poolclass=NullPool)
    else:
        with postgres_server.empty_database() as url:
            yield create_engine(url, poolclass=NullPool)


@pytest.fixture
def alembic_config() -> Any:
    return migrate.scripts_config()


@pytest.fixture(autouse=True)
def live_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    """What these tests would go up and down on if `env.py` did not take the engine."""
    monkeypatch.setenv("HERMES_HOME", str(tmp_path / "live"))
    yield
    assert not (tmp_path / "live").exists()
