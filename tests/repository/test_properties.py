"""Properties of sessions, and what is done by them: archive, pin, update, end, delete."""

import random

import pytest
from sqlalchemy import URL
from stored import change, check, column, refuse_to_delete
from support import Caller, only_sqlite, until_it_waits

from hermes_store import SessionFilter, SessionRepository
from hermes_store.errors import InvalidArgumentError, SessionNotFoundError
from hermes_store.queries import joining, lineage, properties

ANY = SessionFilter(archived=None)


@pytest.fixture
def chain(repository):
    """A conversation of three sessions, and one beside it."""
    repository.create_session("root", "cli")
    for name, parent in (("middle", "root"), ("tip", "middle")):
        repository.create_session(name, "cli", parent_session_id=parent, link="compression")
    repository.create_session("other", "cron")
    return repository


def ids(found):
    return {each["id"] for each in found}


def at(database, **times):
    """Set when sessions started and were last active."""
    for name, time in times.items():
        change(database, "UPDATE sessions SET started_at = ?, last_active = ? WHERE id = ?",
               time, time, name)  # fmt: skip


# --- archived ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["root", "middle", "tip"])
def test_any_session_of_a_conversation_archives_all_of_it(chain, named):
    chain.set_archived(named)
    assert ids(chain.search_sessions()) == {"other"}
    assert ids(chain.search_sessions(filter=SessionFilter(archived=True))) == {
        "root",
        "middle",
        "tip",
    }
    chain.set_archived(named, False)
    assert ids(chain.search_sessions()) == {"root", "middle", "tip", "other"}
    assert chain.get_session(named)["archived"] is None


def test_what_is_archived_keeps_its_time(chain, database):
    change(database, "UPDATE sessions SET archived = 5.0 WHERE id = 'root'")
    chain.set_archived("tip")
    assert chain.get_session("root")["archived"] == 5.0
    first = chain.get_session("tip")["archived"]
    assert first >= chain.get_session("tip")["started_at"]
    chain.set_archived("tip")
    assert chain.get_session("tip")["archived"] == first


def test_a_rule_archives_the_conversations_that_go_on_in_what_it_means(chain, database):
    at(database, root=10.0, middle=20.0, tip=1e9, other=10.0)
    assert chain.archive_sessions(SessionFilter(active_until=100.0)) == ["other"]
    assert ids(chain.search_sessions()) == {"root", "middle", "tip"}
    assert chain.archive_sessions(SessionFilter(active_until=2e9)) == ["tip"]
    assert chain.search_sessions() == []
    assert chain.archive_sessions(SessionFilter()) == []


def test_a_fork_that_was_left_does_not_archive_what_goes_on_elsewhere(chain, database):
    chain.create_session("left", "cli", parent_session_id="middle", link="compression")
    at(database, root=1.0, middle=2.0, left=3.0, tip=1e9, other=1e9)
    assert chain.archive_sessions(SessionFilter(active_until=100.0)) == []
    assert ids(chain.search_sessions()) == {"root", "middle", "left", "tip", "other"}
    assert chain.archive_sessions(SessionFilter(id_prefix="tip")) == ["tip"]
    assert ids(chain.search_sessions()) == {"other"}


def test_a_circle_and_a_delegate_are_archived_by_a_rule(chain, database):
    chain.create_session("worker", "cron", parent_session_id="other", link="delegate")
    at(database, root=1.0, middle=2.0, tip=3.0, other=1e9, worker=4.0)
    change(database, "UPDATE sessions SET parent_session_id = 'tip', link = 'compression' WHERE id = 'root'")  # fmt: skip
    assert set(chain.archive_sessions(SessionFilter(active_until=100.0))) == {"tip", "worker"}
    assert ids(chain.search_sessions()) == {"other"}


