"""`make mutants` is run seldom: its list must follow the code between two runs."""

from __future__ import annotations

import runpy
from pathlib import Path

RUN = Path(__file__).parents[1] / "mutants" / "run.py"


def test_every_listed_fault_can_be_put_into_the_code() -> None:
    listed = runpy.run_path(str(RUN))["faults"]([])
    assert listed
    assert [problem for fault in listed if (problem := fault.problem())] == []
