"""Triggers of other programs on the store's tables: named, typed, and never believed."""

import json

import pytest
import stored
from sqlalchemy import URL, delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError
from support import Caller, only_sqlite

from hermes_store import SessionFilter, SessionRepository, migrate
from hermes_store.cli.app import run as run_command
from hermes_store.errors import ForeignTriggerError, RefusedError, StoreUnavailableError
from hermes_store.models import Message
from hermes_store.search.postgresql_ddl import TRIGGER

IGNORE = ("BEFORE INSERT", "SELECT RAISE(IGNORE);", "RETURN NULL;")
DELETE = (
    "AFTER INSERT",
    "DELETE FROM {table} WHERE id = new.id;",
    "DELETE FROM {table} WHERE id = new.id; RETURN NULL;",
)
ABORT = ("AFTER INSERT", "SELECT RAISE(ABORT, 'no more');", "RAISE 'no more';")
BROKEN = ("AFTER INSERT", "INSERT INTO nowhere VALUES (new.id);", "INSERT INTO nowhere VALUES (1);")


def make_trigger(database, table, trigger, name="theirs"):
    when, sqlite, server = trigger
    if isinstance(database, URL):
        body = f"AS $$ BEGIN {server.format(table=table)} RETURN new; END $$"
        stored.change(
            database, f"CREATE FUNCTION of_{name}() RETURNS trigger LANGUAGE plpgsql {body}"
        )
        each = f"FOR EACH ROW EXECUTE FUNCTION of_{name}()"
    else:
        each = f"BEGIN {sqlite.format(table=table)} END"
    stored.change(database, f"CREATE TRIGGER {name} {when} ON {table} {each}")


KEPT = {
    "usage": lambda repo: repo.record_usage("s", model="m"),
    "meta": lambda repo: repo.meta.set("key", "value"),
}


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("kind", ["ignored", "deleted"])
def test_usage_and_meta_that_a_foreign_trigger_takes_away_are_an_error(database, table, kind):
    delete = f"DELETE FROM {table}; "
    trigger = IGNORE if kind == "ignored" else ("AFTER INSERT", delete, f"{delete} RETURN NULL;")
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
    make_trigger(database, table, trigger)
    with SessionRepository(database) as repository:
        with pytest.raises(ForeignTriggerError, match="not the store's"):
            KEPT[table](repository)
        assert stored.column(database, f"SELECT count(*) FROM {table}") == [0]
        named = f"the trigger theirs on {table} is not the store's; reindex removes it"
        assert named in repository.check()
        repository.reindex()
    with SessionRepository(database) as repository:
        KEPT[table](repository)
        assert repository.check() == []


