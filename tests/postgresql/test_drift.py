"""`alembic check` on PostgreSQL: no false difference, and every true one, search included."""

from typing import Any

import postgres_server
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from migrations.files import alembic
from sqlalchemy import URL
from sqlalchemy.pool import NullPool

from hermes_store import SessionRepository, migrate
from hermes_store.models import Base
from hermes_store.schema import autogenerate, drafts

SEARCH = {
    "missing index": "DROP INDEX idx_messages_search",
    "index of another kind": "DROP INDEX idx_messages_search;"
    "CREATE INDEX idx_messages_search ON messages (id)",
    "index that was not finished": "UPDATE pg_index SET indisvalid = false"
    " WHERE indexrelid = 'idx_messages_search'::regclass",
    "missing column": "ALTER TABLE messages DROP COLUMN search",
    "column of another type": "ALTER TABLE messages DROP COLUMN search;"
    "ALTER TABLE messages ADD COLUMN search text",
    "generated column": "ALTER TABLE messages DROP COLUMN search;"
    "ALTER TABLE messages ADD COLUMN search tsvector"
    " GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, coalesce(content, ''))) STORED;"
    "CREATE INDEX idx_messages_search ON messages USING gin (search)",
    "missing trigger": "DROP TRIGGER zz_messages_search ON messages",
    "disabled trigger": "ALTER TABLE messages DISABLE TRIGGER zz_messages_search",
    "changed trigger": "DROP TRIGGER zz_messages_search ON messages;"
    "CREATE TRIGGER zz_messages_search BEFORE INSERT ON messages"
    " FOR EACH ROW EXECUTE FUNCTION hermes_search_keep()",
    "missing view": "DROP VIEW messages_search",
    "changed view": "CREATE OR REPLACE VIEW messages_search AS SELECT id, content, tool_name,"
    " tool_calls, NULL AS forms FROM messages",
    "changed function": "CREATE OR REPLACE FUNCTION hermes_search_fold(typed text) RETURNS text"
    " LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT lower(typed) $$",
    "missing everything": "DROP FUNCTION hermes_search_fold, hermes_search_vector,"
    " hermes_search_parts, hermes_search_calls CASCADE",
}
LEFT_OVER = {
    "trigger and its function": "CREATE FUNCTION hermes_search_old() RETURNS trigger"
    " LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;"
    "CREATE TRIGGER messages_fts_update AFTER UPDATE ON messages"
    " FOR EACH ROW EXECUTE FUNCTION hermes_search_old()",
    "function": "CREATE FUNCTION hermes_search_words(content text) RETURNS text"
    " LANGUAGE sql AS 'SELECT content'",
    "view": "CREATE VIEW messages_search_old AS SELECT id FROM messages",
}
TABLES = {
    "missing index": "DROP INDEX idx_sessions_source",
    "index that ascends": "DROP INDEX idx_sessions_started;"
    "CREATE INDEX idx_sessions_started ON sessions (started_at)",
    "index of other columns": "DROP INDEX idx_messages_session;"
    "CREATE INDEX idx_messages_session ON messages (session_id)",
    "index that is not unique": "DROP INDEX idx_sessions_title_unique;"
    "CREATE INDEX idx_sessions_title_unique ON sessions (title)",
    "index left over": "CREATE INDEX idx_sessions_model ON sessions (model)",
    "column left over": "ALTER TABLE messages ADD COLUMN starred integer",
    "missing column": "ALTER TABLE sessions DROP COLUMN model",
    "column of another type": "ALTER TABLE messages ALTER COLUMN token_count TYPE integer",
    "column that may be null": "ALTER TABLE messages ALTER COLUMN role DROP NOT NULL",
    "column of another default": "ALTER TABLE sessions ALTER COLUMN input_tokens SET DEFAULT 1",
    "missing foreign key": "ALTER TABLE messages DROP CONSTRAINT fk_messages_session_id_sessions",
}


@pytest.fixture
def connection(database: URL) -> sa.Connection:
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "needle foo/bar.py")
    with sa.create_engine(database, poolclass=NullPool).connect() as connection:
        yield connection


def context_of(connection: sa.Connection) -> MigrationContext:
    options = autogenerate.autogenerate_options(Base.metadata) | {"target_metadata": Base.metadata}
    return MigrationContext.configure(connection, opts=options)


def differences(connection: sa.Connection) -> list[Any]:
    return compare_metadata(context_of(connection), Base.metadata)


def cure(connection: sa.Connection) -> None:
    """Run what `alembic revision --autogenerate` would write."""
    context = context_of(connection)
    made = produce_migrations(context, Base.metadata)
    code = render_python_code(made.upgrade_ops, render_item=drafts.render_item)
    lines = "\n".join(line.removeprefix("    ") for line in code.splitlines())
    with Operations.context(context) as op:
        exec(lines, {"op": op, "sa": sa})
    connection.commit()


def test_a_new_database_has_none(connection):
    assert differences(connection) == []


def test_what_other_tools_made_is_none(connection):
    connection.exec_driver_sql(
        "CREATE TABLE kanban (id integer PRIMARY KEY, title text);"
        "CREATE INDEX kanban_title ON kanban (title DESC);"
        "CREATE VIEW kanban_view AS SELECT * FROM kanban;"
        "CREATE FUNCTION kanban() RETURNS integer LANGUAGE sql AS 'SELECT 1'"
    )
    assert differences(connection) == []


@pytest.mark.parametrize("drift", SEARCH)
def test_drift_of_search_is_found_and_cured(connection, database, drift):
    connection.exec_driver_sql(SEARCH[drift])
    connection.commit()
    assert differences(connection)
    cure(connection)
    assert differences(connection) == []
    migrate.upgrade(database)  # what the cure leaves to be indexed
    with SessionRepository(database) as repository:
        assert [hit["id"] for hit in repository.search_messages("foo/bar.py")] == [1]


@pytest.mark.parametrize("drift", LEFT_OVER)
def test_what_an_earlier_revision_made_is_found_and_dropped(connection, drift):
    connection.exec_driver_sql(LEFT_OVER[drift])
    connection.commit()
    assert {what for what, _ in differences(connection)} <= {
        "drop_removed_trigger",
        "drop_removed_function",
        "drop_removed_view",
    }
    assert differences(connection)
    cure(connection)
    assert differences(connection) == []


@pytest.mark.parametrize("drift", TABLES)
def test_drift_of_the_tables_is_found_and_cured(connection, drift):
    connection.exec_driver_sql(TABLES[drift])
    connection.commit()
    assert differences(connection)
    cure(connection)
    assert differences(connection) == []


def test_the_command_passes_and_fails_as_it_should(database):
    url = f"url={database.render_as_string(hide_password=False)}"
    passed = alembic("-x", url, "check")
    assert passed.returncode == 0, passed.stderr
    assert "No new upgrade operations detected" in passed.stdout
    with postgres_server.connected(database) as connection:
        connection.execute(SEARCH["missing index"])
    failed = alembic("-x", url, "check")
    assert failed.returncode != 0
    assert "('create_missing_index', 'idx_messages_search')" in failed.stderr
