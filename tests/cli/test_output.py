"""Values are printed for people, and stored text cannot speak to the terminal."""

import math
import time

import pytest

from hermes_store.cli import output
from hermes_store.values import written


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_time_is_a_local_date(monkeypatch):
    assert output.when(1772359205.5) == "2026-03-01 10:00"
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    assert output.when(1772359205.5) == "2026-03-01 11:00"


@pytest.mark.parametrize("value", [5e246, math.inf, -1e18, "soon"])
def test_a_time_that_is_no_date_is_shown_as_it_is(value):
    assert output.when(value) == str(value)


def test_sizes_counts_costs_and_durations():
    assert [output.size(n) for n in (0, 999, 1_000, 203_000_000, 5e15)] == [
        "0 bytes", "999 bytes", "1.0 kB", "203.0 MB", "5000.0 TB",
    ]  # fmt: skip
    assert [output.count(n, "session") for n in (0, 1, 4817)] == [
        "0 sessions", "1 session", "4,817 sessions",
    ]  # fmt: skip
    assert [output.dollars(n) for n in (None, 0, 0.0041, 1.239)] == [
        "",
        "$0.00",
        "$0.0041",
        "$1.24",
    ]
    assert [written.duration(n) for n in (-1, 0.2, 61, 5400, 90_061)] == [
        "0 s", "0 s", "1 min 1 s", "1 h 30 min", "1 d 1 h",
    ]  # fmt: skip
