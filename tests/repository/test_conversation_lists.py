"""Lists, counts and prunes take a conversation once and whole."""

import random
from itertools import pairwise

import pytest
import stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from support import Caller, only_sqlite, until_it_waits

from hermes_store import SessionFilter, SessionRepository
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import sessions
from hermes_store.queries import paging
from hermes_store.queries.conversations import ENDS_CHAIN, IS_ROOT, IS_TIP, TIP_ID
from hermes_store.queries.lineage import chains_of
from hermes_store.queries.listing import Shape, _rich_statement
from hermes_store.queries.sessions import NAMES
from hermes_store.values import now

DAY = 86_400


@pytest.fixture
def begin(repository, database):
    """Store sessions, each begun, and last active, ten seconds after the one before."""
    moments = iter(range(1_000, 100_000, 10))

    def begin(session_id, parent=None, link=None, **more):
        repository.create_session(session_id, "cli", parent_session_id=parent, link=link)
        at = next(moments)
        values = {"started_at": at, "last_active": at + 5, **more}
        for name, value in values.items():
            statement = f"UPDATE sessions SET {name} = ? WHERE id = ?"
            stored.change(database, statement, value, session_id)
        return session_id

    return begin


@pytest.fixture
def store(begin):
    """A chain, with a delegate and a branch, between two sessions of their own."""
    begin("first")
    begin("a", ended_at=1_030, end_reason="compression")
    begin("between")
    begin("b", "a", "compression", ended_at=1_050, end_reason="compression")
    begin("worker", "b", "delegate")
    begin("worker-on", "worker", "compression")
    begin("branch", "b", "branch")
    begin("last")
    begin("c", "b", "compression")
    begin("worker-of-c", "c", "delegate")


def ids(listed):
    return [each["id"] for each in listed]


# --- which, and in which order --------------------------------------------------------------------


def test_a_conversation_is_listed_once_as_its_tip_at_the_place_of_its_begin(repository, store):
    listed = repository.list_sessions_rich()
    assert ids(listed) == ["last", "branch", "between", "c", "first"]
    starts = [each["started_at"] for each in listed]
    assert starts == sorted(starts, reverse=True)
    assert starts[3] == repository.get_session("a")["started_at"]


def test_by_last_activity_a_conversation_stands_where_its_tip_does(repository, store):
    listed = repository.list_sessions_rich(order_by_last_active=True)
    assert ids(listed) == ["c", "last", "branch", "between", "first"]
    assert listed[0]["last_active"] == repository.get_session("c")["last_active"]


def test_all_gives_each_session_by_itself(repository, store):
    listed = repository.list_sessions_rich(include="all")
    assert len(listed) == repository.session_count() == 10
    for each in listed:
        whole = repository.get_session(each["id"])
        del whole["system_prompt"]
        assert each == {**whole, "preview": ""}
    with pytest.raises(InvalidArgumentError, match="use one of conversations, all"):
        repository.list_sessions_rich(include="tips")


def test_a_count_of_conversations_is_the_length_of_the_list(repository, store):
    assert repository.session_count(include="conversations") == 5
    assert repository.session_count("cli", ["cron"], include="conversations") == 5
    assert repository.session_count("cron", include="conversations") == 0
    with pytest.raises(InvalidArgumentError, match="include"):
        repository.session_count(include="roots")


@pytest.mark.parametrize("by_last_active", [False, True])
def test_pages_follow_each_other_without_a_gap_and_without_a_repetition(
    repository, store, by_last_active
):
    whole = ids(repository.list_sessions_rich(order_by_last_active=by_last_active))
    by_offset = [
        repository.list_sessions_rich(limit=2, offset=n, order_by_last_active=by_last_active)
        for n in (0, 2, 4)
    ]
    assert [each for page in by_offset for each in ids(page)] == whole
    found, after = [], None
    while page := repository.list_sessions_rich(
        limit=2, after=after, order_by_last_active=by_last_active
    ):
        found += ids(page)
        after = found[-1]
    assert found == whole


# --- what stands there ----------------------------------------------------------------------------


