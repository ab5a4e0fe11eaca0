"""Import tells two formats apart, and says where a file is neither."""

import json

import click
import pytest

from hermes_store.cli.jsonl import FormatError, Log, read_sessions

LOG = [
    {"role": "session_meta", "model": "m", "platform": "telegram", "tools": []},
    {"role": "user", "content": "hi", "timestamp": "2026-03-01T10:00:00+00:00"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "ls"}}],
        "finish_reason": "tool_calls",
    },
    {"role": "tool", "tool_call_id": "c1", "content": "a b", "timestamp": 1772359205.5},
]


def lines(*values) -> list[bytes]:
    return [json.dumps(value).encode() + b"\n" for value in values]


def read(given, log_id="20260301_100000_ab"):
    warnings = []
    log = Log(log_id, "import", written=1760000000.0)
    return list(read_sessions(given, "log.jsonl", log, warnings.append)), warnings


def test_a_log_becomes_one_ended_session():
    [session], warnings = read(lines(*LOG))
    assert warnings == []
    assert session["id"] == "20260301_100000_ab"
    assert (session["source"], session["model"]) == ("telegram", "m")
    assert session["started_at"] == 1772359200.0
    assert session["ended_at"] == 1772359205.5
    assert session["end_reason"] == "imported"
    assert [m["role"] for m in session["messages"]] == ["user", "assistant", "tool"]


def test_the_name_of_a_tool_comes_from_the_call_it_answers():
    [session], _ = read(lines(*LOG))
    assert [m["tool_name"] for m in session["messages"]] == [None, None, "ls"]


def test_a_message_without_a_time_has_that_of_the_one_before():
    [session], _ = read(lines(*LOG))
    assert [m["timestamp"] for m in session["messages"]] == [
        1772359200.0,
        1772359200.0,
        1772359205.5,
    ]


def test_a_log_without_any_time_starts_when_its_name_says_or_when_it_was_written():
    [session], _ = read(lines({"role": "user", "content": "hi"}))
    assert session["source"] == "import"
    assert session["started_at"] > 1772000000
    for name in ("no-date", "20261399_999999_ab"):
        [session], _ = read(lines({"role": "user", "content": "hi"}), log_id=name)
        assert session["started_at"] == session["ended_at"] == 1760000000.0


@pytest.mark.parametrize("time", ["soon", -5, 1740000000000, float("nan"), True, {"a": 1}, [], 0])
def test_what_is_no_time_is_passed_over(time):
    [session], _ = read(lines(*LOG, {"role": "user", "content": "bye", "timestamp": time}))
    assert session["ended_at"] == session["messages"][-1]["timestamp"] == 1772359205.5


def test_a_last_line_that_was_cut_off_is_left_out_with_a_warning():
    [session], warnings = read([*lines(*LOG), b'{"role": "user", "con'])
    assert len(session["messages"]) == 3
    assert len(warnings) == 1
    assert "line 5" in warnings[0]


def test_a_broken_line_in_the_middle_is_an_error_that_names_it():
    with pytest.raises(FormatError, match=r"log\.jsonl, line 2: not JSON"):
        read([*lines(LOG[0]), b"{oops\n", *lines(LOG[1])])


@pytest.mark.parametrize(
    "content",
    [
        b"[1, 2]\n",
        b'"text"\n',
        b"not json\n",
        b'{"neither": 1}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_what_is_no_session_is_refused(content):
    with pytest.raises(FormatError, match="line 1"):
        read([content])


def test_an_exported_session_needs_an_id_and_messages():
    good = {"id": "a", "source": "cli", "started_at": 1.0, "messages": []}
    with pytest.raises(FormatError, match="line 2"):
        read(lines(good, {"id": "b"}))


def test_a_byte_order_mark_and_blank_lines_do_no_harm():
    sessions, _ = read([b"\xef\xbb\xbf" + lines({"id": "a", "messages": []})[0], b"\n", b"  \n"])
    assert [s["id"] for s in sessions] == ["a"]


def test_an_empty_file_gives_no_session_and_a_warning():
    assert read([]) == ([], ["log.jsonl is empty"])


def test_a_log_from_stdin_needs_an_id():
    with pytest.raises(click.UsageError, match="--id"):
        read(lines(*LOG), log_id=None)
