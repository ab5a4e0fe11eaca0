"""`usage` as bars and as CSV, in a time zone; the sessions that lasted longest."""

import csv
import io
import json
import sqlite3
import subprocess
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from hermes_store import SessionRepository, values

ROME = ZoneInfo("Europe/Rome")


@pytest.fixture
def used(home, monkeypatch):
    """Records on both sides of the night in which Rome's clocks went forward, and one in May."""
    home.mkdir()
    path = home / "state.db"
    moments = [datetime(2026, 3, 28, 23, 30, tzinfo=ROME), datetime(2026, 3, 30, 0, 30, tzinfo=ROME),
               datetime(2026, 4, 2, 14, tzinfo=ROME)]  # fmt: skip
    with SessionRepository(path) as repo, monkeypatch.context() as clock:
        for number, moment in enumerate(moments, 1):
            clock.setattr(values, "now", moment.timestamp)
            repo.create_session(f"s{number}", "cli", user_id="=1+1")
            repo.record_usage(f"s{number}", model="large", input_tokens=1_000 * number,
                              output_tokens=10, estimated_cost_usd=0.5)  # fmt: skip
        repo.record_usage("s3", model="small", actual_cost_usd=0.25)
        repo.append_message("s1", "user", "long ago", timestamp=moments[1].timestamp())
    return path


def rows(result):
    assert (result.code, result.err) == (0, "")
    return [*csv.DictReader(io.StringIO(result.out))]


def test_days_are_those_of_the_time_zone_that_is_named_and_the_heading_names_it(run, used):
    in_rome = run("usage", "--tz", "Europe/Rome").out.splitlines()
    assert in_rome[0].startswith("DAY (Europe/Rome)  ")
    assert [line.split()[0] for line in in_rome[1:]] == ["2026-03-28", "2026-03-30", "2026-04-02"]
    in_utc = run("usage", "--tz", "utc").out.splitlines()
    assert in_utc[0].startswith("DAY (UTC)  ")
    assert [line.split()[0] for line in in_utc[1:]] == ["2026-03-28", "2026-03-29", "2026-04-02"]


def test_the_busiest_hours_are_those_of_the_day_by_its_own_clock(run, used):
    hours = rows(run("usage", "--by", "hour", "--tz", "Europe/Rome", "--csv"))
    assert [(each["group"], each["calls"]) for each in hours] == [
        ("00:00", "1"), ("14:00", "2"), ("23:00", "1"),
    ]  # fmt: skip


def test_what_was_used_in_a_range_counts_whenever_its_session_began(run, used):
    april = rows(run("usage", "--by", "model", "--used-since", "2026-04", "--csv"))
    assert [(each["group"], each["input_tokens"]) for each in april] == [
        ("large", "3000"),
        ("small", "0"),
    ]
    before = rows(run("usage", "--by", "month", "--used-until", "2026-04", "--csv"))
    assert [(each["group"], each["calls"]) for each in before] == [("2026-03", "2")]


@pytest.mark.parametrize("zone", ["Mars", "", "../../etc/passwd", "Europe", "x\0y", "é" * 5000])
def test_a_time_zone_that_is_not_known_is_wrong_usage(run, used, zone):
    result = run("usage", "--tz", zone)
    assert (result.code, result.out) == (2, "")
    assert "write UTC or a name of the IANA database, such as Europe/Rome" in result.err


def test_csv_has_every_kind_of_token_and_the_two_costs_apart(run, used):
    large, small = rows(run("usage", "--by", "model", "--csv"))
    report = json.loads(run("usage", "--by", "model", "--json").out)
    assert [*large] == [*report[0]]
    assert (large["group"], large["input_tokens"]) == ("large", "6000")
    assert (large["estimated_cost_usd"], large["actual_cost_usd"]) == ("1.5", "")
    assert (small["estimated_cost_usd"], small["actual_cost_usd"]) == ("", "0.25")


def test_a_name_that_a_spreadsheet_would_compute_is_a_text_in_csv(run, used):
    assert [each["group"] for each in rows(run("usage", "--by", "user", "--csv"))] == ["'=1+1"]


def test_bars_show_days_without_records_and_the_greatest_fills_the_line(run, used):
    title, *lines = run("usage", "--plot", "--tz", "Europe/Rome").out.splitlines()
    assert title == "Tokens by day, Europe/Rome"
    assert [line.split()[0] for line in lines[::2]] == [
        "2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31", "2026-04-01", "2026-04-02",
    ]  # fmt: skip
    assert [line.split()[-1] for line in lines[::2]] == ["1,000", "0", "2,000", "0", "0", "3,000"]
    filled = [line.count("█") for line in lines[::2]]
    assert filled[1] == 0
    assert filled[5] == max(filled)
    assert filled[5] // 3 == filled[0]
    assert {len(line) for line in lines} == {100}