CHANGED = {
    "archive_sessions": lambda repo: repo.archive_sessions(SessionFilter()),
    "set_archived": lambda repo: repo.set_archived("s"),
    "set_pinned": lambda repo: repo.set_pinned("s"),
    "delete_session": lambda repo: repo.delete_session("s"),
    "delete_sessions": lambda repo: repo.delete_sessions(["s"]),
    "prune_sessions": lambda repo: repo.prune_sessions(0),
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_session_that_a_foreign_trigger_keeps_is_no_success(database, change):
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        repository.append_message("s", "user", "x")
        repository.end_session("s", "done")
    make_trigger(database, "sessions", ("BEFORE UPDATE", *IGNORE[1:]), "keeping")
    make_trigger(database, "sessions", ("BEFORE DELETE", *IGNORE[1:]), "staying")
    with SessionRepository(database) as repository:
        before = repository.export_all()
        with pytest.raises(ForeignTriggerError, match="some of the sessions would stay"):
            CHANGED[change](repository)
        assert repository.export_all() == before


STAYING = {
    "clear_messages": ("BEFORE DELETE", lambda repo, _id: repo.clear_messages("s")),
    "replace_message": (
        "BEFORE UPDATE",
        lambda repo, id_: repo.replace_message("s", id_, content="y"),
    ),
}


@pytest.mark.parametrize("change", STAYING)
def test_a_message_that_a_foreign_trigger_keeps_is_no_success(database, change):
    when, act = STAYING[change]
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        id_ = repository.append_message("s", "user", "x")
    make_trigger(database, "messages", (when, *IGNORE[1:]))
    with SessionRepository(database) as repository:
        before = repository.export_all()
        with pytest.raises(ForeignTriggerError, match="some of the messages would stay"):
            act(repository, id_)
        assert repository.export_all() == before


def test_a_lease_that_a_foreign_trigger_takes_away_is_not_given(database):
    delete_it = "DELETE FROM leases; "
    make_trigger(database, "leases", ("AFTER INSERT", delete_it, f"{delete_it} RETURN NULL;"))
    with SessionRepository(database) as repository:
        with pytest.raises(ForeignTriggerError, match="the lease would not be there"):
            repository.leases.acquire("n", "holder", 60)
        assert repository.leases.holder("n") is None


def in_transaction(repo):
    with repo.transaction() as tx:
        tx.append_message("s", "user", "x")


WRITES = {
    "append_message": lambda repo: repo.append_message("s", "user", "x"),
    "append_messages": lambda repo: repo.append_messages(
        "s", [{"role": "user", "content": "x"}] * 3
    ),
    "transaction": in_transaction,
    "import": lambda repo: repo.import_sessions(
        [{"id": "i", "source": "t", "started_at": 1.0, "messages": [{"role": "user"}] * 3}]
    ),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("trigger", [IGNORE, DELETE, ABORT, BROKEN], ids=lambda t: t[1][:13])
def test_what_a_foreign_trigger_breaks_is_a_typed_error_and_nothing_is_stored(
    database, write, trigger
):
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        repository.append_message("s", "user", "before")
    make_trigger(database, "messages", trigger)
    with SessionRepository(database) as repository:
        with pytest.raises(StoreUnavailableError):
            WRITES[write](repository)
        assert repository.message_count() == 1
        assert repository.get_session("s")["message_count"] == 1


@pytest.mark.parametrize("write", WRITES)
def test_what_a_foreign_trigger_says_is_in_the_error_with_how_to_be_rid_of_it(database, write):
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
    make_trigger(database, "messages", ABORT)
    with SessionRepository(database) as repository:
        with pytest.raises(RefusedError, match="no more") as caught:
            WRITES[write](repository)
        assert caught.value.reason == "no more"
        assert "a trigger that is not the store's says so" in caught.value.remedy
        repository.reindex()  # as it says
        WRITES[write](repository)


@pytest.mark.parametrize("trigger", [IGNORE, DELETE], ids=["ignore", "delete"])
@only_sqlite
def test_a_trigger_made_while_the_file_is_open_is_noticed_at_once(repository, database, trigger):
    repository.create_session("s", "test")
    repository.append_message("s", "user", "before")
    make_trigger(database, "messages", trigger)
    with pytest.raises(ForeignTriggerError, match="the message would not be there"):
        repository.append_message("s", "user", "x")


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("trigger", [IGNORE, DELETE], ids=["ignore", "delete"])
def test_a_trigger_made_while_a_connection_is_open_is_noticed_at_its_next_look(
    repository, database, trigger, write, monkeypatch
):
    monkeypatch.setattr("hermes_store.database.postgresql_triggers.LOOK_SECONDS", 0.0)
    repository.create_session("s", "test")
    repository.append_message("s", "user", "before")
    make_trigger(database, "messages", trigger)
    with pytest.raises(ForeignTriggerError):
        WRITES[write](repository)
    assert repository.message_count("s") == 1
    repository.reindex()
    WRITES[write](repository)


@pytest.mark.parametrize("trigger", [IGNORE, DELETE], ids=["ignore", "delete"])
def test_messages_of_many_callers_are_not_acknowledged_either(database, trigger):
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
    make_trigger(database, "messages", trigger)
    with SessionRepository(database, batch_wait_ms=50) as repository:
        callers = [Caller(lambda: repository.append_message("s", "user", "x")) for _ in range(8)]
        for caller in callers:
            with pytest.raises(ForeignTriggerError):
                caller.finish()


@pytest.mark.parametrize("trigger", [IGNORE, DELETE], ids=["ignore", "delete"])
@only_sqlite
def test_a_session_that_would_not_be_there_is_not_acknowledged(repository, database, trigger):
    make_trigger(database, "sessions", trigger)
    with pytest.raises(ForeignTriggerError, match="the session would not be there"):
        repository.create_session("s", "test")
    assert repository.session_count() == 0


def audited(database):
    stored.change(database, "CREATE TABLE audit (id INTEGER)")
    note = "INSERT INTO audit VALUES (new.id);"
    make_trigger(database, "messages", ("AFTER INSERT", note, note))


def test_a_harmless_trigger_harms_nothing(repository, database):
    audited(database)
    repository.create_session("s", "test")
    message = repository.append_message("s", "user", "x")
    assert stored.column(database, "SELECT id FROM audit") == [message]


def test_beside_a_harmless_trigger_any_number_of_messages_is_looked_for(repository, database):
    audited(database)
    repository.create_session("s", "test")
    repository.append_messages("s", [{"role": "user", "content": "hm"}] * 1_000)
    assert repository.message_count("s") == 1_000


def test_the_ids_of_a_list_are_right_where_a_trigger_stores_messages_between_them(
    repository, database
):
    repository.create_session("s", "test")
    echo = (
        "INSERT INTO messages (session_id, role, content, timestamp)"
        " SELECT new.session_id, 'system', 'echo', 0 WHERE new.role = 'user';"
    )
    make_trigger(database, "messages", ("AFTER INSERT", echo, echo))
    given = [{"role": "user", "content": str(number)} for number in range(5)]
    ids = repository.append_messages("s", given)
    assert ids == stored.column(database, "SELECT id FROM messages WHERE role = 'user' ORDER BY id")
    assert repository.message_count("s") == 2 * len(given)


def message(**columns):
    return {"session_id": "s", "role": "user", "content": "x", **columns}


UNITS_OF_WORK = {
    "object": lambda session: session.add(Message(**message())),
    "objects": lambda session: session.add_all([Message(**message()) for _ in range(3)]),
    "object with an id": lambda session: session.add(Message(id=77, **message())),
    "bulk": lambda session: session.execute(insert(Message), [message()] * 3),
    "bulk with ids": lambda session: session.execute(insert(Message), [message(id=9)]),
}


@pytest.mark.parametrize("unit", UNITS_OF_WORK)
@pytest.mark.parametrize("trigger", [None, DELETE, IGNORE], ids=["none", "delete", "ignore"])
def test_what_a_foreign_trigger_takes_from_a_unit_of_work_is_not_acknowledged(
    database, unit, trigger
):
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        repository.append_message("s", "user", "before")
    note = "UPDATE meta SET value = 'x' WHERE key = 'none';"
    make_trigger(database, "messages", trigger or ("AFTER INSERT", note, note))
    with SessionRepository(database) as repository:
        if trigger is None:
            with repository.orm_session() as session:
                UNITS_OF_WORK[unit](session)
            assert repository.message_count() > 1
        else:
            with (
                pytest.raises((ForeignTriggerError, SQLAlchemyError)),
                repository.orm_session() as session,
            ):
                UNITS_OF_WORK[unit](session)
            assert repository.message_count() == 1
            assert repository.get_session("s")["message_count"] == 1


DELETED = {
    "object": lambda session: session.delete(session.scalars(select(Message)).one()),
    "bulk": lambda session: session.execute(delete(Message).where(Message.session_id == "s")),
}


@pytest.mark.parametrize("unit", DELETED)
@pytest.mark.filterwarnings("ignore:DELETE statement on table:sqlalchemy.exc.SAWarning")
def test_a_message_that_a_foreign_trigger_keeps_in_a_unit_of_work_is_no_success(database, unit):
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        repository.append_message("s", "user", "before")
    make_trigger(database, "messages", ("BEFORE DELETE", *IGNORE[1:]))
    with SessionRepository(database) as repository:
        with pytest.raises(ForeignTriggerError), repository.orm_session() as session:
            DELETED[unit](session)
        assert repository.message_count() == 1


of_session = update(Message).where(Message.session_id == "s")
CHANGED_BY_UPDATE = {
    "where": lambda session: session.execute(of_session.values(finish_reason="y")),
    "of what is searched": lambda session: session.execute(of_session.values(content="y")),
    "of a state, with fetch": lambda session: session.execute(
        of_session.values(state="rewound").execution_options(synchronize_session="fetch")
    ),
    "by a table": lambda session: session.execute(
        update(Message.__table__).values(finish_reason="y")
    ),
    "by a parameter": lambda session: session.execute(of_session, {"finish_reason": "y"}),
    "by keys": lambda session: session.execute(
        update(Message), [{"id": id_, "finish_reason": "y"} for id_ in session.scalars(ALL_IDS)]
    ),
    "object": lambda session: setattr(session.scalars(select(Message)).first(), "name", "y"),
}
ALL_IDS = select(Message.id)


@pytest.mark.parametrize("change", CHANGED_BY_UPDATE)
@pytest.mark.parametrize("kind", ["harmless", "ignore"])
def test_an_update_of_messages_that_a_foreign_trigger_undoes_is_no_success(database, change, kind):
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        repository.append_messages("s", [{"role": "user", "content": "x"}] * 3)
    note = "UPDATE meta SET value = 'x' WHERE key = 'none';"
    make_trigger(
        database,
        "messages",
        ("BEFORE UPDATE", *IGNORE[1:]) if kind == "ignore" else ("AFTER UPDATE", note, note),
    )
    with SessionRepository(database) as repository:
        before = repository.export_all()
        if kind == "harmless":
            with repository.orm_session() as session:
                CHANGED_BY_UPDATE[change](session)
            assert repository.export_all() != before
        else:
            with (
                pytest.raises((ForeignTriggerError, StaleDataError)),
                repository.orm_session() as session,
            ):
                CHANGED_BY_UPDATE[change](session)
            assert repository.export_all() == before


@pytest.mark.parametrize("kind", ["TRIGGER", "TEMP TRIGGER"])
@only_sqlite
def test_a_trigger_that_a_caller_makes_takes_nothing_that_was_acknowledged(repository, kind):
    repository.create_session("s", "test")
    body = DELETE[1].format(table="messages")
    theirs = text(f"CREATE {kind} theirs {DELETE[0]} ON messages BEGIN {body} END")
    with repository.transaction() as tx:
        tx.execute(theirs)
        for write in (WRITES["append_message"], WRITES["append_messages"]):
            with pytest.raises(ForeignTriggerError):
                write(tx)
    for write in ("append_message", "append_messages", "transaction"):
        with pytest.raises(ForeignTriggerError):
            WRITES[write](repository)
    assert repository.message_count() == 0
    repository.reindex()  # as the error says
    WRITES["append_messages"](repository)
    assert repository.message_count() == 3


def test_check_doctor_and_current_name_it_and_reindex_removes_it(database, repository, capsys):
    make_trigger(database, "messages", ABORT, name="messages_fts_update")
    address = str(database)
    if isinstance(database, URL):
        address = database.render_as_string(hide_password=False)
    said = "the trigger messages_fts_update on messages is not the store's; reindex removes it"
    assert repository.check() == [said]
    assert run_command(["--db", address, "doctor"]) == 1
    assert said in capsys.readouterr().out
    assert run_command(["--db", address, "current"]) == 0
    assert said in capsys.readouterr().err
    run_command(["--db", address, "--json", "current"])
    assert json.loads(capsys.readouterr().out)["foreign_triggers"] == ["messages_fts_update"]
    repository.reindex()
    assert repository.check() == []
    repository.create_session("s", "test")
    repository.append_message("s", "user", "x")
    assert migrate.inspect(database).foreign_triggers == ()


@pytest.mark.parametrize("trigger", [IGNORE, DELETE], ids=["ignore", "delete"])
def test_a_foreign_trigger_under_a_name_of_the_stores_is_as_foreign_as_any(database, trigger):
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
    if isinstance(database, URL):
        name, on = TRIGGER, " ON messages"
    else:
        name, on = "messages_fts_delete", ""
    stored.change(database, f"DROP TRIGGER {name}{on}")
    make_trigger(database, "messages", trigger, name)
    with SessionRepository(database) as repository:
        for write in WRITES.values():
            with pytest.raises(ForeignTriggerError):
                write(repository)
        said = f"the trigger {name} on messages is not the store's; reindex removes it"
        assert said in repository.check()
        assert migrate.inspect(database).foreign_triggers == ((name, "messages"),)
        repository.reindex()
    with SessionRepository(database) as repository:
        assert repository.check() == []
        WRITES["append_messages"](repository)
        assert len(repository.search_messages("x")) == 3


@only_sqlite
def test_a_trigger_of_another_table_that_writes_the_index_is_named(database):
    stored.change(database, "CREATE TABLE theirs (id INTEGER, text)")
    stored.change(
        database,
        "CREATE TRIGGER elsewhere AFTER INSERT ON theirs BEGIN "
        "INSERT INTO messages_fts(rowid, content) VALUES (new.id, new.text); END",
    )
    with SessionRepository(database) as repository:
        assert "the trigger elsewhere on theirs" in repository.check()[0]
