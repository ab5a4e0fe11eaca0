"""Times as people write them; what is none is refused, with the forms that are."""

import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import CHARACTERS

from hermes_store.cli.times import parse_days, parse_time

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def utc(*parts) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("7d", NOW - 7 * 86_400), ("7 days ago", NOW - 7 * 86_400), ("1.5h", NOW - 5_400),
        ("90min", NOW - 5_400), ("90m", NOW - 5_400), ("30s", NOW - 30), ("2 Weeks", NOW - 14 * 86_400),
        ("now", NOW), ("today", utc(2026, 3, 9, 23)), ("Yesterday", utc(2026, 3, 8, 23)),
        ("2026", utc(2025, 12, 31, 23)), ("2026-03", utc(2026, 2, 28, 23)),
        ("2026-07", utc(2026, 6, 30, 22)),  # summer time
        ("2026-03-01", utc(2026, 2, 28, 23)), ("20260301", utc(2026, 2, 28, 23)),
        ("2026-03-01T14:30", utc(2026, 3, 1, 13, 30)), ("2026-03-01 14:30:15", utc(2026, 3, 1, 13, 30, 15)),
        ("2026-03-01T14:30Z", utc(2026, 3, 1, 14, 30)), ("2026-03-01T14:30-08:00", utc(2026, 3, 1, 22, 30)),
        ("1772359205.5", 1772359205.5), (" 2026-03-01T14:30Z ", utc(2026, 3, 1, 14, 30)),
    ],
)  # fmt: skip
def test_a_time_is(written, meant):
    assert parse_time(written, NOW) == meant


@pytest.mark.parametrize(
    "written",
    ["", "soon", "2026-13", "2026-02-30", "7", "7 parsecs", "-7d", "1969", "99999", "0000", "1e9",
     "9999999999999d", "２０２６", "2026-03-01T25:00", "٧d"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_the_forms_that_are(written):
    with pytest.raises(ValueError, match=r"is not a time since 1970; write 7d, yesterday, 2026-03"):
        parse_time(written, NOW)


def test_milliseconds_are_refused_by_name():
    with pytest.raises(ValueError, match="milliseconds"):
        parse_time("1772359205500", NOW)


@given(
    st.text(CHARACTERS)
    | st.from_regex(r"[0-9:.TZ+dhmw -]{1,25}", fullmatch=True, alphabet=CHARACTERS)
)
@example("9" * 400 + "d")
@example("0001-01-01")
@example("9999-12-31T23:59:59-23:59")
def test_any_text_is_a_time_since_1970_or_refused(written):
    with suppress(ValueError):
        assert 0 <= parse_time(written, NOW) <= 253_402_300_799


@given(st.integers(0, 250_000_000_000))
def test_a_time_in_iso_form_is_itself(seconds):
    moment = datetime.fromtimestamp(seconds, UTC)
    assert parse_time(moment.isoformat()) == seconds
    assert parse_time(moment.isoformat().replace("+00:00", "Z")) == seconds


@pytest.mark.parametrize(
    ("written", "days"), [("30", 30), ("0.5", 0.5), ("12h", 0.5), ("2w", 14), ("7 days", 7)]
)
def test_a_length_is_days(written, days):
    assert parse_days(written) == days


@pytest.mark.parametrize("written", ["", "-1", "nan", "inf", "soon", "2026-03-01", "1e300"])
def test_what_is_no_length_is_refused(written):
    with pytest.raises(ValueError, match="write 30, 12h or 2w"):
        parse_days(written)