def test_a_listed_conversation_has_the_sums_of_its_sessions(repository, store):
    for number, each in enumerate("abc", 1):
        repository.append_message(each, "user", f"message of {each}")
        repository.update_token_counts(each, 10 * number, number, estimated_cost_usd=0.5 * number)
    repository.update_token_counts("worker", 1_000, 1_000)
    for by_last_active in (False, True):
        listed = repository.list_sessions_rich(order_by_last_active=by_last_active)
        [row] = [each for each in listed if each["id"] == "c"]
        assert (row["message_count"], row["input_tokens"], row["output_tokens"]) == (3, 60, 6)
        assert (row["estimated_cost_usd"], row["actual_cost_usd"]) == (3.0, None)
        assert (row["parent_session_id"], row["link"], row["ended_at"]) == (
            "b",
            "compression",
            None,
        )
        assert row["preview"] == "message of a"


def test_the_preview_is_of_the_first_session_in_which_the_user_says_something(repository, store):
    repository.append_message("b", "user", "said in the middle")
    repository.append_message("c", "user", "said at the end")
    for by_last_active in (False, True):
        listed = repository.list_sessions_rich(order_by_last_active=by_last_active)
        assert {e["id"]: e["preview"] for e in listed}["c"] == "said in the middle"


def test_a_system_prompt_is_the_tip_s(repository, store):
    repository.update_system_prompt("a", "old")
    repository.update_system_prompt("c", "new")
    for by_last_active in (False, True):
        listed = repository.list_sessions_rich(
            include_system_prompt=True, order_by_last_active=by_last_active
        )
        assert {e["id"]: e["system_prompt"] for e in listed}["c"] == "new"


# --- filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_last_active", [False, True])
def test_a_filter_is_asked_of_the_tip(repository, database, store, by_last_active):
    stored.change(database, "UPDATE sessions SET source = 'telegram' WHERE id = 'c'")
    repository.set_session_title("c", "The long way")

    def listed(**asked):
        which = SessionFilter(**asked)
        count = repository.session_count(filter=which, include="conversations")
        found = repository.list_sessions_rich(filter=which, order_by_last_active=by_last_active)
        assert count == len(found)
        return set(ids(found))

    assert listed(source="telegram") == listed(title="LONG way") == listed(id_prefix="c") == {"c"}
    assert listed(source="cli") == {"first", "between", "branch", "last"}
    assert listed(open=False) == listed(id_prefix="a") == set()
    assert listed(started_since=1_080.0) == {"c"}


def test_a_filter_that_asks_for_a_link_means_sessions(repository, store):
    listed = repository.list_sessions_rich(filter=SessionFilter(link="delegate"))
    assert ids(listed) == ["worker-of-c", "worker"]
    which = SessionFilter(link="compression")
    assert repository.session_count(filter=which, include="conversations") == 3


# --- data of other tools --------------------------------------------------------------------------


def joined(database, session_id, parent, link, at):
    statement = "UPDATE sessions SET parent_session_id = ?, link = ?, started_at = ? WHERE id = ?"
    stored.change(database, statement, parent, link, at, session_id)


@pytest.mark.parametrize("by_last_active", [False, True])
def test_a_circle_is_listed_once(repository, database, begin, by_last_active):
    for each in ("a", "b", "c", "d"):
        begin(each)
    for each, parent, at in (("a", "d", 1), ("b", "a", 3), ("c", "b", 2), ("d", "c", 4)):
        joined(database, each, parent, "compression", at)
    [row] = repository.list_sessions_rich(order_by_last_active=by_last_active)
    assert (row["id"], row["started_at"]) == ("d", 1.0)
    assert repository.session_count(include="conversations") == 1


