"""Splitting an excess: shares, coverage of their errors, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.errors import DomainError
from stats.mixture import separate

SAID = np.array([[0.02, 0.02], [0.7, 0.02], [0.02, 0.6]])
"""Probability of either word in a usual contact and in those of two causes."""


def sample(rng: np.random.Generator, counts: tuple[int, int, int]) -> NDArray[np.float64]:
    """Density ratios of simulated contacts."""
    source = np.repeat([0, 1, 2], counts)
    hits = rng.random((len(source), 2)) < SAID[source]
    chances = [np.where(hits, SAID[k], 1 - SAID[k]).prod(axis=1) for k in range(3)]
    return np.column_stack([chances[1] / chances[0], chances[2] / chances[0], np.ones(len(source))])


def test_two_causes_are_told_apart_and_their_errors_cover() -> None:
    rng, inside, trials = np.random.default_rng(5), 0, 300
    for _ in range(trials):
        mine = rng.binomial(80, 0.6)
        found = separate(sample(rng, (60, mine, 80 - mine)), np.ones(140), usual=60 / 140)
        inside += abs(found.share[0] - 0.6) < 1.645 * found.error[0]
    assert 0.85 <= inside / trials <= 0.97


def test_a_cause_that_is_not_there_is_hardly_missed() -> None:
    found = separate(sample(np.random.default_rng(6), (60, 80, 0)), np.ones(140), usual=60 / 140)
    assert found.loss[0] > 20
    assert found.loss[1] < 3
    assert found.share[1] < 0.1


def test_shares_sum_to_one_and_weights_that_sum_alike_give_the_same() -> None:
    ratios = sample(np.random.default_rng(7), (30, 30, 20))
    found, doubled = (
        separate(ratios, np.ones(80), usual=0.4),
        separate(np.repeat(ratios, 2, axis=0), np.full(160, 0.5), usual=0.4),
    )
    assert found.share.sum() == pytest.approx(1.0)
    assert doubled.share == pytest.approx(found.share)
    assert doubled.error == pytest.approx(found.error)


def test_refusals() -> None:
    with pytest.raises(DomainError, match=r"usual was 1\.0; allowed is in"):
        separate(np.ones((3, 2)), np.ones(3), usual=1.0)
    with pytest.raises(DomainError, match="weights was 2; allowed is as many as contacts"):
        separate(np.ones((3, 2)), np.ones(2), usual=0.5)
