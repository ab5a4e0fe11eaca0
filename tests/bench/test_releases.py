"""`python -m benchmarks.releases` measures two checkouts in turn; the figures are not looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.children.release import WORKS

ROOT = Path(__file__).resolve().parents[2]


def beside(release, *options):
    command = [sys.executable, "-m", "benchmarks.releases", str(release), *options]
    return subprocess.run(
        [*command, "--turns", "2", "--sessions", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "options", [[], pytest.param(["--postgresql"], marks=pytest.mark.postgresql)]
)
def test_there_is_a_line_for_each_work_with_both_trees_and_the_noise(options):
    done = beside(ROOT, *options)
    assert done.returncode == 0, done.stderr
    lines = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|")]
    header, _rule, *rows = lines
    assert [cell.strip() for cell in header[1:-1]] == [
        *("", "that release", "this tree", "median", "mean", "noise")
    ]
    assert [row[1].strip() for row in rows] == list(WORKS)
    assert {len(row) for row in rows} == {len(header)}


def test_a_tree_that_cannot_run_ends_the_comparison_with_its_error(tmp_path):
    package = tmp_path / "hermes_store"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('not a release')\n", "utf-8")
    done = beside(tmp_path)
    assert done.returncode == 1
    assert "ImportError: not a release" in done.stderr
    assert done.stdout == ""
