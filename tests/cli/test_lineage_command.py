"""The command knows which sessions are one conversation."""

import json

import pytest

from hermes_store import SessionRepository


@pytest.fixture
def store(tmp_path):
    """A conversation of three sessions, with a delegate and a branch, and one session alone."""
    path = tmp_path / "state.db"
    with SessionRepository(path) as repo:
        repo.create_session("alone", "cli")
        repo.create_session("a", "cli")
        repo.append_message("a", "user", "the beginning")
        repo.set_session_title("a", "A long talk")
        repo.create_session("b", "cli", parent_session_id="a", link="compression")
        repo.append_message("b", "user", "the middle")
        repo.create_session("worker", "cli", parent_session_id="b", link="delegate")
        repo.create_session("branch", "cli", parent_session_id="b", link="branch")
        repo.create_session("c", "cli", parent_session_id="b", link="compression")
        repo.append_message("c", "user", "the end")
    return path


def listed(result):
    return [each["id"] for each in json.loads(result.out)]


def test_lineage_prints_each_session_below_its_parent_and_marks_the_tip(run, store):
    code, out, _ = run("lineage", "a", "--db", store)
    lines = [line.split() for line in out.splitlines()[1:]]
    assert code == 0
    assert [line[0] for line in lines] == ["a", "b", "worker", "branch", "c"]
    assert [line[-1] for line in lines].index("tip") == 4
    assert out.splitlines()[5].startswith("    c ")
    assert [line[1] for line in lines[1:]] == ["compression", "delegate", "branch", "compression"]


def test_lineage_as_json_has_the_ends_and_all_sessions(run, store):
    found = json.loads(run("lineage", "b", "--db", store, "--json").out)
    assert (found["root"], found["tip"], found["lineage"]) == ("a", "c", ["a", "b", "c"])
    assert [each["id"] for each in found["sessions"]] == ["a", "b", "worker", "branch", "c"]


def test_lineage_of_a_circle_ends(run, store):
    with SessionRepository(store) as repo, repo.transaction() as tx:
        from sqlalchemy import text

        tx.execute(
            text("UPDATE sessions SET parent_session_id='c', link='compression' WHERE id='a'")
        )
    code, out, _ = run("lineage", "b", "--db", store)
    assert (code, len(out.splitlines())) == (0, 6)


def test_list_shows_a_conversation_once_and_all_sessions_with_all(run, store):
    assert listed(run("list", "--db", store, "--json")) == ["c", "branch", "alone"]
    assert len(listed(run("list", "--all", "--db", store, "--json"))) == 6
    assert listed(run("list", "--link", "delegate", "--db", store, "--json")) == ["worker"]
    assert "1–2 of 3 sessions" in run("list", "-n", "2", "--db", store).err


def test_show_says_where_a_session_goes_on_and_whole_prints_it_all(run, store):
    out = run("show", "a", "--db", store).out
    assert "goes on in c" in out
    assert "the middle" not in out
    out = run("show", "a", "--whole", "--db", store).out
    assert "goes on in" not in out
    places = [out.index(said) for said in ("the beginning", "the middle", "the end")]
    assert places == sorted(places)
    tail = json.loads(run("show", "a", "--whole", "--tail", "2", "--json", "--db", store).out)
    assert [each["content"] for each in tail["messages"]] == ["the middle", "the end"]
    assert "branched off b" in run("show", "branch", "--db", store).out


def test_show_by_title_shows_the_session_to_resume(run, store):
    assert "the end" in run("show", "A long talk", "--db", store).out


@pytest.mark.parametrize("other", [["--follow"], ["--around", "1"]])
def test_show_whole_excludes_what_is_about_one_session(run, store, other):
    code, _, err = run("show", "a", "--whole", *other, "--db", store)
    assert (code, "--whole excludes" in err) == (2, True)


def test_delete_tells_what_goes_along(run, store):
    code, out, _ = run("delete", "a", "--yes", "--json", "--db", store)
    assert (code, json.loads(out)) == (0, {"deleted": ["a", "b", "worker", "c"]})
    assert listed(run("list", "--all", "--db", store, "--json")) == ["branch", "alone"]


def test_export_with_lineage_writes_the_whole_conversation(run, store, tmp_path):
    target = tmp_path / "whole.jsonl"
    code, _, err = run("export", "c", "b", "--lineage", "-o", target, "--db", store)
    assert (code, "4 sessions, 3 messages" in err) == (0, True)
    other = tmp_path / "other.db"
    run("import", target, "--db", other)
    assert listed(run("list", "--db", other, "--json")) == ["c"]
    assert run("export", "--lineage", "--db", store).code == 2
