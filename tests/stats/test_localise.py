"""The slice that explains, the onset, the end."""

from __future__ import annotations

import numpy as np

from stats.localise import interval, last_step, onset_posterior, rise_gain, scan_score, sure_score

ONES = np.ones(4)
DEPTH = np.array([0, 1, 1, 2])
MEAN = np.array([100.0, 40.0, 60.0, 10.0])


def scored(count: list[float]) -> int:
    score = scan_score(np.array(count), mean=MEAN, dispersion=ONES, depth=DEPTH)
    return int(np.argmax(score))


def test_excess_in_proportion_everywhere_is_placed_everywhere() -> None:
    assert scored([160.0, 64.0, 96.0, 16.0]) == 0


def test_excess_that_fills_a_slice_is_placed_there() -> None:
    assert scored([140.0, 80.0, 60.0, 17.0]) == 1


def test_excess_of_a_deep_slice_is_placed_there() -> None:
    assert scored([140.0, 80.0, 60.0, 48.0]) == 3


def test_rise_within_the_forecasts_error_is_not_sure() -> None:
    sure, steady = (
        sure_score(np.array([130.0]), mean=MEAN[:1], variance=variance, depth=DEPTH[:1])[0]
        for variance in (np.array([1000.0]), np.array([100.0]))
    )
    assert sure < 0.6
    assert steady > 3.5


def test_counts_below_expectation_score_nothing() -> None:
    assert rise_gain(np.array([5.0, 10.0]), np.array([10.0, 10.0])).tolist() == [0.0, 0.0]


def test_onset_of_a_sharp_rise_is_its_first_step() -> None:
    count = np.array([5.0, 6.0, 4.0, 5.0, 21.0, 18.0])
    posterior = onset_posterior(count, np.full(6, 5.0), dispersion=1.0)
    assert int(np.argmax(posterior)) == 4
    assert interval(posterior, level=0.9) == (4, 4)


def test_onset_in_steps_without_expectation_falls_to_the_last() -> None:
    assert onset_posterior(np.zeros(3), np.zeros(3), dispersion=1.0).tolist() == [0.0, 0.0, 1.0]


def test_onset_interval_covers_as_often_as_stated() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        begin = int(random.integers(4, 12))
        mean = np.full(16, 6.0)
        count = random.poisson(np.where(np.arange(16) >= begin, 12.0, 6.0)).astype(float)
        first, last = interval(onset_posterior(count, mean, dispersion=1.0), level=0.9)
        covered += first <= begin <= last
    assert 0.84 <= covered / 400 <= 0.98


def test_rise_ends_with_its_last_raised_step() -> None:
    assert last_step(np.array([20.0, 18.0, 5.0, 6.0, 4.0]), np.full(5, 5.0)) == 1
