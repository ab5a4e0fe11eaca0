"""Which SQLite library a process uses: the standard library's, unless the other is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError

ROOT = Path(__file__).parents[2]
FAKE = "from sqlite3.dbapi2 import *\nfrom sqlite3 import Connection, Cursor, Error, sqlite_version_info\n"
PRINT = (
    "import sys\nfrom hermes_store import SessionRepository\n"
    "settings = {'sqlite': sys.argv[2]} if sys.argv[2:] else {}\n"
    "with SessionRepository(sys.argv[1], **settings) as repository:\n"
    "    repository.create_session('s', 'test')\n"
    "    print(repository.get_stats()['library'])\n"
)


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which a package pysqlite3 is installed."""
    package = tmp_path / "site" / "pysqlite3"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "dbapi2.py").write_text(FAKE)
    environment = {k: v for k, v in os.environ.items() if k != "HERMES_STORE_SQLITE"}
    return environment | {"PYTHONPATH": os.pathsep.join([str(package.parent), str(ROOT)])}


def run(path: Path, environment: dict[str, str], *arguments: str, code: str = PRINT) -> str:
    command = [sys.executable, "-c", code, str(path), *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_pysqlite3_is_not_used_for_being_installed(
    tmp_path: Path, installed: dict[str, str]
) -> None:
    assert run(tmp_path / "state.db", installed) == "sqlite3"


def test_it_is_used_when_the_variable_or_the_setting_asks_for_it(
    tmp_path: Path, installed: dict[str, str]
) -> None:
    path = tmp_path / "state.db"
    assert run(path, installed | {"HERMES_STORE_SQLITE": "pysqlite3"}) == "pysqlite3"
    assert run(path, installed, "pysqlite3") == "pysqlite3"
    assert run(path, installed | {"HERMES_STORE_SQLITE": "pysqlite3"}, "sqlite3") == "sqlite3"


def test_one_that_is_not_installed_is_an_error_with_the_remedy(
    tmp_path: Path, installed: dict[str, str]
) -> None:
    blocked = "import sys; sys.modules['pysqlite3'] = None\n" + PRINT
    said = run(tmp_path / "state.db", installed, "pysqlite3", code=blocked)
    assert said.startswith("hermes_store.errors.StoreUnavailableError")
    assert "pip install 'hermes-store[pysqlite3]'" in said


def test_a_variable_of_another_value_is_an_error(tmp_path: Path, installed: dict[str, str]) -> None:
    said = run(tmp_path / "state.db", installed | {"HERMES_STORE_SQLITE": "sqlite4"})
    assert "HERMES_STORE_SQLITE: 'sqlite4'; use sqlite3 or pysqlite3" in said


def test_a_process_uses_one_library_and_a_wish_for_the_other_is_refused(
    tmp_path: Path, installed: dict[str, str]
) -> None:
    code = PRINT + "SessionRepository(sys.argv[1] + '2', sqlite='pysqlite3')\n"
    said = run(tmp_path / "state.db", installed, code=code.replace("print", "str"))
    assert said.startswith("hermes_store.errors.InvalidArgumentError")
    assert "this process already uses sqlite3, not pysqlite3" in said
    assert "HERMES_STORE_SQLITE=pysqlite3" in said


def test_the_library_in_use_may_be_named(tmp_path: Path) -> None:
    from hermes_store.database.driver import sqlite_driver

    name = sqlite_driver().__name__.partition(".")[0]
    with SessionRepository(tmp_path / "state.db", sqlite=name) as repository:
        assert repository.get_stats()["library"] == name


@pytest.mark.parametrize("value", ["sqlite4", "", 3, [], True])
def test_another_value_of_the_setting_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="sqlite"):
        SessionRepository(tmp_path / "state.db", sqlite=value)
