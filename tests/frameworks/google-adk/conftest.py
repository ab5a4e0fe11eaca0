"""The service that a contract is tested on."""

import pytest
from contract_services import DATABASE, MEMORY, SQLITE
from google.adk.sessions.database_session_service import DatabaseSessionService
from google.adk.sessions.in_memory_session_service import InMemorySessionService
from google.adk.sessions.sqlite_session_service import SqliteSessionService

from hermes_store import SessionRepository
from hermes_store.adapters.google_adk import HermesSessionService


@pytest.fixture
def service(request, tmp_path):
    kind = request.param
    if kind in {MEMORY, SQLITE, DATABASE}:
        yield {
            MEMORY: InMemorySessionService,
            SQLITE: lambda: SqliteSessionService(str(tmp_path / "kit.db")),
            DATABASE: lambda: DatabaseSessionService(f"sqlite+aiosqlite:///{tmp_path}/kit.db"),
        }[kind]()
        return
    database = request.getfixturevalue(f"{kind.removeprefix('hermes-')}_database")
    with SessionRepository(database) as repository:
        yield HermesSessionService(repository)
