"""`doctor`, `reindex`, `optimize`: a store that is well, one that is not, and its repair."""

import json
import re
import sqlite3

import pytest


@pytest.fixture
def damaged(filled):
    """A store whose index lost a trigger and a message."""
    connection = sqlite3.connect(filled)
    connection.execute("DROP TRIGGER messages_fts_insert")
    connection.commit()
    connection.close()
    return filled


def test_the_doctor_finds_nothing_wrong_with_a_good_store(run, filled):
    result = run("doctor")
    assert (result.code, result.out) == (0, "no problem found\n")
    assert json.loads(run("--json", "doctor").out) == {"problems": [], "advice": []}


@pytest.mark.parametrize(
    ("mode", "folder", "said"),
    [
        (0o644, 0o755, "can be read by other users"),
        (0o666, 0o777, "can be read and written by other users"),
        (0o660, 0o710, "can be read and written by other users"),
        (0o666, 0o700, ""),
        (0o640, 0o701, ""),
        (0o600, 0o777, ""),
    ],
)
def test_the_doctor_says_who_else_can_read_or_write_the_file(run, filled, mode, folder, said):
    filled.chmod(mode)
    filled.parent.chmod(folder)
    result = run("doctor")
    assert (result.code, result.out) == (0, "no problem found\n")
    assert said in result.err
    assert bool(result.err) == bool(said)


def test_the_doctor_names_what_is_wrong_and_ends_with_1(run, damaged):
    result = run("doctor")
    assert result.code == 1
    assert "messages_fts_insert" in result.out
    assert json.loads(run("--json", "doctor").out)["problems"] == result.out.splitlines()


def test_search_in_a_damaged_index_is_an_error_that_names_the_remedy(run, damaged):
    result = run("search", "don't")
    assert (result.code, result.out) == (1, "")
    assert "hermes-store reindex" in result.err


def test_reindex_repairs_it(run, damaged):
    assert run("reindex").err == "indexed 141 messages\n"
    assert run("doctor").code == 0
    assert json.loads(run("--json", "search", "don't").out)
    assert json.loads(run("--json", "reindex").out) == {"messages": 141}


def test_optimize_takes_deleted_text_out_of_the_file(run, filled):
    assert run("delete", "--yes", "20260216_154510_71cf0b").code == 0
    result = json.loads(run("--json", "optimize").out)
    assert result["bytes_after"] <= result["bytes_before"]
    assert b"PCLMULQDQ" not in filled.read_bytes()
    assert " kB, before " in run("optimize").err


def test_stats_prints_what_prometheus_reads(run, filled):
    stats = json.loads(run("--json", "stats").out)
    lines = run("stats", "--prometheus").out.splitlines()
    sample = re.compile(
        r'(\w+)(\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\d+(?:\.\d+)?(?:e-?\d+)?)'
    )
    found = [sample.fullmatch(each) for each in lines if each[0] != "#"]
    assert all(found)
    values = {each[1] + (each[2] or ""): float(each[3]) for each in found}
    assert values["hermes_store_sessions"] == stats["sessions"]
    assert values["hermes_store_messages"] == stats["messages"]
    assert values["hermes_store_file_bytes"] > 0
    for row in stats["usage"]:
        name = f'hermes_store_source_input_tokens{{source="{row["source"]}"}}'
        assert values[name] == row["input_tokens"]
    named = {each.split()[2] for each in lines if each.startswith("# TYPE")}
    assert named == {each[1] for each in found}


def test_a_source_that_steers_a_terminal_or_a_quotation_is_one_label(run, filled):
    connection = sqlite3.connect(filled)
    connection.execute("UPDATE sessions SET source = ?", ('a"b\\c\x1b[31m\nd',))
    connection.commit()
    connection.close()
    out = run("stats", "--prometheus").out
    assert "\x1b" not in out
    assert 'source="a\\"b\\\\c' in out
    assert out.count("hermes_store_source_sessions{") == 1
