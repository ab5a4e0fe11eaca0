"""Import tells two formats apart, and says where a file is neither."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CHARACTERS

from hermes_store.cli.jsonl import BadLines, FormatError, exported_sessions, kind_of
from hermes_store.cli.logs import Log, session_of_log

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


def kind(given_lines):
    return kind_of(iter(given_lines), [])


def read_log(given_lines, log_id="20260301_100000_ab", *, skip=False):
    told = []
    log = Log(lambda: iter(given_lines), "log.jsonl", log_id, "import", written=1760000000.0)
    session, messages = session_of_log(log, BadLines(skip=skip, tell=told.append), told.append)
    return {**session, "messages": list(messages)}, told


def read_export(given_lines, *, skip=False):
    told = []
    bad = BadLines(skip=skip, tell=told.append)
    return [session for _, session in exported_sessions(given_lines, "x.jsonl", bad)], told


def test_the_first_object_that_is_either_decides():
    assert kind(lines(*LOG)) == "log"
    assert kind(lines({"id": "a", "messages": []})) == "export"
    assert kind([b"\n", b"{oops\n", b"[1]\n", *lines(*LOG)]) == "log"
    assert kind([]) == kind([b"\n", b"  \n"]) == "empty"
    assert kind([b"{oops\n", *lines({"a": 1})]) == "neither"


def test_the_lines_that_were_read_to_decide_are_kept():
    head, stream = [], iter([b"\n", *lines(*LOG)])
    assert kind_of(stream, head) == "log"
    assert [*head, *stream] == [b"\n", *lines(*LOG)]


def test_a_log_becomes_one_ended_session():
    session, told = read_log(lines(*LOG))
    assert told == []
    assert session["id"] == "20260301_100000_ab"
    assert (session["source"], session["model"]) == ("telegram", "m")
    assert session["started_at"] == 1772359200.0
    assert session["ended_at"] == 1772359205.5
    assert session["end_reason"] == "imported"
    assert [m["role"] for m in session["messages"]] == ["user", "assistant", "tool"]


def test_the_name_of_a_tool_comes_from_the_call_it_answers():
    session, _ = read_log(lines(*LOG))
    assert [m["tool_name"] for m in session["messages"]] == [None, None, "ls"]


def test_a_name_is_the_tool_of_a_tool_message_only():
    session, _ = read_log(lines({"role": "tool", "name": "ls"}, {"role": "user", "name": "ada"}))
    assert [m["tool_name"] for m in session["messages"]] == ["ls", None]


def test_a_message_without_a_time_has_that_of_the_one_before():
    session, _ = read_log(lines(*LOG))
    assert [m["timestamp"] for m in session["messages"]] == [
        1772359200.0,
        1772359200.0,
        1772359205.5,
    ]


def test_a_log_without_any_time_starts_when_its_name_says_or_when_it_was_written():
    session, _ = read_log(lines({"role": "user", "content": "hi"}))
    assert session["source"] == "import"
    assert session["started_at"] > 1772000000
    for name in ("no-date", "20261399_999999_ab"):
        session, _ = read_log(lines({"role": "user", "content": "hi"}), log_id=name)
        assert session["started_at"] == session["ended_at"] == 1760000000.0


@pytest.mark.parametrize("time", ["soon", -5, 1e308, float("nan"), True, {"a": 1}, [], 0])
def test_what_is_no_time_is_passed_over(time):
    session, _ = read_log(lines(*LOG, {"role": "user", "content": "bye", "timestamp": time}))
    assert session["ended_at"] == session["messages"][-1]["timestamp"] == 1772359205.5


@pytest.mark.parametrize("time", [1772359205500, 1772359205500.5])
def test_milliseconds_are_refused_by_name(time):
    bad = {"role": "user", "content": "bye", "timestamp": time}
    with pytest.raises(FormatError, match=rf"log\.jsonl:5: the timestamp {time} is in millisec"):
        read_log(lines(*LOG, bad))
    session, told = read_log(lines(*LOG, bad), skip=True)
    assert len(session["messages"]) == 3
    assert len(told) == 1


def test_a_last_line_that_was_cut_off_is_left_out_with_a_warning():
    session, told = read_log([*lines(*LOG), b'{"role": "user", "con'])
    assert len(session["messages"]) == 3
    assert len(told) == 1
    assert "log.jsonl:5: " in told[0]


def test_a_broken_line_in_the_middle_is_an_error_that_names_it():
    with pytest.raises(FormatError, match=r"log\.jsonl:2: not JSON"):
        read_log([*lines(LOG[0]), b"{oops\n", *lines(LOG[1])])


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
    with pytest.raises(FormatError, match=r"x\.jsonl:1: "):
        read_export([content])
    sessions, told = read_export([content, *lines({"id": "a", "messages": []})], skip=True)
    assert [s["id"] for s in sessions] == ["a"]
    assert len(told) == 1


def test_an_exported_session_needs_an_id_and_messages():
    good = {"id": "a", "source": "cli", "started_at": 1.0, "messages": []}
    with pytest.raises(FormatError, match=r"x\.jsonl:2: "):
        read_export(lines(good, {"id": "b", "role": "user"}))


def test_a_byte_order_mark_and_blank_lines_do_no_harm():
    given_lines = [b"\xef\xbb\xbf" + lines({"id": "a", "messages": []})[0], b"\n", b"  \n"]
    assert kind(given_lines) == "export"
    assert [s["id"] for s in read_export(given_lines)[0]] == ["a"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(CHARACTERS, max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS, max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
KEYS = st.sampled_from(["role", "content", "timestamp", "id", "messages", "tool_calls", "name"])
ROWS = st.dictionaries(KEYS, VALUES | st.just("user"), max_size=5).map(json.dumps).map(str.encode)
LINES = st.lists(ROWS | st.binary(max_size=20), max_size=6)


@given(LINES)
def test_any_lines_are_read_or_named(some):
    given_lines = [line.replace(b"\n", b" ") + b"\n" for line in some]
    full = [line for line in given_lines if line.strip()]
    metas = sum(b'"session_meta"' in line for line in full)
    session, told = read_log(given_lines, skip=True)
    assert len(session["messages"]) + len(told) <= len(full)
    assert len(session["messages"]) + len(told) + metas >= len(full)
    sessions, told = read_export(given_lines, skip=True)
    assert len(sessions) + len(told) == len(full)


@given(LINES)
def test_the_first_bad_line_is_the_first_that_would_be_skipped(some):
    given_lines = [line.replace(b"\n", b" ") + b"\n" for line in some]
    for read in (read_log, read_export):
        _, told = read(given_lines, skip=True)
        if not told:
            read(given_lines)
            continue
        with pytest.raises(FormatError) as caught:
            read(given_lines)
        assert told[0] == f"skipped {caught.value.bad}"
