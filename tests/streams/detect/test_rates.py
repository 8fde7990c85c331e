"""False spikes within the budget, planted ones found: short versions of the benchmarks, with fixed seeds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from benchmarks.detection_nested import CELLS, DIMENSIONS, SETTINGS, START, buckets, measure
from benchmarks.detection_planted import measure as measure_planted
from schemas.workspace import Workspace
from streams.detect.detector import Detector

BY_NAME = {cell.name: cell for cell in CELLS}
WEEKS = 4
INCIDENTS_H = (500, 530, 560, 590, 620)


def judged(*, incidents: bool) -> Detector:
    """Four weeks of chance; with ``incidents`` a topic has twenty times its contacts for four hours, five times in the last week."""
    workspace = Workspace(name="tested", bucket_s=3600, dimensions=DIMENSIONS, budget_per_week=1.0)
    detector = Detector(workspace, "contacts", SETTINGS)
    for bucket in buckets(BY_NAME["poisson seasonal"], seed=0, weeks=WEEKS):
        hour = int((bucket.start - START).total_seconds()) // 3600
        if incidents and any(0 <= hour - began < 4 for began in INCIDENTS_H):
            counts = {leaf: count * (20 if leaf[2] == "topic0" else 1) for leaf, count in bucket.counts.items()}
            detector.judge(replace(bucket, counts=counts))
        else:
            detector.judge(bucket)
    return detector


def test_what_a_spike_raises_in_other_slices_is_not_counted_as_chances() -> None:
    """Each incident shows in most slices, as they share its contacts: counted, they would halve what may be spent."""
    calm, busy = judged(incidents=False).known, judged(incidents=True).known
    assert sum(episode.pairs == (("topic", "topic0"),) for episode in busy.episodes) >= 3
    assert calm.judging is not None
    assert busy.judging is not None
    assert busy.judging.spending.seen[0] <= calm.judging.spending.seen[0] + 5
    assert busy.judging.scale >= 0.85 * calm.judging.scale


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
