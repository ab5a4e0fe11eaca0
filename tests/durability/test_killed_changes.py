"""kill -9 while a conversation changes: it is what it was before the change, or after it."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import postgres_server
import prepared
import pytest
import stored
from durability.changing import OPERATIONS, SESSION, Operation, Stored, generation
from sqlalchemy import URL
from support import until

from hermes_store import SessionRepository

SCRIPT = Path(__file__).with_name("changing.py")
ROUNDS = 5
OTHERS = f"""SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND pid <> pg_backend_pid() AND application_name <> '{postgres_server.KEEPER}'"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> Path | URL:
    """Here the promise is that of both databases."""
    return request.getfixturevalue(f"{request.param}_database")


def address(database: Path | URL) -> str:
    if isinstance(database, URL):
        return database.render_as_string(hide_password=False)
    return str(database)


def killed_at_random(database: Path | URL, name: str, last: int, dice: random.Random) -> int:
    """Let a process change the conversation, kill it; return its last change that returned."""
    command = [sys.executable, str(SCRIPT), address(database), name, str(last)]
    with prepared.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(dice.randrange(1, 8)):
            last = int(process.stdout.readline())
        moment = time.perf_counter() + dice.random() / 50  # anywhere in the changes after it
        until(lambda: time.perf_counter() > moment)
        process.send_signal(signal.SIGKILL)
        for line in process.stdout:
            last = int(line) if line.endswith("\n") else last
    if isinstance(database, URL):  # the server ends what the process had begun, or commits it
        until(lambda: stored.column(database, OTHERS) == [0])
    return last


def everything(repo: SessionRepository) -> Stored:
    return [
        (message["content"], message["state"], len(message["tool_calls"] or ()))
        for message in repo.get_messages(SESSION, include="all")
    ]


def assert_counted(repo: SessionRepository, found: Stored) -> None:
    live = [calls for _, state, calls in found if state is None]
    session = repo.get_session(SESSION)
    assert session is not None
    assert (session["message_count"], session["tool_call_count"]) == (len(live), sum(live))
    newest = max((m["timestamp"] for m in repo.get_messages(SESSION)), default=0)
    assert session["last_active"] == max(session["started_at"], newest)
    assert repo.check() == []


def number_stored(repo: SessionRepository, operation: Operation, returned: int) -> int:
    """The number of the change that is stored: the last that returned, or the one behind it."""
    found = everything(repo)
    assert_counted(repo, found)
    for number in (returned, returned + 1):
        if found == operation.expected(number):
            return number
    pytest.fail(f"neither before nor after change {returned + 1}: {found}")


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_change_killed_at_any_moment_has_happened_or_has_not(
    database: Path | URL, name: str
) -> None:
    operation, dice, last = OPERATIONS[name], random.Random(name), 0
    with SessionRepository(database) as repo:
        repo.create_session(SESSION, "test")
        repo.append_messages(SESSION, generation(0, operation.begin))
    for _ in range(ROUNDS):
        returned = killed_at_random(database, name, last, dice)
        with SessionRepository(database) as repo:
            last = number_stored(repo, operation, returned)
    assert last > ROUNDS
