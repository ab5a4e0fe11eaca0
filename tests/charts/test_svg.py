"""`usage --svg`: one well-formed document that runs nothing, loads nothing and hides nothing."""

import json
import re
import signal
import subprocess
import sys
from datetime import UTC
from xml.etree import ElementTree as ET

import pytest

from hermes_store import SessionRepository
from hermes_store.charts.series import chart_of
from hermes_store.charts.svg import _Quicker as quicker
from hermes_store.charts.svg import svg
from hermes_store.cli.app import run

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\x00\x1b\ufffe\ud800\u202e]]>&\"'"


def report(*groups, tokens=1_000):
    nothing = {"cache_read_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0}
    return [
        {"group": group, "sessions": 1, "calls": 2, "input_tokens": tokens * number, "output_tokens": 5,
         "estimated_cost_usd": 0.5, "actual_cost_usd": None, **nothing}
        for number, group in enumerate(groups, 1)
    ]  # fmt: skip


def drawn(rows, by="model", measure="tokens", **how):
    return svg(chart_of(rows, by, measure, UTC), **how)


def texts(document):
    return [each.text for each in ET.fromstring(document).iter(f"{SVG}text")]


def bars(document):
    found = ET.fromstring(document).iter(f"{SVG}rect")
    return [each for each in found if "reactive tooltip-trigger" in each.get("class", "")]


@pytest.mark.parametrize("measure", ["tokens", "cost", "calls", "sessions"])
@pytest.mark.parametrize("by", ["model", "day", "hour"])
def test_whatever_is_stored_the_document_is_well_formed_and_holds_no_script(by, measure):
    group = {"model": HOSTILE, "day": "2026-03-01", "hour": "14:00"}[by]
    document = drawn(report(group), by, measure)
    names = {each.tag for each in ET.fromstring(document).iter()}
    assert f"{SVG}script" not in names
    assert re.findall(rb"(?:href|src|url)\s*[=(]|@import|<!--|<!DOCTYPE", document) == []
    assert f"{measure.capitalize()} by {by}{', UTC' * (by != 'model')}" in texts(document)


@pytest.mark.parametrize("measure", ["tokens", "cost"])
@pytest.mark.parametrize("by", ["model", "day"])
def test_a_chart_is_drawn_as_pygal_draws_it(monkeypatch, by, measure):
    rows = report("2026-03-01", "2026-03-02", "2026-03-07")
    ours = drawn(rows, by, measure)
    monkeypatch.delattr(quicker, "__getattribute__")
    assert drawn(rows, by, measure) == ours
    monkeypatch.delattr(quicker, "_tooltip_data")
    without = [
        re.sub(rb"<title>[^<]*</title>|<title />", b"", each)
        for each in (drawn(rows, by, measure), ours)
    ]
    assert without[0] == without[1]


def test_names_are_texts_with_pictures_of_what_would_turn_them():
    names = texts(drawn(report(HOSTILE, "plain")))
    assert "plain" in names
    assert any(name and name.startswith("<script>alert(1)</script>␀␛") for name in names)


def test_what_xml_cannot_hold_is_a_replacement_character():
    chart = chart_of(report("x"), "model", "calls", UTC)._replace(groups=["a\x00\ufffe\ud800b"])
    assert "a\ufffd\ufffd\ufffdb" in texts(svg(chart))


def test_without_style_it_has_neither_style_element_nor_style_attribute():
    document = drawn(report("a", "b"), has_style=False)
    assert b"<style" not in document
    assert b"style=" not in document
    assert b"color-0" in document


def test_the_same_report_gives_the_same_bytes():
    assert drawn(report("a")) == drawn(report("a"))


def test_days_without_records_have_their_place_and_months_and_weeks_too():
    for by, first, last, number in (
        ("day", "2026-02-27", "2026-03-02", 4),
        ("week", "2026-W52", "2027-W01", 3),
        ("month", "2026-11", "2027-02", 4),
    ):
        assert len(bars(drawn(report(first, last), by, "calls"))) == number, by


def test_of_many_groups_the_greatest_are_drawn():
    chart = chart_of(report(*(f"m{number}" for number in range(100))), "model", "tokens", UTC)
    assert (len(chart.groups), chart.groups[0], chart.left_out) == (40, "m99", 60)


def test_no_groups_are_a_document_that_says_so():
    assert "No data" in texts(drawn([]))


def test_of_a_year_of_days_the_last_are_drawn_in_less_than_50_kilobytes():
    rows = report("2025-01-01", "2025-12-31", tokens=10**12)
    assert len(drawn(rows, "day")) < 50_000


def test_a_bar_tells_its_group_and_value_without_a_script():
    told = [each.text for each in ET.fromstring(drawn(report("a"))).iter(f"{SVG}title")]
    assert {"Tokens by model", "a: 1,000", "a: 5"} <= {*told}


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def used(sqlite_database):
    with SessionRepository(sqlite_database) as repo:
        repo.create_session("s", "cli")
        repo.record_usage("s", model="\u202elarge", input_tokens=10)
    return sqlite_database


def test_the_file_is_written_and_its_owner_alone_reads_it(used, tmp_path, capsys):
    target = tmp_path / "usage.svg"
    target.write_text("what was there")
    assert run(["--db", str(used), "--json", "usage", "--by", "model", "--svg", str(target)]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(target), "groups": 1}
    assert "<U+202E>large" in texts(target.read_bytes())
    assert target.stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.glob("*.part")] == []


def test_a_hyphen_is_stdout(used, capfdbinary):
    assert run(["--db", str(used), "usage", "--svg", "-"]) == 0
    assert "Tokens by day, local time" in texts(capfdbinary.readouterr().out)


KILLED = """
import os, signal, sys
from pathlib import Path
from hermes_store.cli.app import run
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run(sys.argv[1:])
"""


def test_a_process_that_is_killed_while_it_writes_leaves_the_file_as_it_was(used, tmp_path):
    target = tmp_path / "usage.svg"
    target.write_text("what was there")
    command = [sys.executable, "-c", KILLED, "--db", used, "usage", "--svg", target]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert target.read_text() == "what was there"


def test_a_folder_that_is_missing_is_an_error_that_names_the_file(used, tmp_path, capsys):
    target = tmp_path / "no" / "usage.svg"
    assert run(["--db", str(used), "usage", "--svg", str(target)]) == 1
    assert (
        capsys.readouterr().err
        == f"error: {target}: No such file or directory; name a file whose folder is there\n"
    )
