"""Records of usage in an export, an import, the check and the ORM door."""

import json

import pytest
import stored
from sqlalchemy import URL, delete
from support import failing_write

from hermes_store import SessionRepository, values
from hermes_store.errors import InvalidArgumentError, StoreBusyError
from hermes_store.models import Lease, Meta, Session, Usage


@pytest.fixture
def session(repository, monkeypatch):
    """Two hours of usage, of two tasks."""
    repository.create_session("s", "cli")
    for now in (1_770_000_000.5, 1_770_010_000.0):
        monkeypatch.setattr(values, "now", lambda now=now: now)
        repository.record_usage("s", model="m", input_tokens=7, actual_cost_usd=0.25)
        repository.record_usage("s", task="title", output_tokens=1)
    monkeypatch.undo()
    return repository


@pytest.fixture
def other(template, tmp_path):
    path = tmp_path / "other.db"
    path.write_bytes(template.read_bytes())
    with SessionRepository(path) as repository:
        yield repository


# --- export and import ----------------------------------------------------------------------------


def test_a_session_is_exported_with_its_usage_only_when_it_has_any(session):
    session.create_session("without", "cli")
    assert "usage" not in session.export_session("without")
    exported = session.export_session("s")
    assert [each["task"] for each in exported["usage"]] == ["", "title", "", "title"]
    assert exported["usage"][0] == {
        "hour": 491666, "task": "", "model": "m", "provider": "", "base_url": "", "mode": "",
        "calls": 1, "input_tokens": 7, "output_tokens": 0, "cache_read_tokens": 0,
        "cache_write_tokens": 0, "reasoning_tokens": 0, "estimated_cost_usd": None,
        "actual_cost_usd": 0.25, "first_at": 1_770_000_000.5, "last_at": 1_770_000_000.5,
    }  # fmt: skip
    assert ["usage" in each for each in session.iter_export()] == [False, True]


def test_usage_comes_back_from_an_export_as_it_was(session, other):
    exported = [json.loads(json.dumps(each)) for each in session.iter_export()]
    assert other.import_sessions(exported).ignored_fields == []
    assert other.export_all() == session.export_all()
    assert other.usage_report() == session.usage_report()
    assert other.import_sessions(exported).skipped == ["s"]
    assert other.usage_report() == session.usage_report()


SMALL = {"id": "i", "source": "cli", "started_at": 1.0, "messages": []}
USED = {"hour": 5, "first_at": 18_000, "last_at": 18_001}


def test_what_a_record_lacks_is_not_known(other):
    other.import_sessions([SMALL | {"usage": [USED | {"model": None, "novel": 1}]}])
    [record] = other.export_session("i")["usage"]
    assert (record["model"], record["calls"], record["actual_cost_usd"]) == ("", 0, None)


def test_a_field_of_a_record_that_is_not_known_is_named(other):
    result = other.import_sessions([SMALL | {"usage": [USED | {"novel": 1}]}])
    assert result.ignored_fields == ["usage.novel"]


@pytest.mark.parametrize("usage", [None, []])
def test_an_export_without_usage_is_imported(other, usage):
    assert other.import_sessions([SMALL, SMALL | {"id": "j", "usage": usage}]).sessions == 2
    assert other.usage_report() == []


@pytest.mark.parametrize(
    ("usage", "named"),
    [
        (5, "usage: "),
        ({"hour": 5}, "usage: "),
        ([5], r"usage\[0\].value: "),
        ([{}], r"usage\[0\].first_at: is missing"),
        ([USED, USED | {"hour": None}], r"usage\[1\].hour: is missing"),
        ([USED | {"hour": -1}], r"usage\[0\].hour: "),
        ([USED | {"hour": 10**9}], r"usage\[0\].hour: .* 9955"),
        ([USED | {"calls": -1}], r"usage\[0\].calls: "),
        ([USED | {"model": 5}], r"usage\[0\].model: "),
        ([USED | {"model": "x" * 501}], r"usage\[0\].model: "),
        ([USED | {"actual_cost_usd": -1}], r"usage\[0\].actual_cost_usd: "),
        ([USED | {"last_at": 1_770_000_000_000}], r"usage\[0\].last_at: .*milliseconds"),
        ([USED, USED], r"usage\[1\].hour: is that of an earlier record"),
    ],
)
def test_a_bad_record_names_its_place_and_the_session_is_not_stored(repository, usage, named):
    with pytest.raises(InvalidArgumentError, match=f"^session i, {named}"):
        repository.import_sessions([SMALL | {"usage": usage}])
    assert repository.session_count() == 0


def test_a_long_session_has_its_usage_once_also_after_an_interruption(other):
    messages = [{"role": "user", "content": str(number)} for number in range(2_500)]
    long = SMALL | {"messages": messages, "usage": [USED | {"calls": 2}]}
    with failing_write(3), pytest.raises(StoreBusyError):
        other.import_sessions([long])
    assert other.import_sessions([long]).messages == 1_500
    assert [each["calls"] for each in other.export_session("i")["usage"]] == [2]


# --- the check ------------------------------------------------------------------------------------


def test_usage_of_a_session_that_does_not_exist_is_named(session, database):
    assert session.check() == []
    if isinstance(database, URL):
        stored.change(database, "ALTER TABLE usage DROP CONSTRAINT fk_usage_session_id_sessions")
    stored.change(database, "UPDATE usage SET session_id = 'nobody' WHERE task = 'title'")
    assert "usage of sessions that do not exist: nobody" in session.check()


# --- the ORM door ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["object", "statement"])
def test_a_session_that_is_deleted_takes_its_usage_with_it(session, how):
    session.create_session("t", "cli")
    session.record_usage("t")
    with session.orm_session() as orm:
        if how == "object":
            used = orm.get_one(Usage, ("s", 491666, "title", "", "", "", ""))
            assert used.output_tokens == 1
            orm.delete(orm.get(Session, "s"))
        else:
            orm.execute(delete(Session).where(Session.id == "s"))
    [row] = session.usage_report("source")
    assert (row["sessions"], row["calls"]) == (1, 1)
    assert session.check() == []


def test_what_is_kept_beside_the_sessions_is_written_and_read_there_too(session):
    with session.orm_session() as orm:
        orm.add(Meta(key="key", value={"a": [1]}))
        orm.add(
            Usage(session_id="s", hour=1, model="added", calls=3, first_at=3600.0, last_at=3600.0)
        )
        orm.add(Lease(name="n", holder="one", acquired_at=0.0, expires_at=4e9))
    assert session.meta.get("key") == {"a": [1]}
    assert session.leases.holder("n") == "one"
    assert [
        each["calls"] for each in session.usage_report("model") if each["group"] == "added"
    ] == [3]
    session.meta.set("key", [2])
    with session.orm_session() as orm:
        assert orm.get_one(Meta, "key").value == [2]