def test_a_rule_leaves_what_another_process_continues_or_deletes_meanwhile(chain, database):
    chain.create_session("going", "cli")
    with SessionRepository(database) as another, another.transaction() as tx:
        tx.create_session("new", "cron", parent_session_id="other", link="compression")
        tx.delete_session("going")
        caller = Caller(lambda: chain.archive_sessions(SessionFilter(source="cron")))
        until_it_waits(database, caller)
    assert set(caller.finish()) <= {"new"}
    archived = {each["archived"] is None for each in map(chain.get_session, ("other", "new"))}
    assert len(archived) == 1  # whole, or not at all


def test_a_session_deleted_between_two_statements_stops_no_list(chain, database, monkeypatch):
    found = []

    def chains(connection, ids, _chains=lineage.chains_of):
        found.append(_chains(connection, ids))
        if isinstance(database, URL) and len(found) == 1:  # a file has a single writer
            change(database, "DELETE FROM sessions WHERE id = 'tip'")
        return found[-1]

    monkeypatch.setattr(joining, "chains_of", chains)
    with chain.transaction() as tx:  # which sees what others commit from statement to statement
        assert ids(tx.list_sessions_rich()) >= {"other"}
        assert ids(tx.list_sessions_rich(order_by_last_active=True)) >= {"other"}


@only_sqlite
def test_an_id_that_is_no_text_stops_no_rule_and_no_filter(chain, database):
    change(database, "INSERT INTO sessions (id, source, started_at, title) VALUES (?, 'x', 1, 'my title')", b"\x01\xff")  # fmt: skip
    chain.set_session_title("other", "a title")
    assert ids(chain.search_sessions(filter=SessionFilter(title="title"))) == {"other"}
    assert set(chain.archive_sessions(SessionFilter())) == {"tip", "other"}


def test_a_large_rule_goes_in_short_transactions(repository, database):
    with repository.transaction() as one:  # instead of 1,203
        one.import_sessions(
            {"id": f"s{n}", "source": "cli", "started_at": n % 7} for n in range(1_203)
        )
    before = repository.get_stats()["total_writes"]
    assert len(set(repository.archive_sessions(SessionFilter(source="cli")))) == 1_203
    assert repository.get_stats()["total_writes"] - before == 4  # 500, 500, 203, none left
    assert not any(column(database, "SELECT archived IS NULL FROM sessions"))


@pytest.mark.parametrize("wrong", [None, {}, "cli", SessionFilter(archived=True)], ids=repr)
def test_what_is_no_rule_archives_nothing(chain, wrong):
    with pytest.raises(InvalidArgumentError, match=r"^filter: .*; \S"):
        chain.archive_sessions(wrong)
    assert len(chain.search_sessions()) == 4


# --- pinned -----------------------------------------------------------------------------------------


def test_a_pinned_conversation_is_found_by_its_pin(chain):
    chain.set_pinned("middle")
    pinned = chain.search_sessions(filter=SessionFilter(pinned=True))
    assert ids(pinned) == {"root", "middle", "tip"}
    assert {session["pinned"] for session in pinned} == {True}
    assert ids(chain.search_sessions(filter=SessionFilter(pinned=False))) == {"other"}
    chain.set_pinned("tip", False)
    assert chain.get_session("root")["pinned"] is False


@pytest.mark.parametrize("wrong", [None, 1, 0, "yes"])
def test_a_state_is_true_or_false(chain, wrong):
    for method, name in ((chain.set_archived, "archived"), (chain.set_pinned, "pinned")):
        with pytest.raises(InvalidArgumentError, match=f"^{name}: .*; give True or False"):
            method("root", wrong)


def test_a_session_that_is_not_there_is_named(repository):
    for call in (repository.set_archived, repository.set_pinned, repository.update_session):
        with pytest.raises(SessionNotFoundError, match="no session 'x'"):
            call("x")
    with pytest.raises(SessionNotFoundError):
        repository.update_session("x", cwd="/")