def test_bars_of_costs_keep_the_estimated_apart_from_the_actual(run, used):
    lines = run("usage", "--by", "model", "--plot", "--of", "cost").out.splitlines()
    assert lines[0] == "Cost by model"
    assert lines[1].startswith("large  estimated  ")
    assert lines[1].endswith("$1.50")
    assert lines[2].split() == ["actual"]
    assert lines[4].endswith("$0.2500")


def test_bars_fit_a_narrow_terminal(on_a_terminal, used):
    shown = on_a_terminal("usage", "--plot", columns=50)
    assert "Tokens by day" in shown
    assert max(len(line) for line in shown.replace("\x1b[0m", "").splitlines()) < 120


def test_of_many_groups_the_greatest_are_drawn_and_the_rest_is_told(run, used):
    with SessionRepository(used) as repo:
        for number in range(50):
            repo.record_usage("s1", model=f"m{number}", input_tokens=number + 1)
    result = run("usage", "--by", "model", "--plot")
    assert "small" not in result.out
    assert "m49" in result.out
    assert result.err == "12 groups left out; --csv has all\n"


def test_a_record_of_a_far_year_does_not_draw_all_days_till_then(run, used):
    with sqlite3.connect(used) as connection:
        connection.execute("UPDATE usage SET hour = 60000000 WHERE model = 'small'")
    connection.close()
    result = run("usage", "--plot", "--tz", "UTC")
    assert len(result.out.splitlines()) == 1 + 2 * 120
    assert result.err == "3 groups left out; --csv has all\n"


def test_the_longest_sessions_come_first_with_what_they_cost_estimated_and_actual(run, used):
    with SessionRepository(used) as repo:
        repo.update_token_counts("s1", 5, 6, estimated_cost_usd=0.5)
        repo.update_token_counts("s1", actual_cost_usd=0.25)
    head, first, *_ = run("usage", "--longest", "2").out.splitlines()
    assert head.split() == [
        "ID",
        "TITLE",
        "STARTED",
        "LASTED",
        "MSGS",
        "TOKENS",
        "ESTIMATED",
        "ACTUAL",
    ]
    assert first.split() == [
        "s1", "long", "ago", "2026-03-28", "22:30", "1", "d", "1", "11", "$0.5000", "$0.2500",
    ]  # fmt: skip
    listed = json.loads(run("usage", "--longest", "9", "--json").out)
    assert [each["id"] for each in listed] == ["s1", "s2", "s3"]
    [one] = rows(run("usage", "--longest", "1", "--csv"))
    assert float(one["last_active"]) - float(one["started_at"]) == 24 * 3600


CONTRADICTIONS = {
    "--plot --csv": "--plot and --csv contradict each other",
    "--plot --svg x.svg": "--plot and --svg contradict each other",
    "--csv --json": "--csv and --json contradict each other",
    "--svg - --json": "--json says which file --svg wrote",
    "--of cost": "--of says what bars show: it needs --plot or --svg",
    "--by tool --plot --of tokens": "tools have calls and sessions only",
    "--longest 3 --by day": "--longest lists sessions",
    "--longest 3 --plot": "--longest lists sessions",
    "--longest 3 --used-since 7d": "--longest lists sessions",
    "--used-since never": "'never' is not a time since 1970",
    "--longest 0": "--longest",
    "--svg {db}": "--svg names a file of the database itself",
    "--svg {db}-wal": "--svg names a file of the database itself",
    "--of money --plot": "--of",
}


@pytest.mark.parametrize("typed", CONTRADICTIONS)
def test_options_that_do_not_go_together_are_wrong_usage(run, used, typed):
    before = used.read_bytes()
    result = run("usage", *typed.format(db=used).split())
    assert (result.code, result.out) == (2, "")
    assert CONTRADICTIONS[typed] in result.err
    assert used.read_bytes() == before


def test_nothing_recorded_is_an_empty_csv_and_a_sentence_instead_of_bars(run, filled):
    assert run("usage", "--csv").out.count("\n") == 1
    assert run("usage", "--plot").err.startswith("no usage was recorded; ")


WITHOUT = """
import sys
sys.modules["pygal"] = None
from hermes_store.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


def test_without_the_package_that_draws_an_error_names_the_extra_and_writes_no_file(used, tmp_path):
    command = [sys.executable, "-c", WITHOUT, "usage", "--svg", tmp_path / "x.svg"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'hermes-store[plots]'" in done.stderr
    assert not (tmp_path / "x.svg").exists()
