"""Leases: one holder at a time, free again when they expire, whoever was killed or turned a clock."""

import itertools
import subprocess
import sys
import time
from pathlib import Path

import prepared
import pytest
import stored
from sqlalchemy import URL
from support import Caller, until

from hermes_store import SessionRepository, values
from hermes_store.errors import InvalidArgumentError

SCRIPT = Path(__file__).with_name("leasing.py")
only_postgresql = pytest.mark.parametrize(
    "database", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


@pytest.fixture
def keeps_connections():
    """A database's own settings are those of new connections."""
    return False


class Clock:
    """The clock that decides about leases, in the hand of the test."""

    def __init__(self, database, monkeypatch):
        self.database = database
        self.time = 1_750_000_000.0
        if isinstance(database, URL):
            self._replace_that_of_the_server()
        else:
            monkeypatch.setattr(values, "now", lambda: self.time)

    def _replace_that_of_the_server(self):
        """Names are looked up in the schema `turned` first."""
        change = lambda statement: stored.change(self.database, statement)  # noqa: E731
        change("CREATE SCHEMA turned")
        change("CREATE TABLE turned.clock (at float8 NOT NULL)")
        change(f"INSERT INTO turned.clock VALUES ({self.time})")
        body = "SELECT to_timestamp(at) FROM turned.clock"
        change(
            "CREATE FUNCTION turned.clock_timestamp() RETURNS timestamptz"
            f" LANGUAGE sql AS $$ {body} $$"
        )
        path = "turned, public, pg_catalog"
        change(f'ALTER DATABASE "{self.database.database}" SET search_path = {path}')

    def jump(self, seconds):
        self.time += seconds
        if isinstance(self.database, URL):
            stored.change(self.database, f"UPDATE turned.clock SET at = {self.time}")


@pytest.fixture
def clock(database, monkeypatch):
    return Clock(database, monkeypatch)


@pytest.fixture
def leases(clock, repository):
    """On a database whose clock the test turns."""
    return repository.leases


@pytest.fixture(params=["repository", "transaction"])
def door(request, repository):
    if request.param == "repository":
        yield repository.leases
    else:
        with repository.transaction() as transaction:
            yield transaction.leases


def test_a_lease_has_one_holder_until_it_is_released(door):
    assert door.holder("compression:s") is None
    assert door.acquire("compression:s", "one", 60)
    assert not door.acquire("compression:s", "other", 60)
    assert door.acquire("another name", "other", 60)
    assert not door.refresh("compression:s", "other", 60)
    assert not door.release("compression:s", "other")
    assert door.holder("compression:s") == "one"
    assert door.refresh("compression:s", "one", 60)
    assert door.release("compression:s", "one")
    assert not door.release("compression:s", "one")
    assert door.holder("compression:s") is None
    assert door.acquire("compression:s", "other", 60)


def test_the_holder_may_acquire_again_and_has_it_for_longer(clock, leases):
    assert leases.acquire("n", "one", 10)
    clock.jump(8)
    assert leases.acquire("n", "one", 10)
    clock.jump(8)
    assert leases.holder("n") == "one"
    [lease] = leases.held()
    assert lease == {
        "name": "n",
        "holder": "one",
        "acquired_at": clock.time - 16,
        "expires_at": clock.time + 2,
        "seconds_left": 2.0,
    }


def test_a_lease_is_free_from_the_moment_it_expires(clock, leases):
    assert leases.acquire("n", "one", 10)
    clock.jump(9.75)
    assert not leases.acquire("n", "other", 10)
    clock.jump(0.25)
    assert leases.holder("n") is None
    assert leases.held() == []
    assert not leases.refresh("n", "one", 10)
    assert not leases.release("n", "one")
    assert leases.acquire("n", "other", 10)
    assert not leases.acquire("n", "one", 10)
    assert [lease["acquired_at"] for lease in leases.held()] == [clock.time]


def test_an_expired_lease_that_is_acquired_again_counts_from_then_on(clock, leases):
    assert leases.acquire("n", "one", 10)
    clock.jump(20)
    assert leases.acquire("n", "one", 10)
    assert [lease["acquired_at"] for lease in leases.held()] == [clock.time]


def test_a_refresh_counts_from_now_on_and_may_shorten(clock, leases):
    assert leases.acquire("n", "one", 100)
    assert leases.refresh("n", "one", 5)
    clock.jump(5)
    assert leases.acquire("n", "other", 5)


@pytest.mark.parametrize("back", [1, 3600, 10 * 365 * 86_400])
def test_a_clock_that_jumps_back_gives_no_second_holder(clock, leases, back):
    assert leases.acquire("n", "one", 30)
    clock.jump(-back)
    assert not leases.acquire("n", "other", 30)
    assert leases.holder("n") == "one"
    assert leases.refresh("n", "one", 30)  # from now on it counts by the clock as it is
    clock.jump(30)
    assert leases.acquire("n", "other", 30)


def test_after_a_jump_forward_the_holder_learns_that_it_lost_the_lease(clock, leases):
    assert leases.acquire("n", "one", 30)
    clock.jump(3600)
    assert leases.acquire("n", "other", 30)
    assert not leases.refresh("n", "one", 30)
    assert not leases.release("n", "one")
    assert leases.holder("n") == "other"


def test_what_is_written_together_with_a_refresh_is_written_by_the_holder(clock, repository):
    repository.create_session("s", "cli")
    assert repository.leases.acquire("n", "one", 30)
    clock.jump(3600)
    assert repository.leases.acquire("n", "other", 30)
    for holder in ("one", "other"):
        with repository.transaction() as transaction:
            if transaction.leases.refresh("n", holder, 30):
                transaction.append_message("s", "assistant", holder)
    assert [message["content"] for message in repository.get_messages("s")] == ["other"]


@only_postgresql
@pytest.mark.parametrize("wrong_by", [-86_400, 86_400])
def test_on_a_server_the_clock_of_a_host_does_not_count(repository, monkeypatch, wrong_by):
    monkeypatch.setattr(values, "now", lambda: time.time() + wrong_by)
    assert repository.leases.acquire("n", "one", 60)
    assert not repository.leases.acquire("n", "other", 60)
    monkeypatch.setattr(values, "now", lambda: time.time() - wrong_by)
    assert not repository.leases.acquire("n", "other", 60)
    [lease] = repository.leases.held()
    assert 0 < lease["seconds_left"] <= 60


def test_waiting_for_a_lock_takes_nothing_from_a_lease(clock, repository):
    """The time counts from when the statement has the row, not from the call."""
    with repository.transaction() as transaction:
        assert transaction.leases.acquire("n", "one", 5)
        waiting = Caller(lambda: acquire_elsewhere(clock.database, "n", "other", 30))
        until(lambda: is_waiting(clock.database, repository))
        clock.jump(100)
    assert waiting.finish()
    assert repository.leases.held()[0]["seconds_left"] == 30


def acquire_elsewhere(database, *lease):
    with SessionRepository(database) as other:
        return other.leases.acquire(*lease)


def is_waiting(database, repository):
    if isinstance(database, URL):
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return stored.column(database, waiting) != [0]
    return repository.get_stats()["pending_writes"]


def test_a_transaction_that_is_rolled_back_takes_no_lease(repository):
    with pytest.raises(KeyError), repository.transaction() as transaction:
        assert transaction.leases.acquire("n", "one", 60)
        raise KeyError
    assert repository.leases.acquire("n", "other", 60)


@pytest.mark.parametrize("call", ["acquire", "refresh"])
def test_a_bad_argument_is_named_and_changes_nothing(repository, call):
    repository.leases.acquire("n", "one", 60)
    before = repository.leases.held()[0]["expires_at"]
    ask = getattr(repository.leases, call)
    for name in (None, "", 5, b"n", "n\0", "n\ud800", "n" * 501):
        with pytest.raises(InvalidArgumentError, match=r"^name\b.*; "):
            ask(name, "one", 60)
        with pytest.raises(InvalidArgumentError, match=r"^holder\b.*; "):
            ask("n", name, 60)
    for seconds in (None, 0, -1, "60", float("nan"), float("inf"), 86_401, True):
        with pytest.raises(InvalidArgumentError, match=r"^seconds\b.*; "):
            ask("n", "one", seconds)
    assert repository.leases.held()[0]["expires_at"] == before


def test_any_text_is_a_name_and_a_holder(repository):
    for text in ("'; DROP TABLE leases; --", "%s", ":name", "?", "记忆", "x" * 500):
        assert repository.leases.acquire(text, text, 86_400)
        assert repository.leases.holder(text) == text
    assert len(repository.leases.held()) == 6


# --- processes ------------------------------------------------------------------------------------


def address(database) -> str:
    if isinstance(database, URL):
        return database.render_as_string(hide_password=False)
    return str(database)


def test_of_a_hundred_processes_one_at_a_time_has_the_lease(database, tmp_path):
    folder = tmp_path / "alone"
    folder.mkdir()
    processes = 100
    command = [sys.executable, SCRIPT, address(database), folder, str(processes), "1"]
    done = prepared.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in (folder / "log").read_text().splitlines()]
    assert len({holder for holder, *_ in lines}) == len(lines) == processes
    intervals = sorted((float(begun), float(ended)) for _, begun, ended in lines)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(intervals))


HOLDING = """
import sys
from hermes_store import SessionRepository
repository = SessionRepository(sys.argv[1])
if sys.argv[3] == "committed":
    owner = repository
else:
    block = repository.transaction()
    owner = block.__enter__()
assert owner.leases.acquire("n", "killed", float(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


def kill_a_holder(database, seconds, when):
    command = [sys.executable, "-c", HOLDING, address(database), str(seconds), when]
    with prepared.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        process.kill()


def test_the_lease_of_a_killed_process_becomes_free_when_it_expires(database, repository):
    kill_a_holder(database, 2, "committed")
    expires_at = stored.column(database, "SELECT expires_at FROM leases")[0]
    until(lambda: repository.leases.acquire("n", "next", 60))
    [lease] = repository.leases.held()
    assert lease["holder"] == "next"
    assert lease["acquired_at"] >= expires_at


def test_what_a_killed_process_had_not_committed_is_free_at_once(database, repository):
    kill_a_holder(database, 3600, "in a transaction")
    assert repository.leases.acquire("n", "next", 60)
