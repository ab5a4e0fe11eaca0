"""Changes of a conversation meet what callers, other tools and triggers put in their way."""

import pytest
import stored
from repository.test_foreign_triggers import make_trigger
from sqlalchemy import delete, insert, update

from hermes_store import SessionRepository
from hermes_store.copy import copy
from hermes_store.errors import (
    ForeignTriggerError,
    InvalidArgumentError,
    MessageNotFoundError,
    SessionNotFoundError,
    StoreReadOnlyError,
)
from hermes_store.models import Message


@pytest.fixture
def session(repository: SessionRepository) -> SessionRepository:
    repository.create_session("s", "cli")
    repository.create_session("other", "cli")
    return repository


def all_of(repo: SessionRepository, session_id: str = "s"):
    found = repo.get_messages(session_id, include="all")
    return [(message["content"], message["state"]) for message in found]


def counted(repo: SessionRepository, session_id: str = "s") -> tuple[int, int]:
    found = repo.get_session(session_id)
    return found["message_count"], found["tool_call_count"]


# --- ids of messages ------------------------------------------------------------------------------

NOT_IDS = [True, False, 1.0, "1", b"1", None, 0, -1, 2**53 + 1, 2**63, 10**400, [1], float("nan")]
BY_ID = {
    "rewind": lambda repo, id_: repo.rewind("s", id_),
    "restore": lambda repo, id_: repo.restore("s", id_),
    "replace_message": lambda repo, id_: repo.replace_message("s", id_, content="x"),
    "delete_messages": lambda repo, id_: repo.delete_messages("s", [id_]),
}


@pytest.mark.parametrize("call", BY_ID)
def test_what_is_not_an_id_is_refused_and_nothing_changes(session: SessionRepository, call: str):
    session.append_message("s", "user", "first")
    for value in NOT_IDS:
        with pytest.raises(InvalidArgumentError, match="is not the id of a message"):
            BY_ID[call](session, value)
    assert all_of(session) == [("first", None)]


@pytest.mark.parametrize("call", ["rewind", "restore", "replace_message"])
def test_a_message_of_another_session_is_not_found(session: SessionRepository, call: str) -> None:
    session.append_message("s", "user", "mine")
    theirs = session.append_message("other", "user", "theirs")
    with pytest.raises(MessageNotFoundError, match="'s'"):
        BY_ID[call](session, theirs)
    assert all_of(session, "other") == [("theirs", None)]


def test_a_list_of_very_many_ids_deletes_what_is_there(session: SessionRepository) -> None:
    ids = session.append_messages("s", [{"role": "user", "content": str(n)} for n in range(2_000)])
    theirs = session.append_message("other", "user", "theirs")
    kept = ids[1_000]
    gone = [id_ for id_ in ids if id_ != kept]
    asked = [*gone, theirs, *gone, *range(10**6, 10**6 + 50_000)]
    assert session.delete_messages("s", asked) == 1_999
    assert all_of(session) == [("1000", None)]
    assert all_of(session, "other") == [("theirs", None)]
    assert session.delete_messages("s", range(kept, kept + 1)) == 1
    assert session.delete_messages("s", []) == 0
    assert session.check() == []


@pytest.mark.parametrize("ids", ["12", b"12", {1}, 1, None, iter([1])])
def test_what_is_not_a_list_of_ids_is_refused(session: SessionRepository, ids: object) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a list"):
        session.delete_messages("s", ids)


# --- ids of other systems -------------------------------------------------------------------------


def test_restoring_two_messages_of_one_foreign_id_is_refused(session: SessionRepository) -> None:
    first = session.append_message("s", "user", "x", external_id="m1")
    session.rewind("s", first)
    second = session.append_message("s", "user", "y", external_id="m1")
    session.rewind("s", second)
    with pytest.raises(InvalidArgumentError, match="two messages with the external_id 'm1'"):
        session.restore("s", first)
    assert all_of(session) == [("x", "rewound"), ("y", "rewound")]
    assert session.restore("s", second) == 1
    assert all_of(session) == [("x", "rewound"), ("y", None)]


