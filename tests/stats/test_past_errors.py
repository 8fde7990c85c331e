"""Dispersion and forecast error are told apart and found again."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.past_errors import MOST_WIDENED, PastErrors

SERIES = 40
USE = np.ones(SERIES, dtype=bool)
NOTHING = np.zeros((1, SERIES))
APART = np.ones(1)


def taught(
    *, dispersion: float | NDArray[np.float64] = 1.0, sigma: float = 0.0, seed: int = 3, steps: int = 1000
) -> PastErrors:
    """An error memory that has seen so many steps of counts whose forecasts err by ``sigma``."""
    random = np.random.default_rng(seed)
    errors = PastErrors(1, 1, SERIES)
    base = np.geomspace(0.2, 400.0, SERIES)
    for step in range(steps):
        mean = base * (1.6 if step % 2 else 0.4)
        true = mean * random.gamma(1 / sigma**2, sigma**2, SERIES) if sigma else mean
        if np.any(np.asarray(dispersion) > 1):
            true = random.gamma(true / (np.asarray(dispersion) - 1)) * (np.asarray(dispersion) - 1)
        count = random.poisson(true).astype(float)
        phi, sigma2 = errors.dispersion(), errors.sigma2(APART)[0]
        variance = phi * mean + sigma2[0] * mean**2
        errors.learn_dispersion(count, mean, NOTHING[0], variance=variance, dispersion=phi, use=USE)
        errors.learn_sigma(0, count, mean[None], NOTHING, dispersion=phi, sigma2=sigma2, use=USE)
    return errors


@pytest.mark.parametrize("dispersion", [1.0, 1.5, 3.0])
def test_dispersion_is_found_again(dispersion: float) -> None:
    assert np.median(taught(dispersion=dispersion).dispersion()) == pytest.approx(dispersion, rel=0.08)


def test_a_strong_dispersion_is_believed_after_some_steps_too() -> None:
    assert np.median(taught(dispersion=5.0, steps=60).dispersion()) == pytest.approx(5.0, rel=0.2)


def test_dispersions_that_differ_are_told_apart() -> None:
    true = np.tile([1.3, 4.0], SERIES // 2)
    found = taught(dispersion=true).dispersion()[SERIES // 2 :]
    assert found[0::2] == pytest.approx(1.3, rel=0.25)
    assert found[1::2] == pytest.approx(4.0, rel=0.25)


@pytest.mark.parametrize("sigma", [0.05, 0.1, 0.3])
def test_forecast_error_is_found_again(sigma: float) -> None:
    assert np.sqrt(np.median(taught(sigma=sigma).sigma2(APART)[0])) == pytest.approx(sigma, rel=0.2)


def test_dispersion_is_not_mistaken_for_forecast_error() -> None:
    assert np.sqrt(np.median(taught(dispersion=2.0).sigma2(APART)[0])) < 0.04


def test_before_anything_is_learnt_the_prior_holds() -> None:
    errors = PastErrors(3, 2, 2)
    assert errors.sigma2(np.ones(3)) == pytest.approx(0.01 * MOST_WIDENED)
    assert errors.dispersion() == pytest.approx(1.1)


def test_spikes_teach_little() -> None:
    calm, hit = taught(sigma=0.1), taught(sigma=0.1)
    mean = np.geomspace(0.2, 400.0, SERIES)
    for _ in range(3):
        hit.learn_sigma(0, mean * 30, mean[None], NOTHING, dispersion=np.ones(SERIES), sigma2=NOTHING + 0.01, use=USE)
    assert np.median(hit.sigma2(APART)) < 1.5 * np.median(calm.sigma2(APART))


def test_moved_series_keep_what_they_taught_and_new_ones_start_afresh() -> None:
    errors = taught(dispersion=2.0)
    before = errors.two.copy()
    errors.move(np.array([5, -1]))
    assert errors.two.tolist() == [before[5], 0.0]
    assert errors.over.shape == (1, 1, 2)


def erring(times: int, *, together: bool, sigma: float = 0.1) -> PastErrors:
    """Thick series whose forecasts err each by itself, or all at once."""
    random = np.random.default_rng(4)
    errors, mean = PastErrors(1, 1, SERIES), np.full(SERIES, 1e4)
    for _ in range(times):
        off = random.normal(size=1 if together else SERIES) * np.ones(SERIES)
        count = mean * (1 + sigma * off)
        errors.learn_sigma(
            0, count, mean[None], NOTHING, dispersion=np.ones(SERIES), sigma2=NOTHING + sigma**2, use=USE
        )
    return errors


def test_errors_of_all_series_at_once_are_known_from_few_pasts_and_widened() -> None:
    pooled = np.full((1, 1), 0.01)
    together = erring(20, together=True)
    assert erring(20, together=False).widened(pooled, APART) == pytest.approx(1.0, abs=0.05)
    assert together.widened(pooled, APART) > 1.4
    together.lagged = 0.9 * together.common
    assert together.widened(pooled, APART) > 5.0
    assert erring(400, together=True).widened(pooled, APART) == pytest.approx(1.0, abs=0.1)


def test_a_weekend_that_nobody_knew_of_is_no_low_dispersion() -> None:
    random = np.random.default_rng(4)
    errors, many = PastErrors(1, 1, 2_000), np.ones(2_000, dtype=bool)
    mean = np.full(2_000, 0.2)
    for _ in range(48):
        count = random.poisson(random.gamma(mean / 2 / 0.5) * 0.5).astype(float)
        errors.learn_dispersion(
            count, mean, np.zeros(2_000), variance=1.5 * mean, dispersion=np.full(2_000, 1.5), use=many
        )
    assert np.median(errors.dispersion()) == pytest.approx(1.5, abs=0.15)


def test_one_series_by_itself_has_nobody_to_correct_it() -> None:
    alone, among = PastErrors(1, 1, 1), PastErrors(1, 1, 30)
    for errors in (alone, among):
        many = errors.two.size
        count, mean = np.full(many, 160.0), np.full(many, 100.0)
        dispersion = np.ones(many)
        errors.learn_dispersion(
            count, mean, np.zeros(many), variance=mean, dispersion=dispersion, use=np.ones(many, dtype=bool)
        )
    assert alone.error1[0] / alone.two[0] == pytest.approx(20.25)
    assert among.error1[0] / among.two[0] < 8.0


def test_what_nobody_could_know_in_the_first_days_is_soon_outdone() -> None:
    old, young = PastErrors(1, 1, SERIES), PastErrors(1, 1, SERIES)
    mean = np.full(SERIES, 2_000.0)
    for day in range(12):
        for errors in (old, young):
            if day == 8 and errors is old:
                errors.outgrow()
            count, sigma2 = (0.6 if day < 8 else 1.0) * mean, errors.sigma2(None)[0]
            errors.learn_sigma(0, count, mean[None], NOTHING, dispersion=np.ones(SERIES), sigma2=sigma2, use=USE)
    assert np.sqrt(np.median(old.sigma2(None))) < 0.1
    assert np.sqrt(np.median(young.sigma2(None))) > 0.2


def test_small_errors_of_the_first_days_keep_their_weight() -> None:
    errors = taught(sigma=0.03)
    before = errors.sigma2(APART)
    errors.outgrow()
    assert errors.sigma2(APART) == pytest.approx(before)


def test_thin_series_of_strong_dispersion_are_not_told_apart_by_a_few_days_of_chance() -> None:
    random = np.random.default_rng(5)
    errors, mean, phi = PastErrors(1, 1, 400), np.geomspace(0.02, 1.0, 400), np.full(400, 1.1)
    for step in range(96):
        count = random.poisson(random.gamma(mean / 4.0) * 4.0).astype(float)
        phi = errors.dispersion() if step % 24 == 0 else phi
        errors.learn_dispersion(
            count, mean, np.zeros(400), variance=phi * mean, dispersion=phi, use=np.ones(400, dtype=bool)
        )
    assert errors.dispersion().min() > 2.5


def test_an_error_that_is_large_for_good_outlives_the_first_days() -> None:
    errors = taught(sigma=0.8, steps=120)
    errors.outgrow()
    assert np.sqrt(np.median(errors.sigma2(APART)[0])) == pytest.approx(0.8, rel=0.3)
