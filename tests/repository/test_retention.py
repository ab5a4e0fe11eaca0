"""Deleting and pruning: what is due goes whole, what continues it stays."""

import pytest
from stored import allow_to_delete, change, check, refuse_to_delete, rows

from hermes_store import SessionFilter
from hermes_store.errors import InvalidArgumentError
from hermes_store.queries import deleting

DAY = 86_400


@pytest.fixture
def make(repository, database):
    """Make a session that started so many days ago; ended unless told otherwise."""

    def make(name, days=0.0, *, source="cli", parent=None, ended=True, messages=1):
        repository.create_session(name, source, parent_session_id=parent)
        repository.append_messages(name, [{"role": "user", "content": f"word {name}"}] * messages)
        if ended:
            repository.end_session(name, "done")
        change(database, "UPDATE sessions SET started_at = started_at - ? WHERE id = ?",
               days * DAY, name)  # fmt: skip

    return make


def names(repository):
    return {session["id"] for session in repository.search_sessions(limit=None)}


# --- delete -------------------------------------------------------------------------------------


def test_deleting_a_session_takes_its_messages_along(repository, make, database):
    make("a", messages=3)
    make("b")
    assert repository.delete_session("a") is True
    assert names(repository) == {"b"}
    assert repository.message_count() == 1
    assert repository.delete_session("a") is False
    check(database)


def test_deleting_a_parent_leaves_its_children_without_one(repository, make, database):
    make("root")
    make("child", parent="root")
    make("grandchild", parent="child")
    assert repository.delete_session("root") is True
    assert repository.get_session("child")["parent_session_id"] is None
    assert repository.get_session("grandchild")["parent_session_id"] == "child"
    assert repository.message_count() == 2
    check(database)


def test_a_session_that_is_its_own_parent_can_be_deleted(repository, make, database):
    make("a")
    change(database, "UPDATE sessions SET parent_session_id = 'a'")
    assert repository.delete_session("a") is True
    assert names(repository) == set()


# --- prune --------------------------------------------------------------------------------------


def test_what_ended_and_started_long_ago_is_pruned(repository, make, database):
    make("old", days=91)
    make("young", days=89)
    make("open", days=1000, ended=False)
    due = repository.list_prune_candidates()
    assert [session["id"] for session in due] == ["old"]
    assert due[0]["preview"] == "word old"
    assert names(repository) == {"old", "young", "open"}
    assert repository.prune_sessions() == 1
    assert names(repository) == {"young", "open"}
    assert repository.list_prune_candidates() == []
    assert repository.prune_sessions() == 0
    check(database)


def test_pruning_keeps_to_a_source(repository, make):
    make("a", days=100)
    make("b", days=100, source="cron")
    assert [s["id"] for s in repository.list_prune_candidates(90, "cron")] == ["b"]
    assert repository.prune_sessions(90, "cron") == 1
    assert names(repository) == {"a"}
    assert repository.prune_sessions(older_than_days=90, source="") == 1


def test_the_age_counts_in_days_and_parts_of_them(repository, make):
    make("a", days=1)
    assert repository.prune_sessions(2) == repository.prune_sessions(1.5) == 0
    assert repository.prune_sessions(0.5) == 1
    make("now")
    assert repository.prune_sessions(0) == 1


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf"), "90", None, True])
def test_an_age_that_is_none_is_refused(repository, make, days):
    make("a", days=100)
    for method in (repository.prune_sessions, repository.list_prune_candidates):
        with pytest.raises(InvalidArgumentError, match="older_than_days"):
            method(days)
    assert names(repository) == {"a"}


def test_an_age_beyond_all_times_prunes_nothing(repository, make):
    make("a", days=100)
    assert repository.prune_sessions(10**12) == 0


@pytest.mark.parametrize(
    "chain",
    [
        {"root": 91, "middle": 91, "tip": 89},
        {"root": 100, "middle": 95, "tip": 91},
        {"root": 91, "middle": 95, "tip": 100},
        {"root": 89, "middle": 91, "tip": 89},
    ],
    ids=str,
)
def test_a_lineage_is_pruned_as_far_as_it_is_due(repository, make, database, chain):
    parent = None
    for name, days in chain.items():
        make(name, days, parent=parent)
        parent = name
    due = {name for name, days in chain.items() if days > 90}
    assert repository.prune_sessions(90) == len(due)
    assert names(repository) == set(chain) - due
    check(database)


def test_a_lineage_of_equal_times_is_pruned(repository, make, database):
    make("x")
    make("y", parent="x")
    change(database, "UPDATE sessions SET started_at = 1000.0")
    assert repository.prune_sessions(90) == 2


def test_a_large_prune_goes_in_short_transactions(repository, database):
    with repository.transaction() as one:  # instead of 1,203
        for number in range(1_203):
            one.create_session(f"s{number}", "cli")
    change(database, "UPDATE sessions SET started_at = 1.0, ended_at = 2.0")
    before = repository.get_stats()["total_writes"]
    assert repository.prune_sessions() == 1_203
    assert repository.get_stats()["total_writes"] - before == 4  # 500, 500, 203, none left


def test_a_batch_ends_with_the_session_that_makes_it_long(repository, make, database):
    for number in range(6):
        make(f"s{number}", days=100 + number, messages=400)
    make("long", days=99, messages=1_500)
    batches = []
    with repository.transaction() as transaction:
        which = SessionFilter(open=False)
        while batch := deleting.prune_batch(transaction._open, which):
            batches.append(batch)
    assert batches == [1, 3, 3]  # 1,500 messages, then three times 400
    check(database)


def test_others_write_between_the_transactions_of_a_prune(repository, database, monkeypatch):
    with repository.transaction() as one:
        for number in range(600):
            one.create_session(f"s{number}", "cli")
    change(database, "UPDATE sessions SET started_at = 1.0, ended_at = 2.0")
    own = repository._write

    def write(function, *args):
        change(database, "INSERT INTO sessions (id, source, started_at) VALUES (random(), 'x', 3)")
        return own(function, *args)

    monkeypatch.setattr(repository, "_write", write)
    assert repository.prune_sessions() == 600
    assert repository.session_count("x") == 3


def test_a_prune_that_fails_half_way_leaves_whole_sessions(repository, make, database):
    for number in range(4):
        make(f"s{number}", days=100 + number, messages=600)
    refuse_to_delete(database, "s2")
    with pytest.raises(Exception, match="refused"):
        repository.prune_sessions()
    assert names(repository) == {"s2", "s3"}
    assert {row[0] for row in rows(database, "SELECT session_id FROM messages")} == {"s2", "s3"}
    allow_to_delete(database)
    assert repository.prune_sessions() == 2
    check(database)