def test_a_message_gets_no_foreign_id_that_a_live_one_has(session: SessionRepository) -> None:
    first = session.append_message("s", "user", "x", external_id="m1")
    second = session.append_message("s", "user", "y")
    with pytest.raises(InvalidArgumentError, match=f"'m1' is that of the live message {first}"):
        session.replace_message("s", second, external_id="m1")
    assert session.replace_message("s", first, external_id="m1")["external_id"] == "m1"
    session.rewind("s", second)
    assert session.replace_message("s", second, external_id="m1")["state"] == "rewound"
    assert session.check() == []


# --- one message in place of itself ---------------------------------------------------------------


def test_what_older_programs_stored_does_not_keep_a_field_from_changing(
    session: SessionRepository,
) -> None:
    old = {"role": "", "content": "needle", "token_count": -1, "timestamp": 1.0}
    given = {"id": "old", "source": "x", "started_at": 1.0, "messages": [old]}
    session.import_sessions([given])
    [message] = session.get_messages("old")
    changed = session.replace_message("old", message["id"], content="thread")
    assert (changed["role"], changed["token_count"]) == ("", -1)
    assert len(session.search_messages("thread")) == 1
    assert session.check() == []


def test_the_name_of_a_tool_message_is_its_tool(session: SessionRepository) -> None:
    message = session.append_message("s", "tool", "x", tool_call_id="c")
    changed = session.replace_message("s", message, name="read_file")
    assert (changed["tool_name"], changed["name"]) == ("read_file", None)
    assert len(session.search_messages("read_file")) == 1


def test_without_fields_a_message_stays_as_it_is(session: SessionRepository) -> None:
    message = session.append_message("s", "user", "x")
    assert session.replace_message("s", message)["content"] == "x"


def test_text_that_is_folded_is_found_by_its_new_words_only(session: SessionRepository) -> None:
    message = session.append_message("s", "user", "\x1b[31mßtraße getUserName")
    session.replace_message("s", message, content="\x1b[32mécole parseFileName")
    assert [len(session.search_messages(w)) for w in ("ecole", "parse", "strasse")] == [1, 1, 0]
    assert session.check() == []


# --- sessions -------------------------------------------------------------------------------------

