"""Runs of evidence counted where they are frequent set the chance at which spikes begin."""

from __future__ import annotations

import numpy as np
import pytest

from stats.runs import Runs

SERIES, LEVEL, AIM = 200, 0.002, 0.8


def _times(power: float, *, steps: int = 300, seed: int = 3) -> float:
    """After steps in which chance is below ``p`` with probability ``p ** power``."""
    random = np.random.default_rng(seed)
    runs = Runs(SERIES, join=2)
    for _ in range(steps):
        clump = random.random(SERIES) ** (1 / power)
        runs.count(clump, level=LEVEL, limit=0.0, judged=np.ones(SERIES, bool), spike=np.zeros(SERIES, bool))
    return runs.times(LEVEL, AIM)


@pytest.mark.parametrize("power", [0.75, 0.9, 1.0, 1.2])
def test_the_limit_is_where_the_budget_is_spent(power: float) -> None:
    spent = [(_times(power, seed=seed) * LEVEL) ** power / LEVEL for seed in range(4)]
    assert 0.6 <= float(np.mean(spent)) <= 1.1  # taken as stated, a power of .75 would spend 3.8


def test_nothing_counted_is_as_stated() -> None:
    runs = Runs(3, join=2)
    assert runs.times(LEVEL, AIM) == pytest.approx(AIM, rel=1e-6)
    assert runs.times(0.04, AIM) == pytest.approx(AIM), "too frequent to be told apart: nothing is learnt"


def test_a_run_that_becomes_a_spike_is_not_counted() -> None:
    runs = Runs(2, join=2)
    judged, none = np.ones(2, bool), np.zeros(2, bool)
    runs.count(np.array([1.5 * LEVEL, 1.5 * LEVEL]), level=LEVEL, limit=LEVEL, judged=judged, spike=none)
    assert runs.seen.tolist() == [0, 0, 2, 2, 2]
    runs.count(np.array([0.1 * LEVEL, 1.0]), level=LEVEL, limit=LEVEL, judged=judged, spike=np.array([True, False]))
    assert runs.seen.tolist() == [0, 0, 0.25, 0.25, 0.25], "the other's, as far as it still counts"


def test_steps_of_one_run_are_one() -> None:
    runs = Runs(1, join=2)
    one, none = np.ones(1, bool), np.zeros(1, bool)
    for step in range(1_000):
        clump = np.array([3 * LEVEL if step % 2 == 0 else 1.0])
        runs.count(clump, level=LEVEL, limit=0.0, judged=one, spike=none)
    assert runs.seen.max() < 0.1, "one run that never ended, long ago"
