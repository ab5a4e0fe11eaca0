"""`python -m benchmarks.copying` runs; how fast anything was is not looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.postgresql
def test_there_is_a_line_for_each_step():
    command = [sys.executable, "-m", "benchmarks.copying", "--messages", "40"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    titles = [line.split("|")[1].strip() for line in done.stdout.splitlines() if "|" in line]
    assert titles[2:4] == ["sessions", "messages"]
    assert "all of it, 40 messages" in titles
