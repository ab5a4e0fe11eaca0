"""Each member of the backend, on both databases."""

import inspect
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import URL, select, text
from sqlalchemy import inspect as inspected
from sqlalchemy.exc import DBAPIError
from stored import change

import hermes_store
from hermes_store import SessionRepository, migrate
from hermes_store.database.address import url_of
from hermes_store.database.backend import Backend
from hermes_store.database.choice import backend_of
from hermes_store.database.connection import OpenConnection
from hermes_store.database.postgresql import POSTGRESQL
from hermes_store.database.sqlite import SQLITE
from hermes_store.errors import (
    DamagedFileError,
    InvalidArgumentError,
    SecondNameError,
    StoreUnavailableError,
)
from hermes_store.models.stored import sessions
from hermes_store.queries.appends_on_servers import noticing_no_place
from hermes_store.settings import Settings

PACKAGE = Path(hermes_store.__file__).parent
MEMBERS = {name for name in vars(Backend) if name[0] != "_"} | set(Backend.__annotations__)

BUSY_TIMEOUT = "PRAGMA busy_timeout"


@pytest.fixture
def url(database: Path | URL) -> URL:
    return url_of(database)


@pytest.fixture
def backend(url: URL) -> Backend:
    return backend_of(url)


@pytest.fixture
def writer(url: URL, backend: Backend) -> Iterator[OpenConnection]:
    engine = backend.write_engine(url, Settings(lock_timeout=0.1, busy_timeout=10))
    connection = OpenConnection(engine, backend, backend.begin_writing)
    with closing(connection.core):
        connection.begin()
        yield connection
        connection.roll_back()


@pytest.mark.parametrize("backend", [SQLITE, POSTGRESQL], ids=lambda each: each.name)
def test_both_have_every_member_and_no_other(backend: Backend) -> None:
    assert {name for name in dir(backend) if name[0] != "_"} == MEMBERS


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_a_member_takes_the_same_arguments_on_both(name: str) -> None:
    members = [getattr(each, name) for each in (SQLITE, POSTGRESQL)]
    if callable(members[0]):
        one, other = (list(inspect.signature(each).parameters) for each in members)
        assert one == other
    else:
        assert type(members[0]) is type(members[1])


def test_every_member_is_tried_here() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in MEMBERS if f"backend.{name}" not in tried} == set()


class TestWhere:
    def test_a_file_is_no_server(self, backend: Backend, url: URL) -> None:
        assert backend.is_server == (backend.name == "postgresql")
        assert backend.name in url.drivername

    def test_its_settings_are_those_that_it_takes(self, backend: Backend) -> None:
        assert "pool_size" in backend.settings
        assert ("synchronous" in backend.settings) != ("statement_timeout" in backend.settings)

    def test_a_url_is_checked_once(self, backend: Backend, url: URL) -> None:
        assert backend.checked_url(url) == url
        with pytest.raises(InvalidArgumentError, match="driver"):
            backend.checked_url(url.set(drivername=f"{backend.name}+other"))

    def test_an_address_is_shown_without_its_password(self, backend: Backend, url: URL) -> None:
        assert str(url.database) in backend.shown(url)
        assert "secret" not in backend.shown(url.set(password="secret"))

    def test_the_identity_is_that_of_the_database(self, backend: Backend, url: URL) -> None:
        assert backend.identity(url) == backend.identity(url)

    def test_a_database_that_is_there_is_not_created(self, backend: Backend, url: URL) -> None:
        assert not backend.create_database(url)


class TestEngines:
    def test_the_writer_writes(self, backend: Backend, url: URL) -> None:
        with backend.write_engine(url, Settings()).connect() as connection:
            dbapi = connection.connection.dbapi_connection
            dbapi.execute(backend.begin_writing)
            dbapi.execute("DELETE FROM sessions")
            dbapi.execute("ROLLBACK")

    def test_the_reader_cannot(self, backend: Backend, url: URL) -> None:
        engine = backend.read_engine(url, Settings())
        reader = OpenConnection(engine, backend, backend.begin_reading)
        with closing(reader.core):
            reader.begin()
            with pytest.raises(reader.errors):
                reader.run("DELETE FROM sessions")
            reader.roll_back()
        engine.dispose()

    def test_a_migration_has_the_write_lock_from_its_beginning(
        self, backend: Backend, url: URL
    ) -> None:
        with backend.migration_engine(url, 1.0).begin() as connection:
            assert backend.in_transaction(connection.connection.dbapi_connection)
            backend.lock_schema(connection)

    def test_what_a_store_is_made_of(self, backend: Backend) -> None:
        facts = backend.keeps_readers, backend.keeps_nul
        assert facts == ((False, False) if backend.is_server else (True, True))
        assert backend.sorts_null_first == backend.is_server
        assert backend.write_connections(Settings()) == (2 if backend.is_server else 1)

    def test_a_server_makes_its_own_checkpoints(self, backend: Backend, url: URL) -> None:
        if backend.is_server:
            assert backend.after_commits(url, Settings(), nullcontext()) is None