CALLS = {
    "replace_messages": lambda repo, _: repo.replace_messages("s", [{"role": "user"}]),
    "compact": lambda repo, _: repo.compact("s", [{"role": "user"}]),
    "rewind": lambda repo, id_: repo.rewind("s", id_),
    "restore": lambda repo, id_: repo.restore("s", id_),
    "pop_message": lambda repo, _: repo.pop_message("s"),
    "delete_messages": lambda repo, id_: repo.delete_messages("s", [id_]),
    "replace_message": lambda repo, id_: repo.replace_message("s", id_, content="x"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_session_that_was_deleted_meanwhile_is_not_made_again(
    session: SessionRepository, call: str
) -> None:
    message = session.append_message("s", "user", "x")
    session.delete_session("s")
    if call == "pop_message":
        assert session.pop_message("s") is None
    else:
        with pytest.raises((SessionNotFoundError, MessageNotFoundError)):
            CALLS[call](session, message)
    assert session.get_session("s") is None
    assert session.get_messages("s", include="all") == []


@pytest.mark.parametrize("call", CALLS)
def test_a_store_that_is_read_only_is_not_changed(database, repository, call: str) -> None:
    repository.create_session("s", "cli")
    message = repository.append_message("s", "user", "first")
    with SessionRepository(database, read_only=True) as reader:
        with pytest.raises(StoreReadOnlyError):
            CALLS[call](reader, message)
    assert all_of(repository) == [("first", None)]


def test_a_prune_bounds_its_transactions_by_messages_in_any_state(
    session: SessionRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hermes_store.queries import deleting

    for name in "ab":
        session.create_session(name, "cli")
        session.append_messages(name, [{"role": "user"}] * 20)
        session.compact(name, [])
        session.end_session(name, "done")
    monkeypatch.setattr(deleting, "_MOST_MESSAGES", 20)
    before = session.get_stats()["total_writes"]
    assert session.prune_sessions(0) == 2
    assert session.get_stats()["total_writes"] - before == 3  # one each, and one that finds none


# --- several operations as one --------------------------------------------------------------------


def test_inside_a_transaction_a_refused_change_leaves_the_others(session: SessionRepository):
    first = session.append_message("s", "user", "first", external_id="m1")
    with session.transaction() as tx:
        tx.rewind("s", first)
        tx.append_message("s", "user", "again", external_id="m1")
        with pytest.raises(InvalidArgumentError):
            tx.restore("s", first)
        with pytest.raises(MessageNotFoundError):
            tx.rewind("s", 10**6)
        with pytest.raises(SessionNotFoundError):
            tx.compact("nothing", [{"role": "user"}])
        [summary] = tx.compact("s", [{"role": "system", "content": "summary"}])
        assert [each["id"] for each in tx.get_messages("s")] == [summary]
    assert all_of(session) == [("first", "rewound"), ("again", "compacted"), ("summary", None)]
    assert counted(session) == (1, 0)
    assert session.check() == []


def test_a_transaction_that_raises_takes_every_change_back(session: SessionRepository) -> None:
    first = session.append_message("s", "user", "first", tool_calls=[{"id": "c"}])
    before = session.export_all()
    with pytest.raises(ZeroDivisionError), session.transaction() as tx:
        tx.replace_message("s", first, content="other")
        tx.rewind("s", first)
        tx.restore("s", first)
        tx.pop_message("s")
        tx.replace_messages("s", [{"role": "user"}])
        tx.clear_messages("s")
        _ = 1 / 0
    assert session.export_all() == before
    assert session.check() == []


# --- orm_session ----------------------------------------------------------------------------------


class TestByOrm:
    def test_a_state_that_an_object_gets_is_counted(self, session: SessionRepository) -> None:
        first = session.append_message("s", "user", "a", tool_calls=[{"id": "c"}])
        session.append_message("s", "user", "b")
        with session.orm_session() as orm:
            orm.get(Message, first).state = "rewound"
        assert counted(session) == (1, 0)
        assert session.restore("s", first) == 1
        assert counted(session) == (2, 1)
        assert session.check() == []

    def test_a_state_that_a_statement_sets_is_counted(self, session: SessionRepository) -> None:
        session.append_messages("s", [{"role": "user", "tool_calls": [{"id": "c"}]}] * 3)
        with session.orm_session() as orm:
            orm.execute(update(Message).values(state="compacted"))
        assert counted(session) == (0, 0)
        with session.orm_session() as orm:
            orm.execute(update(Message).values(state=None))
        assert counted(session) == (3, 3)
        assert session.check() == []

    def test_a_new_message_that_is_not_live_is_not_counted(self, session: SessionRepository):
        with session.orm_session() as orm:
            orm.add(Message(session_id="s", role="user", content="a", state="compacted"))
            orm.add(Message(session_id="s", role="user", content="b"))
        with session.orm_session() as orm:
            rows = [{"session_id": "s", "role": "user", "state": s} for s in ("rewound", None)]
            orm.execute(insert(Message), rows)
        assert counted(session) == (2, 0)
        assert session.check() == []

    def test_deleting_what_is_not_live_changes_no_counter(self, session: SessionRepository) -> None:
        first = session.append_message("s", "user", "a")
        session.rewind("s", first)
        session.append_message("s", "user", "b")
        with session.orm_session() as orm:
            orm.execute(delete(Message).where(Message.state == "rewound"))
        assert counted(session) == (1, 0)
        assert all_of(session) == [("b", None)]

    @pytest.mark.parametrize("state", ["live", "", "Rewound", 1, b"rewound"])
    def test_a_state_that_there_is_not_is_refused(self, session: SessionRepository, state: object):
        first = session.append_message("s", "user", "a")
        with pytest.raises(InvalidArgumentError, match="state"), session.orm_session() as orm:
            orm.get(Message, first).state = state
        with pytest.raises(InvalidArgumentError, match="state"), session.orm_session() as orm:
            orm.execute(update(Message).values(state=state))
        assert all_of(session) == [("a", None)]


# --- what other tools wrote -----------------------------------------------------------------------


@pytest.fixture
def unknown(session: SessionRepository, database) -> SessionRepository:
    """A session with a message in a state that this version does not know."""
    message = session.append_message("s", "user", "needle", tool_calls=[{"id": "c"}])
    session.append_message("s", "user", "live needle")
    stored.change(database, "UPDATE messages SET state = 'shelved' WHERE id = ?", message)
    stored.change(
        database, "UPDATE sessions SET message_count = 1, tool_call_count = 0 WHERE id = 's'"
    )
    return session


class TestAnUnknownState:
    def test_check_names_the_message(self, unknown: SessionRepository) -> None:
        first = unknown.get_messages("s", include="all")[0]["id"]
        [problem] = unknown.check()
        assert problem.startswith("messages whose state is not one of compacted, rewound")
        assert problem.endswith(f": {first}")

    def test_it_is_no_part_of_the_conversation_and_is_found(self, unknown: SessionRepository):
        assert [m["content"] for m in unknown.get_messages("s")] == ["live needle"]
        hits = {include: unknown.search_messages("needle", include=include)
                for include in ("live", "found", "all")}  # fmt: skip
        assert [len(found) for found in hits.values()] == [1, 2, 2]
        assert {hit["state"] for hit in hits["found"]} == {None, "shelved"}

    @pytest.mark.parametrize("state", ["shelved", "live", "Rewound", "", "7"])
    def test_an_import_stores_it_as_it_is_and_says_so(self, unknown, database, tmp_path, state):
        stored.change(database, f"UPDATE messages SET state = '{state}' WHERE state IS NOT NULL")
        exported = unknown.export_all()
        with SessionRepository(tmp_path / "other.db") as other:
            assert other.import_sessions(exported).unknown_states == [state]
            assert other.export_all() == exported
            assert other.get_messages("s") == unknown.get_messages("s")
            assert other.check() == unknown.check()

    def test_a_copy_takes_it_along(self, unknown, database, tmp_path) -> None:
        exported = unknown.export_all()
        assert copy(database, tmp_path / "other.db").remarks == {}
        with SessionRepository(tmp_path / "other.db") as other:
            assert other.export_all() == exported

    @pytest.mark.parametrize("state", [7, False, ["rewound"]])
    def test_what_is_no_text_is_refused_as_a_state_of_an_import(self, session, state) -> None:
        message = {"role": "user", "state": state}
        given = {"id": "t", "source": "cli", "started_at": 1.0, "messages": [message]}
        with pytest.raises(InvalidArgumentError, match=r"messages\[0\], state:"):
            session.import_sessions([given])

    def test_changes_leave_it_alone(self, unknown: SessionRepository) -> None:
        first = unknown.get_messages("s", include="all")[0]["id"]
        assert unknown.restore("s", first) == 0
        unknown.compact("s", [])
        assert all_of(unknown) == [("needle", "shelved"), ("live needle", "compacted")]
        with unknown.orm_session() as orm:
            orm.get(Message, first).state = None
        assert counted(unknown) == (1, 1)
        assert unknown.check() == []


# --- triggers of other programs -------------------------------------------------------------------

KEPT_STATE = ("BEFORE UPDATE OF state", "SELECT RAISE(IGNORE);", "RETURN NULL;")
_TO_LIVE = "UPDATE {table} SET state = NULL WHERE id = new.id AND new.state IS NOT NULL;"
SET_BACK = ("AFTER UPDATE OF state", _TO_LIVE, _TO_LIVE)
KEPT_ROW = ("BEFORE DELETE", "SELECT RAISE(IGNORE);", "RETURN NULL;")
BROKEN_BY = {
    "compact": [KEPT_STATE, SET_BACK],
    "rewind": [KEPT_STATE, SET_BACK],
    "restore": [KEPT_STATE],
    "replace_messages": [KEPT_ROW],
    "pop_message": [KEPT_ROW],
    "delete_messages": [KEPT_ROW],
}


@pytest.mark.parametrize(
    ("call", "trigger"), [(c, t) for c, triggers in BROKEN_BY.items() for t in triggers]
)
def test_what_a_foreign_trigger_takes_back_is_not_acknowledged(database, call: str, trigger):
    with SessionRepository(database) as repo:
        repo.create_session("s", "cli")
        first = repo.append_message("s", "user", "first")
        if call == "restore":
            repo.rewind("s", first)
        before = repo.export_all()
    make_trigger(database, "messages", trigger)
    with SessionRepository(database) as repo:
        with pytest.raises(ForeignTriggerError, match="would stay as they are"):
            CALLS[call](repo, first)
        assert repo.export_all() == before