def test_a_thousand_links_are_listed_once(repository):
    said = [{"role": "user", "content": "x"}]
    chain = [{"id": "0000", "source": "cli", "started_at": 1_000.0}]
    chain += [
        {
            "id": f"{after:04}",
            "source": "cli",
            "started_at": 1_000.0 + after,
            "parent_session_id": f"{before:04}",
            "link": "compression",
            "messages": said,
        }
        for before, after in pairwise(range(1_001))
    ]
    with repository.transaction() as one:  # instead of a thousand
        one.import_sessions(chain)
    for by_last_active in (False, True):
        [row] = repository.list_sessions_rich(order_by_last_active=by_last_active)
        assert (row["id"], row["message_count"], row["started_at"]) == ("1000", 1_000, 1_000.0)


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(2, 7), st.randoms(use_true_random=False))
def test_whatever_is_stored_sql_and_python_agree_on_roots_and_tips(
    repository, database, number, chance: random.Random
):
    names = [f"s{n}" for n in range(number)]
    stored.change(database, "UPDATE sessions SET parent_session_id = NULL")
    stored.change(database, "DELETE FROM sessions")
    for each in names:
        repository.create_session(each, "cli")
    for each in names:
        parent = chance.choice([None, *names])
        link = chance.choice(["compression"] * 5 + ["branch", "delegate", None])
        joined(database, each, parent, link, float(chance.randint(1, 4)))
    with repository.transaction() as tx:
        columns = (sessions.c.id, sessions.c.parent_session_id, sessions.c.link)
        found = tx.execute(select(*columns, IS_ROOT, IS_TIP, TIP_ID, ENDS_CHAIN)).all()
        chains = chains_of(tx._open, names)
    delegates = {each for each, parent, link, *_ in found if link == "delegate" and parent}
    shown = {each: chain for each, chain in chains.items() if chain.root not in delegates}
    assert {e for e, *_, is_root, _, _, _ in found if is_root} == {c.root for c in shown.values()}
    assert {e for e, *_, is_tip, _, _ in found if is_tip} == {c.tip for c in shown.values()}
    assert {e for e, *_, ends in found if ends} == {chain.tip for chain in chains.values()}
    assert {e: tip for e, *_, is_root, _, tip, _ in found if is_root} == {
        chain.root: chain.tip for chain in shown.values()
    }


# --- delete and prune -----------------------------------------------------------------------------


def left(repository):
    return set(ids(repository.search_sessions(limit=None)))


@pytest.mark.parametrize("session_id", ["a", "b", "c"])
def test_any_session_of_a_conversation_deletes_it_whole_with_its_delegates(
    repository, database, store, session_id
):
    for each in ("a", "worker-on", "branch"):
        repository.append_message(each, "user", "x")
    assert repository.delete_session(session_id) is True
    assert left(repository) == {"first", "between", "branch", "last"}
    branch = repository.get_session("branch")
    assert (branch["parent_session_id"], branch["link"]) == (None, None)
    assert repository.message_count() == 1
    assert repository.delete_session(session_id) is False
    stored.check(database)


def test_deleting_a_delegate_leaves_the_conversation_that_it_worked_for(repository, store):
    assert repository.delete_session("worker-on") is True
    gone = {"worker", "worker-on"}
    assert left(repository) == {"first", "a", "between", "b", "branch", "last", "c", "worker-of-c"}
    assert not gone & left(repository)


def test_deleting_one_row_by_the_orm_sets_its_children_free(repository, store):
    from hermes_store.models import Session

    with repository.orm_session() as orm:
        orm.delete(orm.get(Session, "b"))
    for each in ("c", "worker", "branch"):
        found = repository.get_session(each)
        assert (found["parent_session_id"], found["link"]) == (None, None)
    assert repository.check() == []


def test_a_deep_or_circular_conversation_is_deleted_whole(repository, database, begin):
    for number in range(1, 300):
        begin(f"{number:03}")
        joined(
            database, f"{number:03}", f"{number - 1:03}" if number > 1 else None, "compression", 1
        )
    joined(database, "001", "200", "compression", 1)
    assert repository.delete_session("150") is True
    assert repository.session_count() == 0


def old(database, session_id, days, ended=True):
    at = now() - days * DAY
    end = at + 1 if ended else None
    statement = "UPDATE sessions SET started_at = ?, ended_at = ? WHERE id = ?"
    stored.change(database, statement, at, end, session_id)


def test_a_conversation_whose_tip_is_live_is_not_pruned_in_pieces(repository, database, store):
    for each in ("a", "b", "worker", "worker-on"):
        old(database, each, 200)
    old(database, "c", 100, ended=False)
    assert repository.list_prune_candidates() == []
    assert repository.prune_sessions() == 0
    assert repository.session_count() == 10


def test_a_prune_takes_whole_conversations_by_the_end_and_the_start_of_the_tip(
    repository, database, store
):
    for each in ("a", "b"):
        old(database, each, 200)
    old(database, "c", 80)
    assert repository.list_prune_candidates() == []
    old(database, "c", 91)
    assert ids(repository.list_prune_candidates()) == ["c"]
    assert repository.prune_sessions() == 1
    assert left(repository) == {"first", "between", "branch", "last"}
    stored.check(database)


# --- what other processes do meanwhile ------------------------------------------------------------


@pytest.fixture
def due(repository, begin):
    """A conversation of two sessions that ended long ago, and one beside it."""
    begin("a", ended_at=1_001, end_reason="compression")
    begin("b", "a", "compression", ended_at=1_020, end_reason="done")
    begin("beside", ended_at=1_030, end_reason="done")
    return repository


