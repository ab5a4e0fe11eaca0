"""Several operations as one; the unit of work; statistics; use after close."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from stored import change, check
from support import only_sqlite

from hermes_store import SessionRepository, Transaction
from hermes_store.database.address import shown, url_of
from hermes_store.errors import (
    InvalidArgumentError,
    NestedTransactionError,
    SearchIndexError,
    SessionNotFoundError,
    StoreClosedError,
    TransactionOverError,
    TransactionRolledBackError,
)
from hermes_store.models import Message, Session, sessions

# --- transaction() ------------------------------------------------------------------------------


def test_operations_of_a_transaction_are_committed_together(repository):
    with repository.transaction() as transaction:
        transaction.create_session("s", "cli")
        transaction.append_message("s", "user", "x")
        assert repository.get_session("s") is None
        assert transaction.get_session("s")["message_count"] == 1
    assert [m["content"] for m in repository.get_messages("s")] == ["x"]


def test_a_transaction_that_raises_leaves_nothing(repository):
    repository.create_session("s", "cli")
    with pytest.raises(ZeroDivisionError), repository.transaction() as transaction:
        transaction.append_message("s", "user", "x")
        transaction.delete_session("s")
        raise ZeroDivisionError
    assert repository.get_session("s")["message_count"] == 0


def test_a_refused_operation_can_be_caught_inside_a_transaction(repository):
    with repository.transaction() as transaction:
        transaction.create_session("s", "cli")
        with pytest.raises(SessionNotFoundError):
            transaction.append_message("ghost", "user", "x")
        with pytest.raises(InvalidArgumentError):
            transaction.append_message("s", "user", 5)
        transaction.append_message("s", "user", "x")
    assert repository.message_count("s") == 1


def test_every_method_of_the_repository_works_in_a_transaction(repository, database):
    with repository.transaction() as tx:
        tx.create_session("a", "cli")
        tx.ensure_session("b")
        tx.append_messages("a", [{"role": "user", "content": "hello"}, {"role": "assistant"}])
        tx.update_token_counts("a", 1)
        tx.set_token_counts("a", 2)
        tx.update_system_prompt("a", "p")
        tx.set_session_title("a", "t")
        assert tx.get_session_title("a") == tx.sanitize_title("t")
        assert tx.get_session_by_title("t")["id"] == tx.resolve_session_by_title("t") == "a"
        assert tx.get_next_title_in_lineage("t") == "t #2"
        assert tx.resolve_session_id("a") == "a"
        assert tx.session_count() == len(tx.list_sessions_rich()) == len(tx.search_sessions()) == 2
        assert [hit["session_id"] for hit in tx.search_messages("hello")] == ["a"]
        assert len(tx.get_messages("a")) == len(tx.get_messages_as_conversation("a")) == 2
        exported = tx.export_all()
        assert tx.export_session("a") in exported
        assert tx.delete_session("a") is True
        assert tx.import_sessions(exported).skipped == ["b"]
        tx.end_session("a", "x")
        tx.reopen_session("a")
        tx.clear_messages("a")
        tx.end_session("a", "x")
        assert len(tx.list_prune_candidates(0)) == tx.prune_sessions(0) == 1
        assert tx.message_count() == 0
    assert [s["id"] for s in repository.search_sessions()] == ["b"]
    check(database)


def test_a_transaction_takes_statements_of_one_s_own(repository):
    repository.create_session("s", "cli")
    with repository.transaction() as transaction:
        transaction.execute(text("UPDATE sessions SET user_id = :who"), {"who": "ada"})
        rows = transaction.execute(select(sessions.c.user_id)).scalars().all()
        assert rows == ["ada"]
        assert transaction.connection.in_transaction()
    assert repository.get_session("s")["user_id"] == "ada"


NOWHERE = text("SELECT * FROM nowhere")


def test_a_statement_of_one_s_own_may_fail_inside_begin_nested(repository):
    repository.create_session("s", "cli")
    with repository.transaction() as transaction:
        transaction.append_message("s", "user", "before")
        with pytest.raises(DBAPIError), transaction.connection.begin_nested():
            transaction.execute(NOWHERE)
        transaction.append_message("s", "user", "after")
    assert [m["content"] for m in repository.get_messages("s")] == ["before", "after"]


@pytest.mark.postgresql
def test_after_a_failed_statement_a_server_refuses_every_call_with_the_remedy(postgresql_database):
    with SessionRepository(postgresql_database) as repository:
        repository.create_session("s", "cli")
        with pytest.raises(TransactionRolledBackError), repository.transaction() as transaction:
            with pytest.raises(DBAPIError):
                transaction.execute(NOWHERE)
            for call in (
                lambda: transaction.append_message("s", "user", "x"),
                lambda: transaction.get_messages("s"),
                lambda: transaction.search_messages("x"),
                transaction.export_all,
                lambda: transaction.meta.get("k"),
                lambda: transaction.execute(text("SELECT 1")),
            ):
                with pytest.raises(TransactionRolledBackError, match="begin_nested"):
                    call()
        assert repository.message_count() == 0


@only_sqlite
def test_after_a_failed_statement_a_file_goes_on_with_the_transaction(repository):
    repository.create_session("s", "cli")
    with repository.transaction() as transaction:
        with pytest.raises(DBAPIError):
            transaction.execute(NOWHERE)
        transaction.append_message("s", "user", "x")
    assert repository.message_count("s") == 1


def test_a_transaction_is_over_with_its_block(repository):
    with repository.transaction() as transaction:
        transaction.create_session("s", "cli")
    for call in (
        lambda: transaction.append_message("s", "user", "x"),
        lambda: transaction.get_session("s"),
        lambda: transaction.execute(text("SELECT 1")),
        lambda: transaction.connection,
    ):
        with pytest.raises(TransactionOverError, match="open another with transaction"):
            call()
    assert isinstance(transaction, Transaction)


def test_writing_past_the_transaction_is_refused_and_does_not_hang(repository):
    with repository.transaction() as transaction:
        transaction.create_session("s", "cli")
        with pytest.raises(NestedTransactionError):
            repository.create_session("t", "cli")
    assert repository.session_count() == 1


# --- orm_session() ------------------------------------------------------------------------------


def test_the_unit_of_work_is_committed_at_the_end_of_the_block(repository):
    repository.create_session("s", "cli")
    with repository.orm_session() as session:
        session.get(Session, "s").user_id = "ada"
        session.add(Session(id="t", source="cli", started_at=1.0, parent_session_id="s"))
    assert repository.get_session("s")["user_id"] == "ada"
    assert repository.get_session("t")["parent_session_id"] == "s"


def test_the_unit_of_work_reads_what_the_repository_wrote(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "x")
    with repository.orm_session() as session:
        assert session.scalars(select(Message.content)).all() == ["x"]


def test_a_unit_of_work_that_raises_leaves_nothing(repository):
    with pytest.raises(ZeroDivisionError), repository.orm_session() as session:
        session.add(Session(id="s", source="cli", started_at=1.0))
        session.flush()
        raise ZeroDivisionError
    assert repository.session_count() == 0


def test_a_unit_of_work_that_the_database_refuses_leaves_nothing(repository):
    repository.create_session("s", "cli")
    with pytest.raises(IntegrityError), repository.orm_session() as session:
        session.add(Session(id="t", source="cli"))
        session.flush()
        session.add(Session(id="s", source="cli"))
    assert repository.session_count() == 1


def test_a_commit_inside_a_unit_of_work_waits_for_the_end_of_the_block(repository):
    with pytest.raises(ZeroDivisionError), repository.orm_session() as session:
        session.add(Session(id="s", source="cli", started_at=1.0))
        session.commit()
        raise ZeroDivisionError
    assert repository.session_count() == 0


# --- the search index ---------------------------------------------------------------------------


@only_sqlite
def test_a_damaged_search_index_costs_no_message_and_is_built_anew(repository, database):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "before")
    assert repository.check() == []
    change(database, "DROP TABLE messages_fts")
    repository.append_message("s", "user", "after")
    assert repository.message_count("s") == 2
    with pytest.raises(SearchIndexError, match="reindex"):
        repository.search_messages("before")
    assert repository.check() != []
    seen = []
    repository.reindex(lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2, 2)
    assert [len(repository.search_messages(word)) for word in ("before", "after")] == [1, 1]
    assert repository.check() == []


# --- check() ------------------------------------------------------------------------------------


def test_a_sound_store_has_no_problems(repository):
    repository.create_session("p", "cli")
    repository.create_session("s", "cli", parent_session_id="p")
    repository.append_message("s", "user", "x")
    assert repository.check() == []


def test_counters_that_do_not_agree_with_the_messages_are_found(repository, database):
    for number in range(7):
        repository.create_session(f"s{number}", "cli")
        repository.append_message(f"s{number}", "user", "x")
    change(database, "UPDATE sessions SET message_count = 5 WHERE id <> 's0'")
    fact = "sessions whose message_count is not the number of their messages"
    assert repository.check() == [f"{fact}: s1, s2, s3, s4, s5 and 1 more"]


@only_sqlite
def test_references_to_what_does_not_exist_are_found(repository, database):
    repository.create_session("s", "cli")
    change(database, "UPDATE sessions SET parent_session_id = 'gone'")
    change(
        database, "INSERT INTO messages (session_id, role, timestamp) VALUES ('lost', 'user', 1)"
    )
    assert repository.check() == [
        "messages of sessions that do not exist: lost",
        "sessions whose parent does not exist: s",
    ]


# --- statistics ---------------------------------------------------------------------------------


@pytest.mark.parametrize("batching", [True, False])
def test_statistics_count_what_is_stored_and_what_was_written(database, batching):
    with SessionRepository(database, enable_batching=batching, pool_size=3) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "x")
        with pytest.raises(SessionNotFoundError):
            repository.append_message("ghost", "user", "x")
        stats = repository.get_stats()
        assert (stats["sessions"], stats["messages"], stats["pool_size"]) == (1, 1, 3)
        assert stats["total_writes"] == stats["write_count"] == 2
        assert stats["pending_writes"] == 0


@only_sqlite
def test_asking_for_statistics_changes_no_byte(repository, database):
    repository.create_session("s", "cli")
    before = {path.name: path.read_bytes() for path in database.parent.glob("state.db*")}
    repository.get_stats()
    after = {path.name: path.read_bytes() for path in database.parent.glob("state.db*")}
    assert {**after, "state.db-shm": b""} == {**before, "state.db-shm": b""}


# --- close --------------------------------------------------------------------------------------


def test_a_closed_repository_refuses_every_call(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
    for call in (
        lambda: repository.get_session("s"),
        lambda: repository.append_message("s", "user", "x"),
        lambda: repository.search_messages("x"),
        repository.get_stats,
        lambda: repository.import_sessions([{"id": "t", "source": "x", "started_at": 1}]),
        lambda: next(repository.iter_export()),
        repository.prune_sessions,
        lambda: repository.transaction().__enter__(),
        lambda: repository.orm_session().__enter__(),
    ):
        with pytest.raises(StoreClosedError, match="open a new SessionRepository"):
            call()
    repository.close()


def test_a_repository_says_where_it_is(repository, database):
    assert repository.url == url_of(database)
    assert repr(repository) == f"SessionRepository('{shown(url_of(database))}')"