# --- a conversation that goes on --------------------------------------------------------------------


def test_a_conversation_that_goes_on_stays_pinned_and_archived(chain):
    chain.set_pinned("root")
    chain.set_archived("root")
    chain.create_session("next", "cli", parent_session_id="tip", link="compression")
    assert ids(chain.list_sessions_rich()) == {"other"}
    [row] = chain.list_sessions_rich(filter=SessionFilter(archived=True, pinned=True))
    assert (row["id"], row["archived"]) == ("next", chain.get_session("tip")["archived"])
    chain.create_session("branch", "cli", parent_session_id="next", link="branch")
    branch = chain.get_session("branch")
    assert (branch["pinned"], branch["archived"]) == (False, None)


def test_a_session_that_is_stored_again_keeps_its_own_pin(chain, database):
    chain.set_pinned("root")
    change(database, "UPDATE sessions SET pinned = 0 WHERE id = 'tip'")
    chain.create_session("tip", "cli", parent_session_id="middle", link="compression")
    assert chain.get_session("tip")["pinned"] is False


ALL_OF_IT = {
    "title": lambda repo: repo.set_session_title("root", "new"),
    "pin": lambda repo: repo.set_pinned("root"),
    "archive": lambda repo: repo.set_archived("root"),
}


@pytest.mark.parametrize("what", ALL_OF_IT)
def test_what_is_said_of_a_conversation_is_said_of_the_session_that_continues_it_meanwhile(
    chain, database, what
):
    chain.set_session_title("root", "old")
    with SessionRepository(database) as another, another.transaction() as tx:
        tx.create_session("next", "cli", parent_session_id="tip", link="compression")
        caller = Caller(lambda: ALL_OF_IT[what](chain))
        until_it_waits(database, caller)
    caller.finish()
    found = chain.get_session("next")
    assert (found["title"], found["pinned"], found["archived"] is not None) == (
        "new" if what == "title" else "old",
        what == "pin",
        what == "archive",
    )


def test_two_continuations_at_once_leave_title_and_pin_on_the_tip(chain, database):
    chain.set_session_title("root", "title")
    chain.set_pinned("root")

    def go_on(repo, name):
        repo.create_session(name, "cli", parent_session_id="tip", link="compression")

    with SessionRepository(database) as another, another.transaction() as tx:
        go_on(tx, "one")
        caller = Caller(lambda: go_on(chain, "two"))
        until_it_waits(database, caller)
    caller.finish()
    tip = chain.get_session(chain.get_tip("root"))
    assert (tip["title"], tip["pinned"]) == ("title", True)
    assert column(database, "SELECT id FROM sessions WHERE title IS NOT NULL") == [tip["id"]]


# --- update_session ---------------------------------------------------------------------------------

NEW = {
    "source": "web",
    "user_id": "ana",
    "model": "m",
    "model_config": {"a": [1]},
    "system_prompt": "Be brief.",
    "cwd": "/home/änne",
    "key": "telegram:7",
    "api_call_count": 3,
    "extra": {"thread": 9},
    "billing_provider": "p",
    "billing_base_url": "https://example.org",
    "billing_mode": "flat",
}


@pytest.mark.parametrize("name", NEW)
def test_a_property_takes_the_place_of_the_stored_one_and_leaves_the_others(repository, name):
    repository.create_session("s", "cli")
    repository.create_session("t", "cli")
    before = repository.get_session("s")
    repository.update_session("s", **{name: NEW[name]})
    assert repository.get_session("s") == {**before, name: NEW[name]}
    repository.update_session("s")
    assert repository.get_session("s")[name] == NEW[name]
    assert repository.get_session("t")[name] == before[name]


def test_none_takes_a_property_away(repository):
    repository.create_session("s", "cli")
    repository.update_session("s", **NEW)
    repository.update_session("s", **dict.fromkeys(set(NEW) - {"source"}))
    found = repository.get_session("s")
    assert {name: found[name] for name in NEW} == {
        **dict.fromkeys(NEW),
        "source": "web",
        "api_call_count": 0,
    }


