"""A plugin of pytest: our session in place of the SDK's sessions on SQLite, also in its wrappers."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import agents
import agents.extensions.memory.async_sqlite_session
import agents.extensions.memory.encrypt_session
import agents.memory.sqlite_session
import postgres_server
import pytest
import upstream_exceptions
from sqlalchemy import URL

from hermes_store.adapters.openai_agents import HermesSession

HERE = Path(__file__).parent
opened = ExitStack()
databases: dict[Path, Path | URL] = {}


def database(path: str | Path) -> Path | URL:
    """The database of a path, for one test; each `:memory:` is a file of its own."""
    if str(path) == ":memory:":
        path = Path(opened.enter_context(tempfile.TemporaryDirectory()), "memory.db")
    if os.environ["UPSTREAM_DATABASE"] == "sqlite":
        return Path(path)
    if path not in databases:
        databases[Path(path)] = opened.enter_context(postgres_server.store())
    return databases[Path(path)]


class SQLiteSession(HermesSession):
    """Takes what upstream's class takes."""

    def __init__(self, session_id, db_path=":memory:", session_settings=None):
        super().__init__(session_id, database(db_path), session_settings=session_settings)
        self.db_path = db_path

    def close(self):
        self._is_closed = True
        self._repository.shut()


class AsyncSQLiteSession(SQLiteSession):
    """The same; its `close` is awaited."""

    close = HermesSession.close


for module in (
    *(agents, agents.memory, agents.memory.sqlite_session),
    agents.extensions.memory.encrypt_session,
):
    module.SQLiteSession = SQLiteSession
agents.extensions.memory.async_sqlite_session.AsyncSQLiteSession = AsyncSQLiteSession


@pytest.fixture(autouse=True)
def databases_of_one_test():
    yield
    databases.clear()
    opened.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    named = upstream_exceptions.named_in(HERE / "exceptions.toml")
    upstream_exceptions.expect(items, named, all_names=not config.option.keyword)
