"""Bulk statements in `orm_session()`: the rules of the methods, and many rows."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event, insert, literal, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from support import only_sqlite

from hermes_store.errors import InvalidArgumentError, SessionNotFoundError
from hermes_store.models import Message, Meta, Session, Usage, stored

RECORD = {"session_id": "a", "hour": 1, "first_at": 1.0, "last_at": 1.0}


@pytest.fixture
def repo(repository):
    repository.create_session("a", "cli")
    repository.record_usage("a", model="m")
    repository.meta.set("k", 1)
    return repository


def by_rows(table, row):
    return lambda orm: orm.execute(insert(table), [row])


def by_values(table, row):
    return lambda orm: orm.execute(insert(table).values(**row))


def by_mappings(table, row):
    return lambda orm: orm.bulk_insert_mappings(table, [row])


def by_update(table, row):
    return lambda orm: orm.execute(update(table).values(**row))


def by_select(table, row):
    given = [literal("{1}" if value == {1} else value) for value in row.values()]
    return lambda orm: orm.execute(insert(table).from_select(list(row), select(*given)))


WAYS = {
    "rows": by_rows,
    "values": by_values,
    "mappings": by_mappings,
    "select": by_select,
    "update": by_update,
}
WRONG = {
    "calls below 0": (Usage, {"calls": -1}),
    "a count beyond those of a call": (Usage, {"input_tokens": 2**53 + 1}),
    "a model that is too long": (Usage, {"model": "m" * 501}),
    "a model that is no text": (Usage, {"model": 5}),
    "a cost below 0": (Usage, {"actual_cost_usd": -0.5}),
    "an hour that has no date": (Usage, {"hour": 10**9}),
    "an empty session": (Usage, {"session_id": ""}),
    "milliseconds": (Usage, {"last_at": 1_770_000_000_000}),
    "an empty key": (Meta, {"key": ""}),
    "a key with a NUL": (Meta, {"key": "a\0b"}),
    "a value that is not JSON": (Meta, {"value": {1}}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_the_methods_refuse_a_statement_refuses(repo, wrong, way):
    table, fields = WRONG[wrong]
    row = (
        fields
        if way == "update"
        else {**(RECORD if table is Usage else {"key": "n", "value": 1}), **fields}
    )
    before = repo.export_all(), repo.meta.items()
    with pytest.raises(InvalidArgumentError, match="; "), repo.orm_session() as orm:
        WAYS[way](table, row)(orm)
    assert (repo.export_all(), repo.meta.items()) == before


@pytest.mark.parametrize("way", WAYS)
def test_usage_of_an_unknown_session_is_refused_by_its_name(repo, way):
    with pytest.raises(SessionNotFoundError, match="nobody"), repo.orm_session() as orm:
        WAYS[way](Usage, {**({} if way == "update" else RECORD), "session_id": "nobody"})(orm)


def test_texts_that_are_too_long_for_an_index_together_are_refused(repo):
    texts = dict.fromkeys(("task", "model", "provider", "base_url", "mode"), "x" * 500)
    with pytest.raises(InvalidArgumentError, match="altogether"), repo.orm_session() as orm:
        orm.execute(insert(Usage), [{**RECORD, **texts}])


def test_what_the_methods_take_a_statement_stores(repo):
    with repo.orm_session() as orm:
        orm.execute(insert(Usage), [{**RECORD, "model": None, "calls": 2}])
        orm.execute(insert(Usage).values(**RECORD, model="n", calls=3))
        orm.execute(insert(Meta), [{"key": "n", "value": {"a": 1}}])
        orm.execute(update(Meta).where(Meta.key == "k").values(value=[2]))
    assert {r["group"]: r["calls"] for r in repo.usage_report("model")} == {"": 2, "m": 1, "n": 3}
    assert repo.meta.items() == [("k", [2]), ("n", {"a": 1})]


def test_a_select_gives_usage_and_meta_as_they_are(repo):
    usage = [each.name for each in Usage.__table__.columns]
    given = [literal("n") if name == "model" else Usage.__table__.c[name] for name in usage]
    repo.meta.set("k", {"a": [1, None]})
    with repo.orm_session() as orm:
        orm.execute(insert(Usage).from_select(usage, select(*given)))
        orm.execute(insert(Meta).from_select(["key", "value"], select(Meta.key + "2", Meta.value)))
        text = stored.meta.c.value
        orm.execute(insert(Meta).from_select(["key", "value"], select(literal("n"), text).limit(1)))
    assert {r["group"]: r["calls"] for r in repo.usage_report("model")} == {"m": 1, "n": 1}
    assert dict(repo.meta.items()) == {key: {"a": [1, None]} for key in ("k", "k2", "n")}


@only_sqlite  # a server has no NUL
def test_what_a_select_would_store_in_another_form_is_refused(repo):
    given = {**RECORD, "model": "m\0"}
    statement = insert(Usage).from_select(list(given), select(*map(literal, given.values())))
    with pytest.raises(InvalidArgumentError, match="in place of which"), repo.orm_session() as orm:
        orm.execute(statement)


@pytest.mark.parametrize("text", ["{", "NaN", "[" * 300 + "]" * 300, "[" * 99_999])
def test_what_a_select_gives_as_json_is_what_the_methods_take(repo, text):
    statement = insert(Meta).from_select(["key", "value"], select(literal("new"), literal(text)))
    with pytest.raises(InvalidArgumentError, match=r"^value: "), repo.orm_session() as orm:
        orm.execute(statement)
    assert repo.meta.get("new") is None


def test_a_key_that_an_update_gives_a_session_is_checked(repo):
    with pytest.raises(InvalidArgumentError, match="key: "), repo.orm_session() as orm:
        orm.execute(update(Session).values(key=""))


# --- many rows ------------------------------------------------------------------------------------

MANY = 2_500
VARIABLES = 9
"""The number by which SQLite knows its limit on the parameters of a statement."""


@contextmanager
def few_parameters(orm):
    """As builds of SQLite with their default, which was 999 for long."""
    driver = orm.connection().connection.dbapi_connection
    set_limit = getattr(driver, "setlimit", lambda *_: None)  # pysqlite3 has none
    before = set_limit(VARIABLES, 999)
    yield
    set_limit(VARIABLES, before)


@only_sqlite
def test_more_sessions_than_a_statement_has_parameters_are_changed_at_once(repo):
    numbers = range(MANY)
    with repo.orm_session() as orm, few_parameters(orm):
        orm.execute(insert(Session), [{"id": f"s{n}", "source": "cli"} for n in numbers])
        orm.execute(update(Session), [{"id": f"s{n}", "started_at": 1.0} for n in numbers])
    assert repo.session_count() == MANY + 1
    assert repo.get_session(f"s{MANY - 1}")["started_at"] == 1.0


@only_sqlite
def test_more_messages_than_a_statement_has_parameters_are_counted_and_found(repo):
    ids = range(1, MANY + 1)
    rows = [{"id": n, "session_id": "a", "role": "user", "content": "x"} for n in ids]
    with repo.orm_session() as orm, few_parameters(orm):
        orm.execute(insert(Message), rows)
        orm.execute(update(Message), [{"id": n, "content": "pelican"} for n in ids])
        orm.execute(update(Message), [{"id": n, "state": "rewound"} for n in ids if n > 1])
    assert repo.get_session("a")["message_count"] == 1
    assert [hit["id"] for hit in repo.search_messages("pelican")] == [1]
    assert repo.check() == []


def test_texts_of_many_messages_are_folded_in_few_statements(repo):
    rows = [{"role": "tool", "content": "x", "tool_name": "x"} for _ in range(1_000)]
    repo.append_messages("a", rows)
    seen = []
    with repo.orm_session() as orm:
        note = lambda *given: seen.append(given[2])  # noqa: E731
        event.listen(orm.connection(), "before_cursor_execute", note)
        orm.execute(update(Message).values(tool_name="readPelican"))
        event.remove(orm.connection(), "before_cursor_execute", note)
    assert sum("UPDATE messages SET folded" in each for each in seen) == 3
    assert len(repo.search_messages("pelican", limit=None)) == 1_000
    assert repo.check() == []


@only_sqlite
def test_an_upsert_of_messages_of_many_sessions_keeps_within_the_parameters(repo):
    numbers = range(MANY)
    with repo.orm_session() as orm, few_parameters(orm):
        orm.execute(insert(Session), [{"id": f"s{n}", "source": "cli"} for n in numbers])
        upsert = sqlite_insert(Message).on_conflict_do_nothing()
        rows = [{"session_id": f"s{n}", "role": "user", "content": "pelican"} for n in numbers]
        orm.execute(upsert, rows)
    assert len(repo.search_messages("pelican", limit=None)) == MANY
    assert repo.check() == []
