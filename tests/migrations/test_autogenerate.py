"""`alembic check` and `revision --autogenerate`: no false difference, and every true one."""

import re
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from files import HEAD, ROOT, alembic, build, check_search_index, differences, query, schema, script
from sqlalchemy.pool import NullPool

from hermes_store import migrate
from hermes_store.models import Base
from hermes_store.models.types import Json, Words
from hermes_store.schema import autogenerate, drafts
from hermes_store.search.ddl import TRIGGERS


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "state.db"
    migrate.upgrade(path)
    return path


@pytest.fixture
def path(migrated: Path, tmp_path: Path) -> Path:
    """A new database at head, with a message in it."""
    copy = Path(shutil.copy(migrated, tmp_path / "state.db"))
    query(copy, "INSERT INTO sessions (id, source, started_at) VALUES ('s', 'cli', 1.0)")
    query(
        copy,
        "INSERT INTO messages (session_id, role, content, timestamp)"
        " VALUES ('s', 'user', 'needle', 1.0)",
    )
    return copy


@pytest.fixture
def models() -> sa.MetaData:
    """A copy of the models' metadata, to be changed."""
    copy = sa.MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        table.to_metadata(copy)
    return copy


def migrate_as_generated(path: Path, metadata: sa.MetaData) -> tuple[str, str]:
    """Generate a revision, run its code up, and give its two halves."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        options = autogenerate.autogenerate_options(metadata) | {"target_metadata": metadata}
        context = MigrationContext.configure(connection, opts=options)
        made = produce_migrations(context, metadata)
        up, down = (
            render_python_code(each, render_item=drafts.render_item)
            for each in (made.upgrade_ops, made.downgrade_ops)
        )
        run(context, up)
        connection.commit()
    return up, down


def run(context: MigrationContext, code: str) -> None:
    """Run the body of `upgrade` or `downgrade` as it stands in the file, indented."""
    with Operations.context(context) as op:
        exec(f"if True:\n    {code.lstrip()}", {"op": op, "sa": sa})


def run_down(path: Path, code: str) -> None:
    with sa.create_engine(f"sqlite:///{path}", poolclass=NullPool).connect() as connection:
        run(MigrationContext.configure(connection), code)
        connection.commit()


def test_a_column_of_json_or_text_is_drafted_as_it_is_stored(path, models):
    models.tables["messages"].append_column(sa.Column("novel", Json()))
    models.tables["messages"].append_column(sa.Column("words", Words()))
    up, _ = migrate_as_generated(path, models)
    assert up.count("sa.Text()") == 2
    assert "hermes_store" not in up


INDEXES = [
    "idx_sessions_source",
    "idx_sessions_parent",
    "idx_sessions_started",
    "idx_sessions_title_unique",
    "idx_sessions_last_active",
    "idx_messages_session",
]
DRIFT = {
    **{f"missing {name}": f"DROP TRIGGER {name}" for name in TRIGGERS},
    **{f"missing {name}": f"DROP INDEX {name}" for name in INDEXES},
    "missing search table": "DROP TABLE messages_fts",
    "missing view": "DROP VIEW messages_search",
    "missing table of the index's state": "DROP TABLE search_index",
    "missing everything": "DROP VIEW messages_search; DROP TABLE messages_fts;"
    "DROP TABLE search_index;" + ";".join(f"DROP TRIGGER {name}" for name in TRIGGERS),
    "changed view": "DROP VIEW messages_search; CREATE VIEW messages_search AS"
    " SELECT id, content, 'x' AS tool_name, NULL AS tool_calls, NULL AS forms"
    " FROM messages",
    "changed table of the index's state": "DROP TABLE search_index;"
    "CREATE TABLE search_index (id INTEGER PRIMARY KEY, state TEXT)",
    "view left over": "CREATE VIEW messages_fts_view AS SELECT 1",
    "table left over": "CREATE TABLE search_index_old (id INTEGER PRIMARY KEY)",
    "changed trigger": "DROP TRIGGER messages_fts_insert; CREATE TRIGGER messages_fts_insert"
    " AFTER INSERT ON messages WHEN new.role <> 'tool' BEGIN SELECT ':x'; END",
    "changed search table": "DROP TABLE messages_fts; CREATE VIRTUAL TABLE messages_fts"
    " USING fts5(content, tool_name, tool_calls, content=messages_search, content_rowid=id)",
    "trigger left over": "CREATE TRIGGER messages_fts_other AFTER INSERT ON messages"
    " BEGIN SELECT 1; END",
    "trigger that an earlier revision made": "CREATE TRIGGER messages_fts_update"
    " AFTER UPDATE ON messages BEGIN SELECT 1; END",
    "search table left over": "CREATE VIRTUAL TABLE messages_fts_trigram USING fts5(content)",
    "index left over": "CREATE INDEX idx_sessions_model ON sessions (model)",
    "index that ascends": "DROP INDEX idx_sessions_started;"
    "CREATE INDEX idx_sessions_started ON sessions (started_at)",
    "index of other columns": "DROP INDEX idx_messages_session;"
    "CREATE INDEX idx_messages_session ON messages (session_id, timestamp)",
    "index with another condition": "DROP INDEX idx_sessions_title_unique;"
    "CREATE UNIQUE INDEX idx_sessions_title_unique ON sessions (title) WHERE title <> ''",
    "index without condition": "DROP INDEX idx_sessions_title_unique;"
    "CREATE UNIQUE INDEX idx_sessions_title_unique ON sessions (title)",
    "index that is not unique": "DROP INDEX idx_sessions_title_unique;"
    "CREATE INDEX idx_sessions_title_unique ON sessions (title) WHERE title IS NOT NULL",
}


class TestOnAMigratedFile:
    def test_there_is_no_difference(self, path: Path) -> None:
        assert differences(path) == []

    def test_tables_views_triggers_and_searches_of_other_tools_are_none(self, path: Path) -> None:
        script(
            path,
            "CREATE TABLE kanban (id INTEGER PRIMARY KEY, title TEXT);"
            "CREATE INDEX kanban_title ON kanban (title DESC);"
            "CREATE VIEW kanban_view AS SELECT * FROM kanban;"
            "CREATE VIRTUAL TABLE kanban_fts USING fts5(title);"
            "CREATE TRIGGER kanban_trigger AFTER INSERT ON messages BEGIN SELECT 1; END;"
            "CREATE TABLE schema_version (version INTEGER NOT NULL);",
        )
        assert differences(path) == []

    def test_ddl_that_is_only_written_otherwise_is_none(self, path: Path) -> None:
        script(
            path,
            'DROP INDEX idx_sessions_started; CREATE INDEX "idx_sessions_started" on\n'
            "[sessions] ( `started_at`   desc,id\tDESC ); -- as somebody types it",
        )
        assert differences(path) == []


@pytest.mark.parametrize("drift", DRIFT)
class TestDrift:
    def test_is_found(self, path: Path, drift: str) -> None:
        script(path, DRIFT[drift])
        assert differences(path)

    def test_is_cured_by_the_generated_revision_and_comes_back_on_the_way_down(
        self, path: Path, drift: str
    ) -> None:
        before = schema(path)
        script(path, DRIFT[drift])
        drifted = schema(path)
        _up, down = migrate_as_generated(path, Base.metadata)
        assert differences(path) == []
        assert [each[:2] for each in schema(path)] == [each[:2] for each in before]
        check_search_index(path)
        assert query(path, "SELECT 1 FROM messages_fts WHERE messages_fts MATCH 'needle'")
        run_down(path, down)
        assert schema(path) == drifted


class TestAChangeOfTheModels:
    def test_a_new_column_is_found(self, path: Path, models: sa.MetaData) -> None:
        models.tables["sessions"].append_column(sa.Column("mood", sa.Text))
        [(what, _, table, column)] = differences(path, models)
        assert (what, table, column.name) == ("add_column", "sessions", "mood")

    def test_a_dropped_column_is_found(self, path: Path, models: sa.MetaData) -> None:
        script(path, "ALTER TABLE messages ADD COLUMN starred INTEGER")
        [(what, _, table, column)] = differences(path, models)
        assert (what, table, column.name) == ("remove_column", "messages", "starred")

    def test_a_new_table_is_found(self, path: Path, models: sa.MetaData) -> None:
        sa.Table("notes", models, sa.Column("id", sa.Integer, primary_key=True))
        [(what, table)] = differences(path, models)
        assert (what, table.name) == ("add_table", "notes")

    def test_a_new_index_is_found_and_written(self, path: Path, models: sa.MetaData) -> None:
        sa.Index("idx_sessions_model", models.tables["sessions"].c.model)
        up, down = migrate_as_generated(path, models)
        assert "op.create_index('idx_sessions_model', 'sessions', ['model']" in up
        assert "op.drop_index('idx_sessions_model'" in down
        assert differences(path, models) == []

    @pytest.mark.parametrize("name", ["idx_sessions_source", "idx_sessions_started"])
    def test_a_dropped_index_is_found(self, path: Path, models: sa.MetaData, name: str) -> None:
        table = models.tables["sessions"]
        table.indexes = {index for index in table.indexes if index.name != name}
        assert differences(path, models) == [("remove_index", name)]

    def test_a_new_unique_constraint_is_found(self, path: Path, models: sa.MetaData) -> None:
        models.tables["messages"].append_constraint(sa.UniqueConstraint("session_id", "timestamp"))
        [(what, constraint)] = differences(path, models)
        assert (what, constraint.name) == ("add_constraint", "uq_messages_session_id_timestamp")

    def test_another_type_default_or_nullability_is_found(
        self, path: Path, models: sa.MetaData
    ) -> None:
        sessions = models.tables["sessions"]
        sessions.c.user_id.type = sa.Integer()
        sessions.c.message_count.server_default = sa.DefaultClause("1")
        sessions.c.model.nullable = False
        found = {(each[0][0], each[0][3]) for each in differences(path, models)}
        assert found == {
            ("modify_type", "user_id"),
            ("modify_default", "message_count"),
            ("modify_nullable", "model"),
        }

    def test_a_column_that_loses_its_foreign_key_is_found(
        self, path: Path, models: sa.MetaData
    ) -> None:
        table = models.tables["messages"]
        [key] = [each for each in table.constraints if isinstance(each, sa.ForeignKeyConstraint)]
        table.constraints.discard(key)
        assert [each[0] for each in differences(path, models)] == ["remove_fk"]


class TestTheCommand:
    def test_check_passes_on_a_new_and_on_an_adopted_file(self, path: Path, tmp_path: Path) -> None:
        legacy = build("v3", tmp_path)
        migrate.upgrade(legacy)
        for each in (path, legacy):
            result = alembic("-x", f"url={each}", "check")
            assert result.returncode == 0, result.stderr
            assert "No new upgrade operations detected" in result.stdout

    def test_check_fails_on_a_missing_trigger_and_names_it(self, path: Path) -> None:
        script(path, "DROP TRIGGER messages_fts_insert")
        result = alembic("-x", f"url={path}", "check")
        assert result.returncode != 0
        assert "('create_missing_trigger', 'messages_fts_insert')" in result.stderr

    def test_revision_writes_the_cure_under_the_next_number(
        self, path: Path, tmp_path: Path
    ) -> None:
        checkout = tmp_path / "checkout"
        shutil.copytree(ROOT / "migrations", checkout / "migrations")
        shutil.copytree(ROOT / "hermes_store", checkout / "hermes_store")
        shutil.copy(ROOT / "alembic.ini", checkout)
        script(path, "DROP TRIGGER messages_fts_insert; DROP INDEX idx_sessions_started")
        common = ["-c", str(checkout / "alembic.ini"), "-x", f"url={path}"]

        def run(*arguments: str) -> tuple[int, str]:
            done = alembic(*common, *arguments, cwd=tmp_path, PYTHONPATH=str(checkout))
            return done.returncode, done.stderr

        assert run("revision", "--autogenerate", "-m", "Put back")[0] == 0
        number = f"{int(HEAD) + 1:04d}"
        written = (checkout / "migrations" / "versions" / f"{number}_put_back.py").read_text()
        assert f"revision = '{number}'" in written
        assert 'op.execute(r"""CREATE TRIGGER messages_fts_insert' in written
        assert "op.create_index('idx_sessions_started', 'sessions'" in written
        for arguments in (["upgrade", "head"], ["check"], ["downgrade", "-1"]):
            assert run(*arguments)[0] == 0, arguments

    def test_revision_on_an_adopted_file_is_empty(self, tmp_path: Path) -> None:
        checkout = tmp_path / "checkout"
        shutil.copytree(ROOT / "migrations", checkout / "migrations")
        shutil.copytree(ROOT / "hermes_store", checkout / "hermes_store")
        shutil.copy(ROOT / "alembic.ini", checkout)
        legacy = build("other_tools", tmp_path)
        migrate.upgrade(legacy)
        ini = str(checkout / "alembic.ini")
        command = ["-c", ini, "-x", f"url={legacy}", "revision", "--autogenerate", "-m", "nothing"]
        result = alembic(*command, cwd=tmp_path, PYTHONPATH=str(checkout))
        assert result.returncode == 0, result.stderr
        [written] = (checkout / "migrations" / "versions").glob("*_nothing.py")
        lines = re.findall(r"^    [^#\s].*", written.read_text(), re.MULTILINE)
        assert lines == ["    pass", "    pass"]