def test_an_extra_replaces_the_stored_one(repository):
    repository.create_session("s", "cli", extra={"a": 1})
    repository.update_session("s", extra={"b": 2})
    assert repository.get_session("s")["extra"] == {"b": 2}


WRONG = {
    "source": [None, "", 7, "x" * 501],
    "key": ["", 7, "x" * 501],
    "api_call_count": [-1, 1.5, "1", True],
    "model_config": [{1}, float("nan")],
    "extra": [[1], "text", {1: 2}],
    **{name: [7, b"x"] for name in ("cwd", "model", "user_id", "system_prompt", "billing_mode")},
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, some in WRONG.items() for v in some])
def test_a_property_that_cannot_be_stored_is_refused_and_nothing_changes(repository, name, value):
    repository.create_session("s", "cli", cwd="/here")
    before = repository.get_session("s")
    with pytest.raises(InvalidArgumentError, match=rf"^{name}: .*; \S"):
        repository.update_session("s", **{"user_id": "new", name: value})
    assert repository.get_session("s") == before


@pytest.mark.parametrize(
    "name", ["title", "link", "parent_session_id", "ended_at", "archived", "message_count", "cdw"]
)
def test_a_keyword_that_is_no_property_is_refused_with_those_that_are(repository, name):
    repository.create_session("s", "cli")
    with pytest.raises(InvalidArgumentError, match=f"^{name}: is not a property .*; use api_call"):
        repository.update_session("s", **{name: None})


def test_an_extra_that_is_no_object_is_refused_from_the_start(repository):
    with pytest.raises(InvalidArgumentError, match=r"^extra: "):
        repository.create_session("s", "cli", extra=[1])


@pytest.mark.parametrize("key", ["a\0", "a\ud800", "x" * 501, ""])
def test_a_key_is_never_altered_so_that_no_chat_finds_the_session_of_another(repository, key):
    with pytest.raises(InvalidArgumentError, match=r"^key: "):
        repository.create_session("s", "cli", key=key)
    repository.create_session("s", "cli")
    with pytest.raises(InvalidArgumentError, match=r"^key: "):
        repository.update_session("s", key=key)


# --- newest_session ---------------------------------------------------------------------------------


def test_the_newest_session_of_a_key_is_the_one_that_began_last(repository, database):
    assert repository.newest_session("chat") is None
    for name in ("a", "b", "c", "d"):
        repository.create_session(name, "telegram", key="chat" if name != "d" else "chat2")
    at(database, a=3.0, b=1.0, c=3.0, d=9.0)
    assert repository.newest_session("chat") == "c"  # of equal times the greater id
    repository.end_session("c", "done")
    assert repository.newest_session("chat") == "c"
    repository.set_archived("c")
    assert repository.newest_session("chat") == "a"
    assert repository.newest_session("cha_") is None


@pytest.mark.parametrize("key", [None, "", 7])
def test_what_is_no_key_is_refused(repository, key):
    with pytest.raises(InvalidArgumentError, match=r"^key: "):
        repository.newest_session(key)


@only_sqlite
def test_the_newest_session_of_a_key_is_read_from_an_index(repository):
    with repository.transaction() as transaction:
        sql, constants = properties._NEWEST._compile("sqlite", transaction.connection.dialect)
        given = {"asked": "x", **constants}
        driver = transaction.connection.connection.dbapi_connection
        plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
    assert plan[0] == "SEARCH sessions USING INDEX idx_sessions_key (key=?)"
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan


# --- end_sessions -----------------------------------------------------------------------------------


