"""The benchmarks run, and say what they found. How fast anything was is not looked at."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.catalogue import postgresql
from benchmarks.files import Files
from benchmarks.plan import TINY
from tools import local_postgres

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> str:
    """The page that one worker made, for all workers of the run."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    with (shared / "benchmarks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        written = shared / "benchmarks.md"
        if not written.exists():
            written.write_text(measured(tmp_path_factory.mktemp("docs")), "utf-8")
    return written.read_text("utf-8")


def measured(folder: Path) -> str:
    (folder / "benchmarks.md").write_text(
        "# Ours\n\n<!-- run: begin -->\n| the run before |\n<!-- run: end -->\n\nWhy it was missed.\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--no-picture", "--out", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return (folder / "benchmarks.md").read_text("utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "| append, one thread |",
        "| append, 8 threads |",
        "| append, 32 threads |",
        "| append, 4 processes |",
        "| append_messages of 10, to a commit each",
        "| append_messages of 100, to a commit each",
        "| load a conversation of 200 |",
        "| load a conversation of 2,000 |",
        "| list the 20 newest",
        "| list the 20 last active",
        "| rewind 40 messages |",
        "| compact 40 messages |",
        "| a page around a message of 60 |",
        "| list 50 of 100 sessions, half in chains of 10 |",
        "| open a new file",
        "| open a file at head",
        "| import (",
        "## Search in 200 messages",
        "| a rare word (",
        "| a common word, newest first (",
        "## 20 appends",
        "| 1 tasks: appends |",
        "| 64 tasks: appends |",
        "| 1,000 tasks: processor time |",
        "| 1,000 tasks: the loop is late, p99 |",
        "| append_message |",
        "| append a turn of 4 |",
        "| get_session: processor time |",
        "| get_messages of 200 |",
        "| get_messages_as_conversation of 200: processor time |",
        "| list_sessions_rich: 20 newest, with prompts |",
        "| search_messages: a rare word |",
        "| p99.9 |",
        "| file, against the original's |",
        "| file, against the plain index |",
        "## Durable writes",
    ],
)
def test_the_page_has_a_line_for_every_kind_of_work(page: str, line: str) -> None:
    assert line in page


@pytest.mark.parametrize(
    "line",
    [
        "| append, one thread |",
        "| append, 8 threads |",
        "| append, 32 threads |",
        "| append_messages of 100, to a commit each |",
        "| append_messages of 100, to executemany |",
        "| load a conversation of 200 |",
        "| load a conversation of 2,000 |",
        "| list the 20 newest",
        "| list the 20 last active",
        "| rewind 40 messages |",
        "| compact 40 messages |",
        "| a page around a message of 60 |",
        "| search: a rare word |",
        "| search: a common word |",
        "| search: two words |",
        "| search: a common word, newest first |",
    ],
)
def test_postgresql_has_a_line_for_every_kind_of_work_or_a_reason(page: str, line: str) -> None:
    section = page.split("## PostgreSQL")[1]
    missing = local_postgres.missing_server() or local_postgres.missing_driver()
    assert (missing or line) in section


def test_without_a_server_the_table_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_postgres, "binaries", lambda: None)
    table = postgresql(TINY, Files(tmp_path))
    assert table.about == "**Not measured**: no server: install Debian's package postgresql."
    assert not table.rows


def test_the_page_says_where_and_when_it_was_measured(page: str) -> None:
    facts = next(line for line in page.splitlines() if line.startswith("Measured on "))
    for fact in ("Python 3.", "SQLite 3.", "SQLAlchemy 2.", "fdatasync"):
        assert fact in facts


def test_every_promise_is_judged(page: str) -> None:
    promises = [line for line in page.splitlines() if "≤ " in line or "≥ " in line]
    assert len(promises) >= 12
    assert all(line.endswith(("| met |", "| **missed** |")) for line in promises)


def test_what_people_wrote_around_the_figures_stays(page: str) -> None:
    assert page.startswith("# Ours\n")
    assert page.endswith("\n\nWhy it was missed.\n")
    assert "the run before" not in page
