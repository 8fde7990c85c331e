from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from stats.rates import GROWS, TIMES, USUAL, ClumpRates, Spending, chance_of
from stats.rungs import fair_share, stretched
from stats.spikes import clump_rate

LENGTHS = np.array([1, 8, 24])


def test_chance_of_is_the_inverse_of_the_clump_rate() -> None:
    rate = np.array([1e-6, 1e-5, 1e-4])
    assert clump_rate(chance_of(rate, LENGTHS), LENGTHS) == pytest.approx(rate, rel=1e-6)


def test_a_standard_deviation_too_small_is_stretched_to_what_it_was() -> None:
    """Series of one-step windows whose counts vary 1.1 times as much as stated."""
    rates = ClumpRates(np.array([1]), 500)
    rates.aim(1e-3)
    random = np.random.default_rng(1)
    everywhere = np.ones((1, 500), dtype=bool)
    for _ in range(400):
        z = 1.1 * random.normal(size=500)
        number = np.flatnonzero(z > 2.4)
        chance = np.asarray(ndtr(-z[number]))
        rates.count(np.zeros(len(number), dtype=np.int64), number, chance, np.full((1, 500), 50.0), everywhere)
    assert rates.stretch(np.full((1, 1), 50.0))[0, 0] == pytest.approx(1.1, abs=0.03)


def test_a_stretch_of_one_changes_nothing_and_a_larger_one_makes_more_likely() -> None:
    chance = np.array([1e-6, 1e-3])
    assert stretched(chance, np.ones(2)) == pytest.approx(chance)
    assert np.all(stretched(chance, np.full(2, 1.1)) > chance)


def test_before_anything_is_counted_the_usual_ratio_holds() -> None:
    assert Spending(3).ratio(100.0) == pytest.approx(USUAL)
    assert Spending(3).ratio(0.5) == USUAL


def test_clumps_below_the_budget_are_counted_once_and_not_if_they_become_spikes() -> None:
    spending = Spending(2)
    free = np.ones(2, dtype=bool)
    for now in range(3):
        odds = np.array([0.5, 0.5])
        spending.count(odds, now_s=now, length_s=np.array([10, 10]), free=free, stated=0.0, scale=1.0)
    assert spending.seen.tolist() == [2.0] * len(TIMES)
    spending.disown(1)
    spending.disown(1)
    assert spending.seen.tolist() == [1.0] * len(TIMES)


def test_a_clump_that_is_over_stays_counted_when_a_spike_begins() -> None:
    spending = Spending(1)
    for now in (0, 100):
        spending.count(
            np.array([0.5 if now == 0 else 0.0]),
            now_s=now,
            length_s=np.array([10]),
            free=np.ones(1, dtype=bool),
            stated=0.0,
            scale=1.0,
        )
    spending.disown(0)
    assert spending.seen.tolist() == [1.0] * len(TIMES)


def test_twice_as_many_clumps_as_stated_halve_what_may_be_spent() -> None:
    spending = Spending(1)
    spending.stated[:] = 1e5
    spending.seen[:] = 2e5 * TIMES**-GROWS
    assert spending.ratio(1e9) == pytest.approx(2.0, rel=0.01)


def test_shares_add_up_to_the_whole_and_none_has_more_than_it_can_use() -> None:
    most = np.array([0.05, 10.0, 10.0, 10.0])
    share = fair_share(most, 1.0, np.array([1.0, 1.0, 2.0, 0.0]))
    assert share.sum() == pytest.approx(1.0)
    assert share.tolist() == pytest.approx([0.05, 0.95 / 3, 1.9 / 3, 0.0])


def test_a_budget_larger_than_all_can_use_gives_each_what_it_can() -> None:
    assert fair_share(np.array([0.1, 0.2]), 1.0, np.ones(2)).tolist() == [0.1, 0.2]