class TestTransactions:
    def test_one_begins_with_the_statement_that_it_is_told(
        self, backend: Backend, url: URL
    ) -> None:
        with backend.write_engine(url, Settings()).connect() as connection:
            backend.begin(connection, backend.begin_writing)
            assert backend.in_transaction(connection.connection.dbapi_connection)

    @pytest.mark.parametrize(("seconds", "milliseconds"), [(0.001, 1), (60, 10)])
    def test_one_that_hurries_waits_for_a_lock_no_longer(
        self, backend: Backend, writer: OpenConnection, seconds: float, milliseconds: int
    ) -> None:
        with backend.waiting_at_most(writer.dbapi, seconds):
            if not backend.is_server:
                assert writer.dbapi.execute(BUSY_TIMEOUT).fetchone() == (milliseconds,)
        if not backend.is_server:
            assert writer.dbapi.execute(BUSY_TIMEOUT).fetchone() == (10,)

    def test_one_that_failed_is_one_but_cannot_commit(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        assert backend.in_transaction(writer.dbapi)
        assert backend.may_commit(writer.dbapi)
        assert not backend.is_executing(writer.dbapi)
        with pytest.raises(writer.errors):
            writer.run("SELECT nothing FROM nowhere")
        assert backend.in_transaction(writer.dbapi)
        assert backend.may_commit(writer.dbapi) == (not backend.is_server)


class TestErrors:
    def test_a_lock_is_busy(self, backend: Backend, url: URL, writer: OpenConnection) -> None:
        writer.run("INSERT INTO sessions (id, source, started_at) VALUES ('s', 'cli', 1)")
        other = backend.write_engine(url, Settings(lock_timeout=0.1, busy_timeout=10))
        with other.connect() as connection, pytest.raises(writer.errors) as caught:
            dbapi = connection.connection.dbapi_connection
            dbapi.execute(backend.begin_writing)
            dbapi.execute("INSERT INTO sessions (id, source, started_at) VALUES ('s', 'x', 1)")
        assert backend.is_busy(caught.value)

    def test_another_host_may_have_been_faster(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        twice = "INSERT INTO sessions (id, source, started_at) VALUES ('s', 'cli', 1)"
        writer.run(twice)
        with pytest.raises(writer.errors) as caught:
            writer.run(twice)
        assert backend.is_overtaken(caught.value) == backend.is_server
        assert not backend.is_lost(caught.value)
        assert backend.may_be_stored(caught.value) == backend.is_server

    def test_a_text_that_is_not_utf_8_is_read_with_replacements_or_as_bytes(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        broken = "SELECT CAST(x'ff41' AS TEXT)"
        if backend.is_server:
            assert not backend.is_undecodable(ValueError("Could not decode to UTF-8"))
            with backend.undecodable_as_bytes(writer.core):
                assert writer.core.execute(text("SELECT 'A'")).scalar() == "A"
            return
        with pytest.raises(DBAPIError) as caught:
            writer.core.exec_driver_sql(broken).scalar()
        assert backend.is_undecodable(caught.value)
        with backend.undecodable_replaced(writer.core):
            assert writer.core.exec_driver_sql(broken).scalar() == "\ufffdA"
        with backend.undecodable_as_bytes(writer.core):
            assert writer.core.exec_driver_sql(broken).scalar() == b"\xffA"

    def test_an_error_of_the_driver_has_a_typed_one(
        self, backend: Backend, url: URL, tmp_path: Path
    ) -> None:
        if backend.is_server:
            with pytest.raises(StoreUnavailableError):  # translated where it connects
                backend.write_engine(url.set(port=1), Settings()).connect()
        else:
            (tmp_path / "text").write_text("no database " * 100)
            with pytest.raises(DBAPIError) as caught:
                backend.read_engine(url_of(tmp_path / "text"), Settings()).connect()
            assert isinstance(backend.translate(caught.value), DamagedFileError)
        assert backend.translate(ValueError()) is None

    def test_what_a_trigger_raises_is_told_from_other_errors(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        twice = "INSERT INTO twice VALUES (1), (1)"
        for other in ("SELECT 1 FROM nowhere", twice):
            writer.run("CREATE TABLE twice (n INTEGER PRIMARY KEY)")
            with pytest.raises(writer.errors) as caught:
                writer.run(other)
            assert not backend.is_raised(caught.value)
            writer.roll_back()
            writer.begin()
        if backend.is_server:
            raising = "DO $$ BEGIN RAISE 'no more'; END $$"
        else:
            writer.run("CREATE TABLE t (n)")
            raise_ = "SELECT RAISE(ABORT, 'no more')"
            writer.run(f"CREATE TRIGGER theirs BEFORE INSERT ON t BEGIN {raise_}; END")
            raising = "INSERT INTO t VALUES (1)"
        with pytest.raises(writer.errors) as raised:
            writer.run(raising)
        assert backend.is_raised(raised.value)

    def test_what_a_driver_says_is_told(self, backend: Backend, writer: OpenConnection) -> None:
        with pytest.raises(writer.errors) as caught:
            writer.run("SELECT 1 FROM nowhere")
        assert "nowhere" in backend.said_by(caught.value)
        assert backend.said_by(ValueError("the driver's own")) == "the driver's own"


class TestWritesAtOnce:
    def test_two_transactions_write_where_rows_are_locked(
        self, backend: Backend, url: URL, writer: OpenConnection
    ) -> None:
        insert = "INSERT INTO sessions (id, source, started_at) VALUES ('{}', 'cli', 1)"
        writer.run(insert.format("s"))
        other = backend.write_engine(url, Settings(lock_timeout=0.1, busy_timeout=10))
        refused = nullcontext() if backend.locks_rows else pytest.raises(writer.errors)
        with other.connect() as connection, refused:
            dbapi = connection.connection.dbapi_connection
            dbapi.execute(backend.begin_writing)
            dbapi.execute(insert.format("t"))


class TestReads:
    def test_a_statement_needs_no_transaction_around_it(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        assert backend.runs_alone(writer.core)
        assert "one" in backend.tried_alone


class TestRows:
    def test_ids_go_on_after_those_that_are_reserved(self, backend: Backend, url: URL) -> None:
        def reserve(connection: OpenConnection) -> None:
            backend.reserve_ids(connection.core, "messages", 41)

        def last(connection: OpenConnection) -> int:
            return backend.last_id(connection.core, "messages")

        with SessionRepository(url) as repository:
            assert repository._read(last) == 0
            repository._write(reserve)
            repository.create_session("s", "cli")
            assert repository.append_message("s", "user", "x") == 42
            assert repository._read(last) == 42

    def test_rows_are_stored_with_every_kind_of_value(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        rows = [
            {"id": "a\tb\\N\n", "source": "Wörter 记忆", "started_at": 0.1, "title": None},
            {"id": "b", "source": "", "started_at": 1e300, "title": "\\N"},
        ]
        backend.insert(writer.core, sessions, rows)
        stored = writer.core.execute(select(*(sessions.c[name] for name in rows[0])))
        assert [dict(row) for row in stored.mappings()] == rows

    def test_a_message_brings_its_words_where_there_is_a_column_for_them(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        assert writer.takes_words == backend.takes_words
        columns = {each["name"] for each in inspected(writer.core).get_columns("messages")}
        assert ("search" in columns) == backend.takes_words
        with pytest.raises(writer.errors), noticing_no_place(writer):
            writer.run("SELECT 1 FROM nowhere")
        assert writer.takes_words == backend.takes_words

    def test_a_join_reads_a_whole_table_where_it_is_weighed(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        explain = "EXPLAIN" if backend.is_server else "EXPLAIN QUERY PLAN"
        sql = "SELECT count(s.title) FROM messages AS m LEFT JOIN sessions AS s ON s.id = m.session_id"
        rows = writer.dbapi.execute(f"{explain} {sql}").fetchall()
        assert any("Seq Scan on sessions" in row[-1] for row in rows) == backend.weighs_joins


class TestSchema:
    def test_a_new_database_has_a_record_that_it_takes(self, backend: Backend, url: URL) -> None:
        assert (PACKAGE / "schema" / backend.schema_record).is_file()
        with backend.migration_engine(url, 1.0).begin() as connection:
            assert backend.takes_record(connection)

    def test_a_namespace_is_there_afterwards(self, backend: Backend, url: URL) -> None:
        if backend.is_server:
            url = backend.checked_url(url.update_query_dict({"schema": "another"}))
        with (
            backend.migration_engine(url, 1.0).connect() as connection,
            connection.begin() as whole,
        ):
            backend.make_namespace(connection)
            connection.exec_driver_sql("CREATE TABLE here (a INTEGER)")
            whole.rollback()

    def test_a_file_keeps_its_log(self, backend: Backend, url: URL) -> None:
        for switch in (backend.start_log, backend.keep_log):
            with closing(backend.migration_engine(url, 1.0).raw_connection()) as connection:
                dbapi = connection.dbapi_connection
                if not backend.is_server:
                    dbapi.execute("PRAGMA journal_mode=DELETE")
                switch(dbapi)
                if not backend.is_server:
                    assert dbapi.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_references_are_checked_again_afterwards(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        writer.roll_back()
        broken = "INSERT INTO messages (session_id, role, timestamp) VALUES ('none', 'user', 1)"
        with backend.without_references(writer.dbapi):
            if not backend.is_server:
                writer.dbapi.execute(broken)
        writer.begin()
        with pytest.raises(writer.errors):
            writer.run(broken)


class TestCare:
    def test_it_says_which_library_is_in_force(self, backend: Backend, url: URL) -> None:
        with SessionRepository(url) as repository:
            found = repository._read(lambda connection: backend.describe(connection.core))
        assert {"library", "version"} <= found.keys()

    def test_a_sound_database_has_no_damage_and_no_broken_reference(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        assert backend.damage(writer.core) == []
        assert backend.broken_references(writer.core) == set()

    def test_compacting_keeps_what_is_there(self, backend: Backend, url: URL) -> None:
        with SessionRepository(url) as repository:
            repository.create_session("s", "cli")
            backend.compact(url, 5.0)
            assert repository.session_count() == 1


def test_a_reference_that_a_tool_broke_is_found(sqlite_database: Path) -> None:
    statement = "INSERT INTO messages (session_id, role, timestamp) VALUES ('none', 'user', 1)"
    change(sqlite_database, statement)
    with SQLITE.migration_engine(url_of(sqlite_database), 1.0).connect() as connection:
        found: set[tuple[object, ...]] = SQLITE.broken_references(connection)
    assert [row[0] for row in found] == ["messages"]
    assert migrate.inspect(sqlite_database).is_current


class TestTheFile:
    """What is known of a file, and of a server nothing."""

    def test_a_second_name_is_refused(self, backend: Backend, url: URL) -> None:
        backend.require_one_name(url)
        if not backend.is_server:
            Path(str(url.database)).with_name("other.db").hardlink_to(str(url.database))
            with pytest.raises(SecondNameError):
                backend.require_one_name(url)

    def test_others_rights_are_named(self, backend: Backend, url: URL) -> None:
        assert backend.exposed(url) == []
        if not backend.is_server:
            path = Path(str(url.database))
            path.chmod(0o644)
            path.parent.chmod(0o755)
            assert "can be read by other users" in backend.exposed(url)[0]

    def test_a_place_that_can_be_written_has_no_reason_not_to_be(
        self, backend: Backend, url: URL
    ) -> None:
        assert backend.why_read_only(url) is None

    def test_the_log_has_a_length(self, backend: Backend, url: URL, writer: OpenConnection) -> None:
        writer.core.execute(text("CREATE TABLE more (id INTEGER)"))
        writer.commit()
        length = backend.log_bytes(url)
        assert length is None if backend.is_server else length

    def test_a_connection_knows_the_file_that_it_has_open(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        assert (backend.opened(writer.core) is None) == backend.is_server

    def test_an_error_of_the_driver_is_told_from_others(
        self, backend: Backend, writer: OpenConnection
    ) -> None:
        for run in (writer.run, lambda sql: writer.core.execute(text(sql))):
            with pytest.raises(writer.errors) as raised:
                run("nonsense")
            assert backend.is_drivers(raised.value)
            writer.roll_back()
            writer.begin()
        assert not backend.is_drivers(ValueError("x"))


TRIGGER = {
    "sqlite": ["CREATE TRIGGER theirs AFTER INSERT ON sessions BEGIN UPDATE sessions SET source = 'x'; END"],
    "postgresql": [
        "CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
        "CREATE TRIGGER theirs BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION theirs()",
    ],
}  # fmt: skip


def test_a_trigger_is_dropped_by_its_name_and_table(
    backend: Backend, url: URL, database: Path | URL
) -> None:
    for statement in TRIGGER[backend.name]:
        change(database, statement)
    with backend.migration_engine(url, 1.0).begin() as connection:
        drop = backend.drop_trigger.format(name='"theirs"', table='"sessions"')
        connection.exec_driver_sql(drop)
        found = [tuple(row[:2]) for row in connection.exec_driver_sql(backend.triggers)]
    assert ("theirs", "sessions") not in found


def test_triggers_are_listed_with_their_tables_and_those_that_fire_are_known(
    backend: Backend, url: URL, database: Path | URL
) -> None:
    for statement in TRIGGER[backend.name]:
        change(database, statement)
    engine = backend.write_engine(url, Settings())
    connection = OpenConnection(engine, backend, backend.begin_writing)
    with closing(connection):
        connection.begin()
        found = [tuple(row[:2]) for row in connection.core.exec_driver_sql(backend.triggers)]
        assert ("theirs", "sessions") in found
        insert = "INSERT INTO sessions (id, source, started_at) VALUES ('s', 't', 1)"
        connection.run(insert)
        fired = backend.fired(connection.core)(connection.dbapi, False)
        assert fired == connection.fired
        assert any(" theirs " in f" {made}" for made in fired)
        connection.roll_back()
