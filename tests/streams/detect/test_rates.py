"""False spikes within the budget, planted ones found: short versions of the benchmarks, with fixed seeds."""

from __future__ import annotations

import pytest

from benchmarks.detection_nested import CELLS, measure
from benchmarks.detection_planted import measure as measure_planted

BY_NAME = {cell.name: cell for cell in CELLS}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["poisson seasonal", "over-dispersed seasonal thin", "wandering by 10%"])
def test_false_spikes_stay_within_the_budget(name: str) -> None:
    row = measure(BY_NAME[name], runs=1, budget=5.0, judged=4)
    assert 0.1 <= float(str(row["ratio"])) <= 1.3


@pytest.mark.slow
def test_planted_spikes_are_found_placed_dated_and_sized() -> None:
    row = measure_planted(BY_NAME["poisson seasonal"], runs=1, budget=1.0, weeks=12)
    assert float(str(row["found"])) >= 0.75
    assert float(str(row["found_8sd"])) == 1.0
    assert float(str(row["slice_exact"])) >= 0.6
    assert float(str(row["onset_covered"])) >= 0.6
    assert float(str(row["excess_covered"])) >= 0.6
