"""`copy`: what it prints, and how it ends."""

import json

import postgres_server
import pytest
from sqlalchemy import text

from hermes_store import SessionRepository, migrate

SESSIONS, MESSAGES = 12, 141


def test_it_says_what_it_copied_and_that_both_sides_agree(run, filled, tmp_path):
    goal = tmp_path / "goal.db"
    result = run("copy", filled, goal)
    assert (result.code, result.out) == (0, "")
    assert f"copied {SESSIONS} sessions with {MESSAGES} messages from {filled}" in result.err
    assert f"to {goal}; both sides agree, digest " in result.err
    assert run("--db", goal, "export").out == run("export").out


def test_json_has_the_same(run, filled, tmp_path):
    printed = json.loads(run("--json", "copy", filled, tmp_path / "goal.db").out)
    digest = printed.pop("digest")
    assert len(digest) == 32
    assert printed == {
        "sessions": SESSIONS,
        "messages": MESSAGES,
        "others": {},
        "remarks": {},
        "deleted": {},
    }
    again = json.loads(run("--json", "copy", filled, tmp_path / "goal.db").out)
    assert again["digest"] == digest


def test_what_could_not_come_along_is_told(run, filled, tmp_path):
    with SessionRepository(filled) as repository, repository.transaction() as tx:
        odd = "UPDATE messages SET token_count = 'many' WHERE role = 'user'"
        number = tx.execute(text(odd)).rowcount
    result = run("copy", filled, tmp_path / "goal.db")
    assert result.code == 0
    assert f"values of messages.token_count, made to fit: {number}\n" in result.err


def test_a_bar_is_shown_to_a_person(on_a_terminal, filled, tmp_path):
    shown = on_a_terminal("copy", filled, tmp_path / "goal.db", columns=120)
    assert "comparing messages" in shown
    assert "100%" in shown


def test_a_missing_source_is_not_found_and_nothing_is_created(run, tmp_path):
    result = run("copy", tmp_path / "missing.db", tmp_path / "goal.db")
    assert (result.code, result.out) == (3, "")
    named = tmp_path / "missing.db"
    assert f"no database at {named}; name another, or create it with 'hermes-" in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_holds_something_else_is_refused(run, filled, tmp_path):
    with SessionRepository(tmp_path / "goal.db") as repository:
        repository.create_session("theirs", "cli")
    result = run("copy", filled, tmp_path / "goal.db")
    assert (result.code, result.out) == (1, "")
    assert "lacks; copy into an empty database" in result.err
    refused = run("copy", filled, tmp_path / "goal.db", "--delete")
    assert refused.code == 1
    assert "it is not a copy of it" in refused.err


def test_the_source_itself_is_wrong_usage(run, filled):
    assert run("copy", filled, filled).code == 2
    assert run("copy", filled).code == 2


def test_an_older_source_is_refused_and_not_changed(run, tmp_path):
    migrate.upgrade(tmp_path / "old.db", "0005")
    before = (tmp_path / "old.db").read_bytes()
    result = run("copy", tmp_path / "old.db", tmp_path / "goal.db")
    assert (result.code, result.out) == (1, "")
    assert f"is at 0005, revision {migrate.HEAD} is needed" in result.err
    assert f"run 'hermes-store --db {tmp_path / 'old.db'} upgrade'" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["old.db"]
    assert (tmp_path / "old.db").read_bytes() == before


def test_a_nightly_copy_brings_deletions_along_when_asked(run, filled, tmp_path):
    goal = tmp_path / "goal.db"
    assert run("copy", filled, goal).code == 0
    assert run("delete", "--yes", "20260312_112005_0e77ba").code == 0
    refused = run("copy", filled, goal)
    assert refused.code == 1
    assert "--delete" in refused.err
    result = run("copy", filled, goal, "--delete")
    assert result.code == 0
    assert "deleted from sessions: 1\n" in result.err
    assert run("--db", goal, "export").out == run("export").out


@pytest.mark.postgresql
def test_no_password_is_printed(run, filled):
    with postgres_server.empty_database() as url:
        goal = url.set(password="s3cret").render_as_string(hide_password=False)
        result = run("copy", filled, goal)
    assert result.code == 0
    assert "postgresql+psycopg://postgres:***@" in result.err
    assert "s3cret" not in result.out + result.err
