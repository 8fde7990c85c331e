"""Dispersion and forecast error are told apart and found again."""

from __future__ import annotations

import numpy as np
import pytest

from stats.forecast_error import ForecastError

SLICES = 40


def taught(*, dispersion: float, sigma: float, seed: int = 3) -> ForecastError:
    """An error memory that has seen a thousand steps of counts whose forecasts err by ``sigma``."""
    random = np.random.default_rng(seed)
    error = ForecastError(1, SLICES)
    use = np.ones(SLICES, dtype=bool)
    base = np.geomspace(0.2, 400.0, SLICES)
    for step in range(1000):
        mean = base * (1.6 if step % 2 else 0.4)
        true = mean * random.gamma(1 / sigma**2, sigma**2, SLICES) if sigma else mean
        if dispersion > 1:
            true = random.gamma(true / (dispersion - 1)) * (dispersion - 1)
        count = random.poisson(true).astype(float)
        spread2 = error.sigma2()[0]
        variance = error.dispersion() * mean + spread2 * mean**2
        error.learn_dispersion(count, mean, variance, use)
        error.learn_sigma(0, count, mean, variance=variance, dispersion=error.dispersion(), use=use)
    return error


@pytest.mark.parametrize("dispersion", [1.0, 1.5, 3.0])
def test_dispersion_is_found_again(dispersion: float) -> None:
    assert np.median(taught(dispersion=dispersion, sigma=0.0).dispersion()) == pytest.approx(dispersion, rel=0.08)


@pytest.mark.parametrize("sigma", [0.05, 0.1, 0.3])
def test_forecast_error_is_found_again(sigma: float) -> None:
    error = taught(dispersion=1.0, sigma=sigma)
    assert np.sqrt(np.median(error.sigma2()[0])) == pytest.approx(sigma, rel=0.15)


def test_dispersion_is_not_mistaken_for_forecast_error() -> None:
    assert np.sqrt(np.median(taught(dispersion=2.0, sigma=0.0).sigma2()[0])) < 0.04


def test_before_anything_is_learnt_the_prior_holds() -> None:
    error = ForecastError(3, 2)
    assert error.sigma2() == pytest.approx(0.12**2)
    assert error.dispersion() == pytest.approx(1.1)


def test_spikes_teach_little() -> None:
    calm, hit = taught(dispersion=1.0, sigma=0.1), taught(dispersion=1.0, sigma=0.1)
    mean = np.geomspace(0.2, 400.0, SLICES)
    variance, use = mean + 0.01 * mean**2, np.ones(SLICES, dtype=bool)
    for _ in range(3):
        hit.learn_sigma(0, mean * 30, mean, variance=variance, dispersion=np.ones(SLICES), use=use)
    assert np.median(hit.sigma2()) < 1.5 * np.median(calm.sigma2())


def test_moved_slices_keep_what_they_taught_and_new_ones_start_afresh() -> None:
    error = taught(dispersion=2.0, sigma=0.0)
    before = error.two.copy()
    error.move(np.array([5, -1]))
    assert error.two.tolist() == [before[5], 0.0]
    assert error.over.shape == (1, 2)
