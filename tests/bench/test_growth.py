"""`python -m benchmarks.growth` runs on both databases; how fast anything was is not looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "option", [None, pytest.param("--postgresql", marks=pytest.mark.postgresql)]
)
def test_there_is_a_line_for_each_figure_and_a_column_for_each_stop(option):
    command = [sys.executable, "-m", "benchmarks.growth", *([option] if option else [])]
    command += ["--stop", "300", "--stop", "420", "--rounds", "1", "--calls", "2"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert lines[0] == "| messages | 300 | 420 |"
    titles = [line.split("|")[1].strip() for line in lines[2:]]
    for title in ("size", "open", "load", "list", "search: a common word", "append, 32 threads"):
        assert any(each.startswith(title) for each in titles), title
    assert {len(line.split("|")) for line in lines} == {5}
