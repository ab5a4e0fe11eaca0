"""Rules end, archive and delete what nobody has used for long, and never what is pinned."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import URL
from stored import change, check
from support import only_sqlite

from hermes_store import SessionFilter, SessionRepository
from hermes_store.errors import InvalidArgumentError

DAY = 86_400
Make = Callable[..., None]


@pytest.fixture
def make(repository: SessionRepository, database: Path | URL) -> Make:
    """Make a session that was last active so many days ago; ended unless told otherwise."""

    def make(name: str, days: float, *, source: str = "cli", ended: bool = True) -> None:
        repository.create_session(name, source)
        repository.append_message(name, "user", f"word {name}")
        if ended:
            repository.end_session(name, "done")
        for what in ("started_at", "last_active"):
            change(database, f"UPDATE sessions SET {what} = {what} - ? WHERE id = ?", days * DAY, name)  # fmt: skip
        change(database, "UPDATE messages SET timestamp = timestamp - ? WHERE session_id = ?", days * DAY, name)  # fmt: skip

    return make


def names(repository: SessionRepository, **which) -> set[str]:
    rows = repository.search_sessions(
        limit=None, filter=SessionFilter(**{"archived": None, **which})
    )
    return {row["id"] for row in rows}


@pytest.mark.parametrize(
    "act",
    [
        lambda repo: repo.retention.due(),
        lambda repo: repo.retention.run(),
        lambda repo: repo.prune_sessions(1),
        lambda repo: repo.list_prune_candidates(1),
    ],
)
def test_a_clock_beyond_the_year_9999_is_named_and_nothing_is_deleted(repository, monkeypatch, act):
    repository.create_session("s", "cli")
    repository.end_session("s", "done")
    repository.retention.add("old", "delete", 1)
    monkeypatch.setattr("time.time", lambda: 3e11)
    with pytest.raises(InvalidArgumentError, match=r"days: 1 days ago is beyond .*set the clock"):
        act(repository)
    assert names(repository) == {"s"}


def test_each_action_reaches_what_is_old_enough_and_leaves_the_rest(
    repository: SessionRepository, make: Make, database: Path | URL
) -> None:
    for days in (2, 20, 200):
        make(f"open-{days}", days, ended=False)
        make(f"ended-{days}", days)
    repository.retention.add("quiet", "archive", 10)
    repository.retention.add("old", "delete", 100)
    repository.retention.add("left", "end", 150)
    due = {rule.name: {row["id"] for row in rows} for rule, rows in repository.retention.due()}
    assert due == {
        "left": {"open-200"},
        "quiet": {"open-20", "open-200", "ended-20", "ended-200"},
        "old": {"ended-200"},
    }
    assert len(names(repository)) == 6
    done = repository.retention.run()
    assert [(rule.name, number) for rule, number in done] == [("left", 1), ("quiet", 4), ("old", 2)]
    assert names(repository) == {"open-2", "ended-2", "open-20", "ended-20"}
    assert names(repository, archived=True) == {"open-20", "ended-20"}
    assert [number for _, number in repository.retention.run()] == [0, 0, 0]
    check(database)


def test_a_session_that_a_rule_ends_ends_at_its_last_activity(
    repository: SessionRepository, make: Make
) -> None:
    make("left", 9, ended=False)
    repository.retention.add("left", "end", 7)
    repository.retention.run()
    session = repository.get_session("left")
    assert session is not None
    assert (session["ended_at"], session["end_reason"]) == (session["last_active"], "retention")


@pytest.mark.parametrize("action", ["end", "archive", "delete"])
def test_what_is_pinned_stays_as_it_is(repository: SessionRepository, make: Make, action) -> None:
    make("pinned", 99, ended=action != "end")
    repository.set_pinned("pinned")
    before = repository.get_session("pinned")
    repository.retention.add("all", action, 1)
    assert repository.retention.due()[0].sessions == []
    assert repository.retention.run()[0].number == 0
    assert repository.get_session("pinned") == before


@pytest.mark.parametrize("action", ["end", "archive", "delete"])
def test_a_filter_says_which(repository: SessionRepository, make: Make, action) -> None:
    for source in ("cron", "cli"):
        make(source, 99, source=source, ended=action != "end")
    which = SessionFilter(source="cron", archived=None)
    repository.retention.add("cron", action, 1, which)
    [rule] = repository.retention.rules()
    assert rule == ("cron", action, 1.0, which)
    [(_, due)] = repository.retention.due()
    assert [row["id"] for row in due] == ["cron"]
    assert [number for _, number in repository.retention.run()] == [1]


def test_a_conversation_goes_whole_and_only_when_its_last_session_is_old(
    repository: SessionRepository, make: Make
) -> None:
    for name in ("old", "new"):
        make(f"{name}-root", 99)
        repository.create_session(name, "cli", parent_session_id=f"{name}-root", link="compression")
        repository.append_message(name, "user", "x", timestamp=None if name == "new" else 1e9)
        repository.end_session(name, "done")
    repository.retention.add("all", "delete", 50)
    repository.retention.run()
    assert names(repository) >= {"new-root", "new"}


@only_sqlite
def test_a_rule_is_replaced_by_its_name_and_removed(repository: SessionRepository) -> None:
    repository.retention.add("a", "archive", 30)
    repository.retention.add("a", "delete", 60.5)
    assert [(rule.action, rule.days) for rule in repository.retention.rules()] == [("delete", 60.5)]
    assert repository.retention.remove("a") is True
    assert repository.retention.remove("a") is False
    assert (repository.retention.rules(), repository.retention.run()) == ([], [])


WRONG = {
    "action": ("a", "forget", 1, None),
    "days": ("a", "delete", 0, None),
    "days: -1": ("a", "delete", -1, None),
    "days: inf": ("a", "delete", float("inf"), None),
    "name": ("", "delete", 1, None),
    "name: ": ("x" * 500, "delete", 1, None),
    "holds a lone surrogate": ("\udcff", "delete", 1, None),
    "filter": ("a", "delete", 1, "cron"),
    "times of sessions": ("a", "delete", 1, SessionFilter(active_until=5)),
    "pinned": ("a", "archive", 1, SessionFilter(pinned=True)),
    "open": ("a", "delete", 1, SessionFilter(open=True)),
    "ended": ("a", "end", 1, SessionFilter(open=False)),
    "archived": ("a", "archive", 1, SessionFilter(archived=True)),
}


@only_sqlite
@pytest.mark.parametrize("said", WRONG)
def test_a_rule_that_makes_no_sense_is_refused(repository: SessionRepository, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said.partition(":")[0]):
        repository.retention.add(*WRONG[said])
    assert repository.retention.rules() == []


@only_sqlite
@pytest.mark.parametrize("stored", [5, {}, {"action": "burn", "days": 1, "filter": {}},
                                    {"action": "delete", "days": 1, "filter": {"newer": 1}}])  # fmt: skip
def test_a_rule_that_cannot_be_read_is_named_and_nothing_is_done(
    repository: SessionRepository, make: Make, stored
) -> None:
    make("old", 99)
    repository.retention.add("a", "delete", 1)
    repository.meta.set("hermes_store.retention.b", stored)
    with pytest.raises(InvalidArgumentError, match=r"'b' cannot be read .*; remove it"):
        repository.retention.run()
    assert names(repository) == {"old"}
    assert repository.retention.remove("b")
    assert repository.retention.run()[0].number == 1


class TestAtClose:
    def test_the_rules_are_applied_once_an_hour(
        self, repository: SessionRepository, database: Path | URL, make: Make
    ) -> None:
        repository.retention.add("all", "delete", 1)
        make("one", 9)
        SessionRepository(database).close()
        assert names(repository) == {"one"}
        closing = SessionRepository(database, retention_at_close=True)
        closing.close()
        closing.close()
        assert names(repository) == set()
        make("two", 9)
        SessionRepository(database, retention_at_close=True).close()
        assert names(repository) == {"two"}
        repository.meta.set("hermes_store.retention_at", 0)
        SessionRepository(database, retention_at_close=True).close()
        assert names(repository) == set()

    def test_nothing_keeps_a_store_from_being_closed(
        self, repository: SessionRepository, database: Path | URL, make: Make, caplog
    ) -> None:
        make("old", 9)
        repository.meta.set("hermes_store.retention.b", "nonsense")
        with caplog.at_level(logging.WARNING, "hermes_store"):
            SessionRepository(database, retention_at_close=True).close()
        assert "the rules of retention were not applied at close: rule: 'b'" in caplog.text
        assert names(repository) == {"old"}

    @only_sqlite  # writers of a server do not wait for each other
    def test_a_writer_that_stays_long_is_not_waited_for(
        self, repository: SessionRepository, database: Path, caplog
    ) -> None:
        repository.retention.add("all", "delete", 1)
        closing = SessionRepository(database, retention_at_close=True)
        inside, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with repository.transaction():
                inside.set()
                leave.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        inside.wait(30)
        with caplog.at_level(logging.WARNING, "hermes_store"):
            closing.close()
        leave.set()
        thread.join()
        assert "were not applied at close: the database was locked" in caplog.text