def test_sessions_that_nobody_ended_end_at_their_last_activity(repository, database):
    for name in ("old", "new", "ended", "unknown"):
        repository.create_session(name, "cli")
    repository.end_session("ended", "done")
    at(database, old=50.0, new=100.0, ended=10.0, unknown=60.0)
    change(database, "UPDATE sessions SET last_active = NULL WHERE id = 'unknown'")
    assert set(repository.end_sessions(100.0, "idle")) == {"old", "unknown"}
    found = {each["id"]: each for each in repository.search_sessions()}
    assert [found[name]["ended_at"] for name in ("old", "unknown", "new")] == [50.0, 60.0, None]
    assert [found[name]["end_reason"] for name in ("old", "ended")] == ["idle", "done"]
    assert repository.end_sessions(100.0, "idle") == []


def test_many_sessions_end_in_short_transactions(repository):
    with repository.transaction() as one:  # instead of 1,203
        one.import_sessions({"id": f"s{n}", "source": "cli", "started_at": n} for n in range(1_203))
    before = repository.get_stats()["total_writes"]
    assert len(set(repository.end_sessions(1e9, None))) == 1_203
    assert repository.get_stats()["total_writes"] - before == 4


def test_a_session_that_an_import_still_stores_stays_open(repository):
    messages = [
        {"role": "user", "content": str(number), "timestamp": 1.0} for number in range(1_500)
    ]
    session = {"id": "long", "source": "cli", "started_at": 1.0, "messages": messages}

    def interrupted():
        yield session
        raise KeyboardInterrupt

    own, writes = repository._write, []

    def write(function, *arguments, **keywords):
        writes.append(function)
        if len(writes) == 3:
            raise KeyboardInterrupt
        return own(function, *arguments, **keywords)

    repository._write = write
    with pytest.raises(KeyboardInterrupt):
        repository.import_sessions([session])
    repository._write = own
    assert repository.end_sessions(1e9, "idle") == []
    repository.import_sessions([session])
    assert repository.message_count("long") == 1_500
    assert repository.end_sessions(1e9, "idle") == ["long"]


@pytest.mark.parametrize("since", [None, -1, 1.7e12, "30d", float("nan"), True])
def test_a_time_that_is_none_ends_nothing(repository, since):
    repository.create_session("s", "cli")
    with pytest.raises(InvalidArgumentError, match=r"^inactive_since: "):
        repository.end_sessions(since, "idle")
    assert repository.get_session("s")["ended_at"] is None


# --- delete_sessions --------------------------------------------------------------------------------


def test_the_named_sessions_are_deleted_with_their_messages(repository, database):
    for name in ("a", "b", "c"):
        repository.create_session(name, "cli")
        repository.append_message(name, "user", f"word {name}")
    assert repository.delete_sessions(["a", "nothing", "c", "a"]) == 2
    assert ids(repository.search_sessions(filter=ANY)) == {"b"}
    assert repository.message_count() == 1
    assert repository.delete_sessions([]) == repository.delete_sessions(("a",)) == 0
    check(database)


@pytest.mark.parametrize("wrong", ["a", None, {"a"}, [7], ["a", ""], ["a", None]], ids=repr)
def test_what_is_no_list_of_ids_deletes_nothing(repository, wrong):
    repository.create_session("a", "cli")
    with pytest.raises(InvalidArgumentError, match=r"ids?: "):
        repository.delete_sessions(wrong)
    assert repository.session_count() == 1


def test_many_are_deleted_in_short_transactions(repository, database):
    names = [f"s{number}" for number in range(6)]
    for name in names:
        repository.create_session(name, "cli")
        repository.append_messages(name, [{"role": "user"}] * 400)
    before = repository.get_stats()["total_writes"]
    assert repository.delete_sessions(names) == 6
    assert 1 < repository.get_stats()["total_writes"] - before <= 3  # about 1,000 messages each
    check(database)


