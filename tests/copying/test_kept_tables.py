"""Usage and meta come along with a copy; leases stay, and the answer says so."""

from pathlib import Path

import pytest
import stored
import stores

from hermes_store import SessionRepository, values
from hermes_store.copy import copy
from hermes_store.errors import CopyError

LEASES = {"leases that are held now, left out": 1}


@pytest.fixture
def source(filled):
    """A store that keeps something in each table."""
    with SessionRepository(filled) as repository:
        repository.record_usage("first", model="m", input_tokens=2**53, actual_cost_usd=0.1)
        repository.record_usage("an-earlier-id", task="title")
        repository.meta.set("key", {"deep": ["記", None]})
        repository.meta.set("none", None)
        repository.leases.acquire("held", "one", 3600)
        repository.leases.acquire("given back", "one", 3600)
        repository.leases.release("given back", "one")
    return filled


def kept(database):
    with SessionRepository(database) as repository:
        held = [lease["name"] for lease in repository.leases.held()]
        return repository.usage_report("model"), repository.meta.items(), held


def test_usage_and_meta_come_along_and_leases_are_named(source, target, tmp_path):
    there = copy(source, target)
    assert (there.others, there.remarks) == ({"usage": 2, "meta": 2}, LEASES)
    assert kept(target) == (*kept(source)[:2], [])
    assert stores.content(target) == stores.content(source)
    back = copy(target, tmp_path / "back.db")
    assert back == there._replace(remarks={})


def test_what_was_added_and_changed_since_comes_along(source, target):
    before = copy(source, target)
    with SessionRepository(source) as repository:
        repository.record_usage("first", model="m", input_tokens=1)
        repository.record_usage("first", model="other")
        repository.meta.set("key", "changed")
        repository.meta.set("new", 1)
    after = copy(source, target)
    assert after.others == {"usage": 3, "meta": 3}
    assert after.digest != before.digest
    assert kept(target)[:2] == kept(source)[:2]


@pytest.mark.parametrize("lost", ["meta", "usage"])
def test_what_the_source_lost_is_refused_and_delete_takes_it_away(source, target, lost):
    copy(source, target)
    statement = {"meta": "DELETE FROM meta WHERE key = 'key'", "usage": "DELETE FROM usage"}[lost]
    stored.change(source, statement)
    with SessionRepository(source) as repository:
        repository.append_message("first", "user", "later")
    held = kept(target)
    with pytest.raises(CopyError, match=f"rows? of {lost} that the source lacks.*--delete"):
        copy(source, target)
    assert kept(target) == held
    assert copy(source, target, delete=True).deleted == {lost: 1 if lost == "meta" else 2}
    assert kept(target)[:2] == kept(source)[:2]


def test_a_deleted_session_takes_its_usage_out_of_the_copy(source, target):
    copy(source, target)
    with SessionRepository(source) as repository:
        repository.delete_session("first")
    done = copy(source, target, delete=True)
    assert (done.deleted["usage"], done.deleted["sessions"]) == (1, 1)
    assert kept(target)[:2] == kept(source)[:2]


def test_leases_of_the_target_stay(source, target):
    copy(source, target)
    with SessionRepository(target, auto_migrate=True) as repository:
        assert repository.leases.acquire("of the copy", "another", 3600)
    copy(source, target, delete=True)
    assert kept(target)[2] == ["of the copy"]


def test_a_lease_that_has_expired_is_not_worth_a_word(source, target):
    stored.change(source, "UPDATE leases SET expires_at = 1")
    assert copy(source, target).remarks == {}


def test_more_records_than_are_copied_at_once_come_along(source, target, monkeypatch):
    with SessionRepository(source) as repository, repository.transaction() as transaction:
        for hour in range(1, 701):
            monkeypatch.setattr(values, "now", lambda hour=hour: hour * 3600.0)
            transaction.record_usage("first", model="m")
    monkeypatch.undo()
    assert copy(source, target).others["usage"] == 702
    assert kept(target)[:2] == kept(source)[:2]


def test_usage_of_a_session_that_does_not_exist_is_left_out_and_counted(sqlite_database, target):
    for session_id in ("nobody", "named"):
        stored.change(
            sqlite_database,
            f"INSERT INTO usage (session_id, hour, first_at, last_at) VALUES ('{session_id}', 1, 1, 1)",
        )
    stored.change(
        sqlite_database,
        "INSERT INTO messages (session_id, role, timestamp) VALUES ('named', 'user', 1)",
    )
    done = copy(sqlite_database, target)
    assert done.others == {"usage": 1}
    assert done.remarks == {
        "sessions that only messages named, made": 1,
        "records of usage of sessions that do not exist, left out": 1,
    }


@pytest.mark.postgresql
def test_models_that_differ_by_a_nul_alone_are_one_record_on_every_database(
    sqlite_database, postgresql_database
):
    with SessionRepository(sqlite_database) as repository:
        repository.create_session("s", "cli")
        for model in ("a\0b", "a\ufffdb"):
            repository.record_usage("s", model=model, provider=model)
        used = repository.usage_report("model")
        assert [(row["group"], row["calls"]) for row in used] == [("a\ufffdb", 2)]
    copy(sqlite_database, postgresql_database)
    with SessionRepository(postgresql_database) as copied:
        assert copied.usage_report("model") == used


def test_usage_of_others_whose_texts_a_server_cannot_tell_apart_is_added_up(
    sqlite_database, target, tmp_path
):
    with SessionRepository(sqlite_database) as repository:
        repository.create_session("s", "cli")
        for model, cost in (("a", 0.5), ("b", None)):
            repository.record_usage("s", model=model, input_tokens=3, actual_cost_usd=cost)
    for change in (
        "hour = 1, first_at = 3600, last_at = 3700",
        "model = 'm' || char(0) WHERE model = 'a'",
        "model = 'm' || char(65533), last_at = 3800 WHERE model = 'b'",
    ):
        stored.change(sqlite_database, f"UPDATE usage SET {change}")
    done = copy(sqlite_database, target)
    assert copy(sqlite_database, target) == done
    keeps_nul = isinstance(target, Path)
    assert done.others == {"usage": 2 if keeps_nul else 1}
    assert keeps_nul or done.remarks["records of usage whose texts became equal, added up"] == 1
    with SessionRepository(target) as repository:
        used = repository.usage_report("source")[0]
        assert (used["calls"], used["input_tokens"], used["actual_cost_usd"]) == (2, 6, 0.5)
        assert repository.check() == []
    assert copy(target, tmp_path / "back.db").digest == done.digest
