"""`python -m benchmarks.pages` runs, and each page is small; how fast any was is not looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.postgresql
def test_there_is_a_line_for_each_page_and_each_is_below_100_kilobytes():
    command = [sys.executable, "-m", "benchmarks.pages", "--sessions", "60", "--calls", "1"]
    command += ["--rounds", "1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|")]
    headings = [cell.strip() for cell in lines[0][1:-1]]
    assert headings == ["page", "SQLite", "its processor", "PostgreSQL", "its processors", "size"]
    assert len(lines) > 15
    assert all(int(line[-2].removesuffix(" kB ")) < 100 for line in lines[2:])
