"""`python -m benchmarks.revisions` runs on both databases; how fast anything was is not looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

from hermes_store.schema.revisions import REVISIONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "option", [None, pytest.param("--postgresql", marks=pytest.mark.postgresql)]
)
def test_there_is_a_line_for_each_revision_and_for_what_follows_in_steps(option):
    command = [sys.executable, "-m", "benchmarks.revisions", "--messages", "50"]
    done = subprocess.run(
        [*command, *([option] if option else [])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|")]
    assert [line[1].strip() for line in lines] == [
        "50 messages",
        "---",
        *(revision for revision in REVISIONS if revision > "0011"),
        "the search index, in steps",
        "the longest of these steps",
    ]
    assert {len(line) for line in lines} == {5}
