"""A run is compared with the one that was kept: a row that fell is named, noise is not."""

from pathlib import Path

import pytest

from benchmarks.recorded import fallen, record
from benchmarks.table import Cell, Row, Table


def run(**ratios: tuple[float, str]) -> list[Table]:
    rows = [Row(title, {"us": Cell(1.0, unit)}, ratio) for title, (ratio, unit) in ratios.items()]
    return [Table("Writes", "", ["us"], rows)]


@pytest.mark.parametrize(
    ("unit", "ratio", "said"),
    [
        ("s", 1.3, []),
        ("s", 1.6, ["Writes, append fell: 1.20 × before, 1.60 × now"]),
        ("s", 0.5, []),
        ("/s", 1.1, []),
        ("/s", 0.6, ["Writes, append fell: 1.20 × before, 0.60 × now"]),
        ("/s", 2.0, []),
    ],
)
def test_a_row_that_fell_by_more_than_noise_is_named(
    tmp_path: Path, unit: str, ratio: float, said: list[str]
) -> None:
    record(run(append=(1.2, unit)), tmp_path / "kept.json")
    assert fallen(run(append=(ratio, unit), new=(9.0, "s")), tmp_path / "kept.json") == said


def test_a_row_that_differs_from_run_to_run_fell_when_it_is_worse_than_in_all(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept.json"
    for tail in (1.0, 3.0, 2.0):
        record(run(tail=(tail, "s")), kept)
    assert fallen(run(tail=(3.3, "s")), kept) == []
    said = "Writes, tail fell: 1.00 × to 3.00 × before, 3.60 × now"
    assert fallen(run(tail=(3.6, "s")), kept) == [said]


def test_a_run_is_compared_with_the_last_five(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    for ratio in (9.0, *[1.0] * 5):
        record(run(append=(ratio, "s")), kept)
    assert fallen(run(append=(2.0, "s")), kept) == [
        "Writes, append fell: 1.00 × before, 2.00 × now"
    ]


def test_without_a_run_that_was_kept_nothing_fell(tmp_path: Path) -> None:
    assert fallen(run(append=(9.0, "s")), tmp_path / "kept.json") == []
