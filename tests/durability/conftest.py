"""Files and processes: what is promised here is SQLite's."""

from pathlib import Path

import pytest


@pytest.fixture
def keeps_connections() -> bool:
    return False


@pytest.fixture
def database(sqlite_database: Path) -> Path:
    return sqlite_database
