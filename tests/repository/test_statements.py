"""Statements are the same on every database, and the driver can run them as they are."""

import pytest
from sqlalchemy import Select, Text, bindparam, false, literal, select
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite
from support import only_sqlite

from hermes_store import SessionFilter
from hermes_store.database import on_servers
from hermes_store.database.on_servers import either
from hermes_store.database.statements import Statement
from hermes_store.errors import TransactionRolledBackError
from hermes_store.models.stored import sessions as table
from hermes_store.queries import (
    appends,
    conversation,
    deleting,
    filtering,
    joining,
    leases,
    lineage,
    listing,
    messages,
    meta,
    paging,
    previews,
    properties,
    session_changes,
    sessions,
    titles,
    usage,
    usage_by_time,
    usage_records,
    usage_report,
)
from hermes_store.queries.listing import Shape

EVERY_FIELD = tuple(
    (name, 2 if name == "exclude_sources" else 1 if name in filtering._STATES else None)
    for name in vars(SessionFilter())
)
FILTERS = [(), (("archived", 0), ("open", 0), ("pinned", 0)), EVERY_FIELD]
SHAPES = [
    Shape(chosen, paging.Shape(by_last_active, goes_on), conversations)
    for chosen in FILTERS
    for by_last_active in (False, True)
    for goes_on in (False, True)
    for conversations in (False, True)
]
MODULES = (
    appends,
    conversation,
    deleting,
    joining,
    leases,
    lineage,
    listing,
    messages,
    meta,
    previews,
    properties,
    session_changes,
    sessions,
    titles,
    usage,
    usage_by_time,
    usage_records,
    usage_report,
)


def usage_reports():
    for which in FILTERS:
        yield from (usage_by_time._ends(which), usage_by_time._period(which))
        yield from (usage_by_time._grouped(which, few) for few in (False, True))
        yield from (usage_report._of_hours(which, changes) for changes in (0, 2))
        yield from (
            usage_report._by_text(by, which, bounded, few)
            for few in (False, True)
            for bounded in (False, True)
            for by in usage_report._TEXTS
        )


STATEMENTS = [
    *(
        pytest.param(value, id=f"{module.__name__.rpartition('.')[2]}.{name}")
        for module in MODULES
        for name, value in vars(module).items()
        if isinstance(value, Statement)
    ),
    *(
        pytest.param(statement, id=f"usage {place}")
        for place, statement in enumerate(usage_reports())
    ),
    *(
        pytest.param(listing._search_statement(shape), id=f"search {place}")
        for place, shape in enumerate(SHAPES)
    ),
    *(
        pytest.param(listing._rich_statement(shape, columns), id=f"rich {len(columns)} {place}")
        for place, shape in enumerate(SHAPES)
        for columns in (sessions.NAMES, listing._LISTED)
    ),
    *(
        pytest.param(statement, id=f"{name} of every field")
        for name, statement in (
            ("usage", usage._by_source(EVERY_FIELD)),
            ("longest", listing._longest_statement(EVERY_FIELD)),
            ("update", properties._update(("cwd", "extra", "api_call_count"))),
        )
    ),
]


@pytest.mark.parametrize(
    "dialect", [pysqlite.dialect(paramstyle="named"), psycopg.dialect()], ids=lambda d: d.name
)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_needs_nothing_of_sqlalchemy_when_it_runs(statement, dialect):
    core = statement._core
    if isinstance(core, on_servers._Either):
        core = core.here if dialect.name == "sqlite" else core.on_servers
    compiled = core.compile(dialect=dialect, column_keys=statement._columns)
    assert "POSTCOMPILE" not in str(compiled)
    for bind in compiled.binds.values():
        assert_unchanged(bind.type, bind.type.dialect_impl(dialect).bind_processor(dialect))
    if isinstance(core, Select):
        for column in core.selected_columns:
            kind = column.type.dialect_impl(dialect)
            assert_unchanged(column.type, kind.result_processor(dialect, _FLOAT8))


_FLOAT8 = 701
"""PostgreSQL's number for the only type whose results it would look at."""


def assert_unchanged(kind, processor):
    """Fail if SQLAlchemy would change a value of this type on its way."""
    samples = {str: "x", int: 7, float: 1.5, list: [7]}
    sample = {} if processor is None else samples[kind.python_type]
    assert processor is None or processor(sample) == sample


def test_constants_in_a_statement_are_passed_along(repository):
    answer = Statement(select(literal(42) + bindparam("more")))
    with repository.transaction() as transaction:
        assert answer.run(transaction._open, more=1).fetchall() == [(43,)]
        assert answer.run(transaction._open, more=2).fetchall() == [(44,)]


def test_a_server_gets_other_words_where_there_are_some(repository):
    here = Statement(either(select(literal("file")), on_servers=select(literal("server"))))
    part = Statement(select(literal(1)).where(either(literal(1) == 1, on_servers=false())))
    with repository.transaction() as transaction:
        is_server = transaction._open.backend.is_server
        assert here.run(transaction._open).fetchall() == [("server" if is_server else "file",)]
        assert part.run(transaction._open).fetchall() == ([] if is_server else [(1,)])


def test_several_statements_of_one_read_see_one_snapshot(repository):
    repository.create_session("s", "cli")

    def read(connection):
        before = listing.count(connection, SessionFilter(archived=None))
        repository.create_session("t", "cli")
        return before, listing.count(connection, SessionFilter(archived=None))

    assert repository._read(read) == (1, 1)
    assert repository.session_count() == 2


def test_nothing_runs_after_the_database_ended_the_transaction_by_itself(repository):
    repository.create_session("s", "cli")
    with pytest.raises(TransactionRolledBackError), repository.transaction() as transaction:
        transaction.append_message("s", "user", "x")
        driver = transaction.connection.connection.dbapi_connection
        driver.execute("ROLLBACK")  # as SQLite does by itself when the disk is full
        transaction.append_message("s", "user", "y")
    assert repository.message_count() == 0


@only_sqlite
def test_a_title_is_looked_up_in_the_index(repository):
    for statement in (titles._CONTINUATIONS, titles._HOLDER, titles._SESSION_OF):
        assert "idx_sessions_title_unique" in plan(repository, statement)


@only_sqlite
def test_a_prefix_is_looked_up_in_the_primary_key(repository):
    assert "SEARCH sessions USING" in plan(repository, sessions._WITH_PREFIX)


def plan(repository, statement):
    with repository.transaction() as transaction:
        sql, constants = statement._compile("sqlite", transaction.connection.dialect)
        names = statement._core.compile().params
        driver = transaction.connection.connection.dbapi_connection
        given = {**dict.fromkeys(names, "x"), **constants}
        return "\n".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}", given))


def test_a_statement_is_compiled_once_per_dialect(repository, monkeypatch):
    statement = Statement(select(table.c.id).where(table.c.id == bindparam("one", type_=Text)))
    with repository.transaction() as transaction:
        statement.run(transaction._open, one="x")
        monkeypatch.setattr(statement, "_core", None)
        assert statement.run(transaction._open, one="x").fetchall() == []
