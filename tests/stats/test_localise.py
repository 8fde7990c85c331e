"""Gains: nothing below expectation, less where the forecast is unsure."""

from __future__ import annotations

import numpy as np

from stats.localise import rise_gain, sure_gain

MEAN = np.array([100.0])


def test_counts_below_expectation_gain_nothing() -> None:
    assert rise_gain(np.array([5.0, 10.0]), np.array([10.0, 10.0])).tolist() == [0.0, 0.0]
    assert sure_gain(np.array([3.0]), np.array([5.0]), np.array([5.0])).tolist() == [0.0]


def test_a_rise_within_the_forecasts_error_is_not_sure() -> None:
    unsure, sure = (sure_gain(np.array([130.0]), MEAN, np.array([variance]))[0] for variance in (1000.0, 100.0))
    assert unsure < 0.6
    assert sure > 3.5


def test_without_forecast_error_both_gains_are_one() -> None:
    count = np.array([104.0, 130.0, 300.0])
    mean = np.full(3, 100.0)
    assert np.allclose(sure_gain(count, mean, mean), rise_gain(count, mean), rtol=1e-3)


def test_more_contacts_never_gain_less() -> None:
    count = np.arange(100.0, 200.0)
    for gain in (rise_gain(count, np.full(100, 100.0)), sure_gain(count, np.full(100, 100.0), np.full(100, 400.0))):
        assert np.all(np.diff(gain) >= 0.0)