def test_a_deletion_that_fails_half_way_leaves_whole_sessions(repository, database):
    names = [f"s{number}" for number in range(4)]
    for name in names:
        repository.create_session(name, "cli")
        repository.append_messages(name, [{"role": "user"}] * 600)
    refuse_to_delete(database, "s2")
    with pytest.raises(Exception, match="refused"):
        repository.delete_sessions(names)
    assert set(column(database, "SELECT DISTINCT session_id FROM messages")) == {"s2", "s3"}


# --- rules, export and import -----------------------------------------------------------------------


def test_a_transaction_does_all_of_it_or_nothing(chain):
    with pytest.raises(LookupError), chain.transaction() as transaction:
        transaction.set_archived("root")
        transaction.set_pinned("other")
        transaction.update_session("other", cwd="/x", key="k")
        assert transaction.newest_session("k") == "other"
        assert transaction.archive_sessions(SessionFilter(cwd_prefix="/x")) == ["other"]
        assert len(transaction.end_sessions(4e9, "idle")) == 4
        assert transaction.delete_sessions(["other", "nothing"]) == 1
        raise LookupError
    found = chain.search_sessions()
    assert ids(found) == {"root", "middle", "tip", "other"}
    assert {(each["pinned"], each["cwd"], each["ended_at"]) for each in found} == {
        (False, None, None)
    }


def test_properties_come_along_in_exports(repository):
    repository.create_session("s", "cli")
    repository.update_session("s", **NEW)
    repository.set_archived("s")
    repository.set_pinned("s")
    [exported] = repository.export_all()
    assert exported["pinned"] is True
    repository.delete_sessions(["s"])
    repository.import_sessions([exported])
    assert repository.export_all() == [exported]


def test_an_export_without_properties_is_imported(repository):
    old = {"id": "s", "source": "cli", "started_at": 1.0, "messages": []}
    repository.import_sessions([old, {**old, "id": "t", "pinned": None, "archived": None}])
    repository.import_sessions([{**old, "id": "u", "pinned": 1, "key": None, "extra": {}}])
    names = ("archived", "pinned", "cwd", "key", "api_call_count", "extra")
    for session_id, pinned in (("s", False), ("t", False), ("u", True)):
        found = repository.get_session(session_id)
        assert [found[name] for name in names] == [None, pinned, None, None, 0, None]


IMPORTED = {
    "pinned": ["yes", 2, [1], "true"],
    "archived": [-1, "now", 1.7e12, True],
    "key": [7, "x" * 501],
    "extra": [{1: 2, "1": 3}, {"a": float("nan")}],
    "cwd": [7],
    "api_call_count": [1.5, "3"],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, some in IMPORTED.items() for v in some])
def test_a_property_that_cannot_be_imported_is_named(repository, name, value):
    session = {"id": "s", "source": "cli", "started_at": 1.0, name: value}
    with pytest.raises(InvalidArgumentError, match=rf"^session s, {name}: .*; \S"):
        repository.import_sessions([session])
    assert repository.session_count() == 0


def test_a_rule_by_several_fields_is_what_it_says(repository, database):
    rng = random.Random(3)
    for number in range(60):
        repository.create_session(f"s{number}", rng.choice(["cli", "cron"]))
        repository.end_session(f"s{number}", "done")
        change(database, "UPDATE sessions SET started_at = ?, input_tokens = ?, pinned = ? WHERE id = ?",
               float(number), rng.choice([0, None, 50]), rng.choice([0, 1, None]), f"s{number}")  # fmt: skip
    rule = SessionFilter(source="cron", pinned=False, max_tokens=0, started_until=30.0)
    wanted = {
        each["id"]
        for each in repository.search_sessions(limit=None)
        if each["source"] == "cron"
        and not each["pinned"]
        and each["input_tokens"] == 0
        and each["started_at"] < 30
    }
    assert ids(repository.list_prune_candidates(filter=rule)) == wanted != set()
    assert repository.prune_sessions(filter=rule) == len(wanted)
    assert repository.session_count() == 60 - len(wanted)
