"""`python -m benchmarks.logs` runs; how fast anything was is not looked at."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_there_is_a_line_for_each_format_and_size():
    command = [sys.executable, "-m", "benchmarks.logs", "--megabytes", "1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|")]
    assert [line[1].strip() for line in lines] == ["format", "---", "chatgpt", "claude-code"]
    assert {len(line) for line in lines} == {8}
