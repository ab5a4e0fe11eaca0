"""`env.py` on a connection of the caller's, and which database it refuses to take down."""

import io
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from files import HEAD, alembic, query
from sqlalchemy import Engine, create_engine, event, inspect
from sqlalchemy.pool import NullPool

from hermes_store import migrate


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        yield create_engine(f"sqlite:///{tmp_path}/given.db", poolclass=NullPool)
    else:
        with postgres_server.empty_database() as url:
            yield create_engine(url, poolclass=NullPool)


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store that agents use, at head."""
    monkeypatch.setenv("HERMES_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HERMES_STORE_URL", raising=False)
    migrate.upgrade()
    return tmp_path / "home" / "state.db"


def config_of(given: object) -> Config:
    config = migrate.scripts_config()
    config.attributes["connection"] = given
    return config


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


class TestACallersConnection:
    @pytest.mark.parametrize("as_engine", [True, False])
    def test_is_upgraded_and_downgraded_and_nothing_else(
        self, engine: Engine, live: Path, as_engine: bool
    ) -> None:
        before = live.read_bytes()
        with engine.connect() as connection:
            given = engine if as_engine else connection
            command.upgrade(config_of(given), "head")
            assert {"sessions", "messages", "hermes_store_version"} <= tables(engine)
            command.downgrade(config_of(given), "base")
        assert tables(engine) & {"sessions", "messages"} == set()
        assert live.read_bytes() == before

    def test_a_transaction_that_the_caller_began_is_the_caller_s_to_end(
        self, engine: Engine, live: Path
    ) -> None:
        with engine.connect() as connection:
            connection.begin()
            command.upgrade(config_of(connection), "head")
            assert "sessions" in inspect(connection).get_table_names()
            connection.rollback()
        assert "sessions" not in tables(engine)
        with engine.begin() as connection:
            command.upgrade(config_of(connection), "head")
        assert "sessions" in tables(engine)

    def test_a_failed_upgrade_leaves_nothing(self, engine: Engine, live: Path) -> None:
        with pytest.raises(CommandError):
            command.upgrade(config_of(engine), "0999")
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE keep (a INTEGER)")
            connection.exec_driver_sql("CREATE VIEW messages_search AS SELECT 1 AS x")
        with pytest.raises(migrate.MigrationError):
            command.upgrade(config_of(engine), "head")
        assert tables(engine) == {"keep"}

    def test_current_and_check_look_at_it(self, engine: Engine, live: Path) -> None:
        command.current(config_of(engine))
        command.upgrade(config_of(engine), "0005")
        config = config_of(engine)
        config.stdout = io.StringIO()
        command.current(config)
        assert config.stdout.getvalue().strip() == "0005"
        command.upgrade(config_of(engine), "head")
        command.check(config_of(engine))

    def test_foreign_keys_that_it_checks_are_checked_again_afterwards(
        self, tmp_path: Path, live: Path
    ) -> None:
        engine = create_engine(f"sqlite:///{tmp_path}/given.db", poolclass=NullPool)
        event.listen(engine, "connect", lambda dbapi, _: dbapi.execute("PRAGMA foreign_keys=ON"))
        with engine.connect() as connection:
            command.upgrade(config_of(connection), "head")
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


class TestGoingDown:
    @pytest.mark.parametrize("to", ["base", "-1", "0005"])
    def test_is_refused_unless_a_database_is_named(self, live: Path, to: str) -> None:
        before = live.read_bytes()
        done = alembic("downgrade", to, HERMES_HOME=str(live.parent))
        assert done.returncode != 0
        assert "-x url=" in done.stderr
        assert "Traceback" not in done.stderr
        assert live.read_bytes() == before
        with pytest.raises(CommandError, match="named"):
            command.downgrade(migrate.scripts_config(), to)
        assert live.read_bytes() == before

    def test_is_done_on_the_one_that_is_named(self, live: Path) -> None:
        assert alembic("-x", f"url={live}", "downgrade", "-1").returncode == 0
        assert migrate.current(live) == migrate.REVISIONS[-2]
        named = alembic("downgrade", "0005", HERMES_STORE_URL=str(live))
        assert named.returncode == 0, named.stderr
        assert migrate.current(live) == "0005"

    def test_a_script_of_it_needs_no_name(self) -> None:
        done = alembic("downgrade", "0005:0004", "--sql")
        assert done.returncode == 0, done.stderr
        assert "DROP COLUMN" in done.stdout


class TestTheOldVersionTable:
    def under_old_name(self, path: Path, revision: str) -> None:
        migrate.upgrade(path, revision)
        query(path, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        query(path, "INSERT INTO alembic_version SELECT version_num FROM hermes_store_version")
        query(path, "DROP TABLE hermes_store_version")

    def names(self, path: Path) -> list[str]:
        statement = "SELECT name FROM sqlite_master WHERE name LIKE '%version' AND type = 'table'"
        return [name for (name,) in query(path, statement)]

    @pytest.mark.parametrize("revision", ["0004", HEAD])
    def test_is_read_and_the_next_upgrade_moves_it(self, tmp_path: Path, revision: str) -> None:
        path = tmp_path / "state.db"
        self.under_old_name(path, revision)
        assert migrate.current(path) == revision
        assert alembic("-x", f"url={path}", "current").stdout.split()[0] == revision
        assert self.names(path) == ["alembic_version"]
        migrate.upgrade(path)
        assert self.names(path) == ["hermes_store_version"]
        assert migrate.current(path) == HEAD

    def test_does_not_keep_a_file_at_head_from_being_opened_and_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        self.under_old_name(path, HEAD)
        migrate.prepare(path, auto_migrate=False)
        assert self.names(path) == ["alembic_version"]

    def test_the_command_moves_it(self, tmp_path: Path) -> None:
        from hermes_store.cli.app import run

        path = tmp_path / "state.db"
        self.under_old_name(path, HEAD)
        assert run(["--db", str(path), "upgrade"]) == 0
        assert self.names(path) == ["hermes_store_version"]

    @pytest.mark.postgresql
    def test_on_postgresql_too(self) -> None:
        with postgres_server.empty_database() as url:
            migrate.upgrade(url, "0009")
            with postgres_server.connected(url) as connection:
                connection.execute(
                    "ALTER TABLE hermes_store_version RENAME TO alembic_version;"
                    "ALTER INDEX hermes_store_version_pkc RENAME TO alembic_version_pkc"
                )
            assert migrate.current(url) == "0009"
            migrate.upgrade(url)
            assert migrate.current(url) == HEAD
            with postgres_server.connected(url) as connection:
                [old] = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
            assert old is None
