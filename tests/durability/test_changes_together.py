"""Processes that change one conversation together leave it sound, with everything that returned."""

import subprocess
import sys
from pathlib import Path

import prepared
import pytest
from durability.test_killed_changes import address, assert_counted, everything
from sqlalchemy import URL

from hermes_store import SessionRepository

SCRIPT = Path(__file__).with_name("changing_together.py")
SESSION = "s"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> Path | URL:
    """Here the promise is that of both databases."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def repository(database: Path | URL):
    with SessionRepository(database) as repo:
        repo.create_session(SESSION, "test")
        yield repo


def together(database: Path | URL, *roles: str, times: int = 60) -> list[str]:
    """Run a process for each role; return what was appended."""
    processes = [
        prepared.Popen(
            [sys.executable, SCRIPT, address(database), f"p{n}", role, str(times)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for n, role in enumerate(roles)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(roles)
    return [line for each in said for line in each.splitlines()]


def test_what_is_live_stands_behind_the_newest_summary(database, repository) -> None:
    appended = together(database, "append", "append", "compact", "compact")
    stored = everything(repository)
    assert_counted(repository, stored)
    assert sorted(c for c, _, _ in stored if not c.startswith("summary")) == sorted(appended)
    summaries = [place for place, (c, _, _) in enumerate(stored) if c.startswith("summary")]
    assert len(summaries) == 120
    states = [state for _, state, _ in stored]
    assert set(states[: summaries[-1]]) == {"compacted"}
    assert set(states[summaries[-1] :]) == {None}


def test_what_is_taken_back_beside_appends_comes_back_whole(database, repository) -> None:
    appended = together(database, "append", "append", "rewind")
    stored = everything(repository)
    assert_counted(repository, stored)
    assert sorted(content for content, _, _ in stored) == sorted(appended)
    assert {state for _, state, _ in stored} == {None}


def test_any_changes_together_leave_the_counters_right(database, repository) -> None:
    together(database, "append", "compact", "rewind", "pop", times=40)
    assert_counted(repository, everything(repository))