MEANWHILE = {
    "reopened": lambda tx: tx.reopen_session("b"),
    "continued": lambda tx: tx.create_session(
        "c", "cli", parent_session_id="b", link="compression"
    ),
    "continued at its root": lambda tx: tx.create_session(
        "c", "cli", parent_session_id="a", link="compression"
    ),
}


@pytest.mark.parametrize("change", MEANWHILE)
def test_a_prune_leaves_what_another_process_takes_up_meanwhile(due, database, change):
    before = {each for each in left(due) if each != "beside"}
    with SessionRepository(database) as other, other.transaction() as tx:
        MEANWHILE[change](tx)
        caller = Caller(due.prune_sessions)
        until_it_waits(database, caller)
    assert caller.finish() == 1
    assert before <= left(due)
    assert "beside" not in left(due)
    stored.check(database)


@pytest.mark.parametrize("open_one", ["f1", "f2"])
def test_a_conversation_is_not_pruned_while_a_last_session_of_it_is_open(
    repository, database, begin, open_one
):
    begin("r", ended_at=1_001)
    begin("f1", "r", "compression", ended_at=1_030)
    begin("f2", "r", "compression", ended_at=1_040)
    stored.change(database, "UPDATE sessions SET ended_at = NULL WHERE id = ?", open_one)
    assert repository.list_prune_candidates() == []
    assert repository.prune_sessions() == 0
    repository.end_session(open_one, "done")
    assert ids(repository.list_prune_candidates()) == ["f2"]
    assert repository.prune_sessions() == 1
    assert repository.session_count() == 0


def test_sessions_that_were_compressed_and_never_ended_keep_no_conversation(
    repository, database, begin
):
    begin("r")
    begin("between", "r", "compression")
    begin("tip", "between", "compression", ended_at=1_030)
    assert ids(repository.list_prune_candidates()) == ["tip"]
    assert repository.prune_sessions() == 1
    assert repository.session_count() == 0
    stored.check(database)


# --- what a list costs ----------------------------------------------------------------------------

MANY = """\
INSERT INTO sessions (id, source, started_at, last_active, parent_session_id, link)
SELECT 's' || n, 'cli', n, n,
CASE WHEN mod(n, 20) BETWEEN 1 AND 9 THEN 's' || (n - 1) END,
CASE WHEN mod(n, 20) BETWEEN 1 AND 9 THEN 'compression' END FROM generate_series(20, 5000) AS n"""


def explained(repository, by_last_active):
    shape = Shape((("archived", 0),), paging.Shape(by_last_active), conversations=True)
    statement = _rich_statement(shape, NAMES)
    with repository.transaction() as tx:
        backend, core = tx._open.backend.name, tx.connection
        sql, constants = statement._compile(backend, core.dialect)
        given = {"limit": 20, "offset": 0, "blanks": " ", **constants}
        driver = core.connection.dbapi_connection
        if backend == "sqlite":
            return [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
        return [row[0] for row in driver.execute(f"EXPLAIN {sql}", given)]


@only_sqlite
@pytest.mark.parametrize("by_last_active", [False, True])
def test_a_page_of_conversations_looks_up_what_it_needs_on_sqlite(repository, by_last_active):
    plan = explained(repository, by_last_active)
    index = "idx_sessions_last_active" if by_last_active else "idx_sessions_started"
    assert plan[0] == f"SCAN sessions USING INDEX {index}"
    walks = (
        "SCAN up",
        "SCAN down",
        "SCAN CONSTANT ROW",
        "SCAN part USING INDEX idx_sessions_continued",
        "SCAN part USING COVERING INDEX idx_sessions_continued",  # newer SQLite
    )
    assert [line for line in plan[1:] if "SCAN" in line and not line.startswith(walks)] == []
    assert [line for line in plan if "TEMP B-TREE FOR ORDER BY" in line] == []


@pytest.mark.parametrize(
    "database", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
@pytest.mark.parametrize("by_last_active", [False, True])
def test_a_page_of_conversations_looks_up_what_it_needs_on_postgresql(
    repository, database, by_last_active
):
    stored.change(database, MANY)
    stored.change(database, "ANALYZE sessions")
    plan = "\n".join(explained(repository, by_last_active))
    assert "Index Scan" in plan
    assert "Seq Scan on sessions" not in plan
    assert "hashed SubPlan" not in plan
