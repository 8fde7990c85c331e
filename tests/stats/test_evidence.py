"""Evidence of an outbreak, and how often chance alone reaches it."""

from __future__ import annotations

import numpy as np
import pytest

from stats.errors import DomainError
from stats.evidence import DAILY, WEEKLY, Course, Evidence
from stats.evidence_table import CAUTION, LEVELS, EvidenceTable, table_of
from stats.outbursts import background, dispersion, log_chance


def test_two_middling_weeks_count_together() -> None:
    evidence = Evidence(WEEKLY)
    mean, variance = np.full((3, 3), 10.0), np.full((3, 3), 12.0)
    quiet, once, twice = evidence.weigh(np.array([[10.0, 10, 10], [10, 10, 16], [10, 16, 16]]), mean, variance)
    assert quiet < once < twice
    assert twice > once + 1


@pytest.mark.parametrize("courses", [WEEKLY, DAILY])
def test_adding_to_the_newest_count_never_lowers_evidence(courses: tuple[Course, ...]) -> None:
    random = np.random.default_rng(5)
    evidence = Evidence(courses)
    mean = np.exp(random.uniform(-3, 6, (50, 1))) * np.ones((1, evidence.steps))
    variance = mean * np.exp(random.uniform(0, 3, (50, 1)))
    count = random.poisson(mean).astype(np.float64)
    before = np.full(50, -np.inf)
    for newest in (0, 1, 2, 3, 5, 8, 20, 60, 200, 1_000, 50_000):
        count[:, -1] = newest
        now = evidence.weigh(count, mean, variance)
        assert (now >= before - 1e-9).all()
        before = now


def test_a_step_not_collected_says_nothing() -> None:
    evidence = Evidence((Course((1.0, 1.0), (1, 1), (3.0,)),))
    mean = np.full((1, 2), 10.0)
    alone = evidence.weigh(np.array([[np.nan, 10.0]]), mean, mean)
    assert np.isfinite(alone).all()
    assert evidence.weigh(np.array([[np.nan, np.nan]]), mean, mean)[0] == pytest.approx(0.0)


def test_more_onsets_than_steps_are_refused() -> None:
    with pytest.raises(DomainError, match="onset was 2; allowed is at most 1 weights, one a step"):
        Evidence((Course((1.0,), (1, 1), (3.0,)),))


@pytest.mark.parametrize(("mean", "phi"), [(0.5, 1.0), (6.0, 2.0), (40.0, 1.2)])
def test_chance_reaches_evidence_as_often_as_the_table_says(mean: float, phi: float) -> None:
    random = np.random.default_rng(8)
    evidence, steps = Evidence(WEEKLY), 40_000
    rate = random.gamma(mean / (phi - 1), phi - 1, steps) if phi > 1 else np.full(steps, mean)
    count = random.poisson(rate).astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(count, 3)
    means = np.full(windows.shape, mean)
    found = evidence.weigh(windows, means, CAUTION * phi * means)
    many = len(found)
    chance = table_of("weekly").chance(found, mean=np.full(many, mean), dispersion=np.full(many, phi)).step
    for share in (0.05, 0.01):
        assert 0.5 < float(np.mean(chance <= share)) / share < 1.35


def test_beyond_its_reach_the_table_falls_as_markov_allows() -> None:
    found = np.array([LEVELS[-1], LEVELS[-1] + 5.0])
    chance = table_of("daily").chance(found, mean=np.ones(2), dispersion=np.ones(2))
    assert np.log(chance.step[0] / chance.step[1]) == pytest.approx(5.0)


def test_an_unknown_table_and_a_wrong_shape_are_refused() -> None:
    with pytest.raises(DomainError, match="kind was 'hourly'; allowed is weekly or daily"):
        table_of("hourly")
    with pytest.raises(DomainError, match=r"step was \(1, 1, 1\)"):
        EvidenceTable(np.zeros((1, 1, 1)), np.zeros((1, 1, 1)))


def test_log_chances_sum_to_one() -> None:
    count = np.arange(400.0)
    factorial = np.cumsum(np.log(np.maximum(count, 1.0)))
    chance = np.exp(log_chance(count, np.full(400, 20.0), np.full(400, 50.0)) - factorial)
    assert chance.sum() == pytest.approx(1.0, abs=1e-6)


def test_outbreaks_are_taken_out_and_ordinary_counts_are_kept() -> None:
    random = np.random.default_rng(2)
    count = random.poisson(20.0, (1, 400)).astype(np.float64)
    plain = count.copy()
    count[0, 100:103] += 60
    mean = np.full(count.shape, 20.0)
    found = background(count, mean, np.ones(1))
    assert found.count[0, 100:103].max() < 30
    assert found.outbreak[0, 100:103].min() > 0.9
    assert abs(float((found.count - plain).mean())) < 0.15
    use = np.ones_like(count)
    assert dispersion(found, mean, use, np.ones(1), worth=1.0, usual=1.0)[0] == pytest.approx(1.0, abs=0.2)
