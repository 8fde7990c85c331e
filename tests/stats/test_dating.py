"""When a rise began and ended: the intervals cover what they state, whatever its shape."""

from __future__ import annotations

import numpy as np
import pytest

from stats.dating import Dated, date_end, date_rise, excess_moments
from stats.errors import DomainError

STEPS = np.arange(40)


def covered(shape: str, *, usual: float, height: float, dispersion: float, sigma: float) -> float:
    """Share of 90% intervals that hold the moment at which a rise began."""
    random = np.random.default_rng(3)
    held = 0
    for _ in range(120):
        begin = random.uniform(8, 28)
        share = np.clip(STEPS + 1 - begin, 0, 1)
        age = np.maximum(STEPS + 1 - share / 2 - begin, 0)
        form = {"steady": np.ones(40), "growing": age / 20, "fading": np.exp(-age / 6)}[shape]
        rate = usual * np.exp(sigma * random.normal()) * (1 + height * share * form)
        count = random.poisson(random.gamma(rate / (dispersion - 1)) * (dispersion - 1)).astype(float)
        dated = date_rise(count, np.full(40, usual), dispersion=dispersion, spread2=sigma**2)
        low, high = dated.interval(0.9)
        held += low <= begin <= high
    return held / 120


@pytest.mark.parametrize("shape", ["steady", "growing", "fading"])
@pytest.mark.parametrize(("usual", "height", "sigma"), [(6.0, 2.0, 0.1), (0.5, 5.0, 0.0), (100.0, 0.6, 0.1)])
def test_onset_interval_covers_as_often_as_stated(shape: str, usual: float, height: float, sigma: float) -> None:
    assert 0.83 <= covered(shape, usual=usual, height=height, dispersion=1.5, sigma=sigma) <= 1.0


def test_onset_of_a_sharp_rise_is_its_first_step() -> None:
    dated = date_rise(np.array([5.0, 6.0, 4.0, 5.0, 21.0, 18.0]), np.full(6, 5.0))
    assert dated.mode == 4
    assert 3.0 <= dated.interval(0.9)[0] <= 4.0 < dated.interval(0.9)[1] <= 5.0


def test_a_rise_that_fills_half_of_its_first_step_is_dated_inside_it() -> None:
    low, high = date_rise(np.array([100.0, 99.0, 300.0, 500.0, 505.0]), np.full(5, 100.0)).interval(0.9)
    assert 2.3 < low < high < 2.8


def test_nothing_begins_in_a_gap() -> None:
    dated = date_rise(np.array([5.0, 0.0, 0.0, 20.0, 22.0]), np.array([5.0, 0.0, 0.0, 5.0, 5.0]))
    assert dated.mode == 3
    assert dated.weight[4:12].sum() == 0.0


def test_a_stretch_that_is_all_gap_is_dated_to_its_last_step() -> None:
    assert date_rise(np.zeros(3), np.zeros(3)).mode == 2


def test_an_unsure_forecast_widens_the_interval() -> None:
    count, mean = np.array([100.0] * 10 + [130.0] * 10), np.full(20, 100.0)
    widths = [np.diff(date_rise(count, mean, spread2=spread2).interval(0.9))[0] for spread2 in (0.0, 0.04)]
    assert widths[1] > widths[0]


def test_end_of_a_rise_is_its_beginning_backwards() -> None:
    count = np.array([20.0, 18.0, 22.0, 5.0, 6.0, 4.0, 5.0])
    dated = date_end(count, np.full(7, 5.0))
    assert 2.2 < dated.interval(0.9)[0] < 3.0 < dated.interval(0.9)[1] < 4.5


def test_excess_of_known_ends_is_sure_and_of_unknown_ones_is_not() -> None:
    count, mean = np.array([5.0, 15.0, 15.0, 5.0]), np.full(4, 5.0)
    sure = Dated(np.array([1.0]), np.ones(1)), Dated(np.array([2.75]), np.ones(1))
    assert excess_moments(count, mean, *sure) == (20.0, 0.0)
    unsure = Dated(np.array([1.0, 2.0]), np.array([0.5, 0.5]))
    middle, spread = excess_moments(count, mean, unsure, sure[1])
    assert (middle, spread) == (15.0, 25.0)


def test_a_stretch_without_steps_is_refused() -> None:
    with pytest.raises(DomainError, match="one or more steps"):
        date_rise(np.zeros(0), np.zeros(0))


def test_negative_counts_are_refused() -> None:
    with pytest.raises(DomainError, match="0 or more"):
        date_rise(np.array([-1.0]), np.ones(1))
