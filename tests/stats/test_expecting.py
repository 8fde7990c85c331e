from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.expecting import Expecting
from stats.levels import FORECASTS, MONTH, TREND, LevelBank, PastLevels
from stats.shape import fit_day

HOUR_S, DAY_S = 3_600, 86_400
START_S = 1_704_067_200
HOURS = np.arange(56 * 24)
SHAPE = np.exp(0.6 * np.sin(HOURS % 24 / 24 * 2 * np.pi)) * np.where(HOURS // 24 % 7 >= 5, 0.5, 1.0)


def taught(mean: NDArray[np.float64], *, seed: int = 0) -> Expecting:
    """Fed with eight weeks of Poisson counts."""
    series = mean.shape[1]
    expecting = Expecting(series, block_s=HOUR_S, holidays=frozenset())
    counts = np.random.default_rng(seed).poisson(mean).astype(np.float64)
    for block, row in enumerate(counts):
        start_s = START_S + block * HOUR_S
        unit = expecting.unit(start_s)
        expecting.take(start_s, row, unit, row, np.ones(series, dtype=bool))
        if block % 24 == 23 and block >= 47:
            expecting.learn(np.ones(series), np.zeros(series), np.zeros(series))
            expecting.turn((start_s + HOUR_S) // DAY_S, week=block <= 8 * 24)
            if block <= 8 * 24:
                expecting.relearn()
    return expecting


def test_shape_and_level_are_found_again() -> None:
    level = np.array([0.5, 20.0, 5_000.0])
    expecting = taught(SHAPE[:, None] * level)
    day = (START_S + len(HOURS) * HOUR_S) // DAY_S
    found = np.stack([expecting.unit(day * DAY_S + hour * HOUR_S) for hour in range(24)]) * expecting.now.level[MONTH]
    assert found[:, 2] == pytest.approx(SHAPE[:24] * 5_000.0, rel=0.02)
    assert found[:, 1] == pytest.approx(SHAPE[:24] * 20.0, rel=0.12)
    assert found[:, 0].mean() == pytest.approx(SHAPE[:24].mean() * 0.5, rel=0.2)


def test_a_trend_is_followed_by_its_own_forecast() -> None:
    growth = np.exp(0.02 * HOURS / 168)[:, None]
    expecting = taught(growth * np.array([2_000.0, 3_000.0]))
    now = expecting.now.level / (growth[-1] * np.array([2_000.0, 3_000.0]))
    assert now[TREND] == pytest.approx(1.0, rel=0.015)
    assert np.all(now[MONTH] < 0.95)


def test_a_series_that_is_alike_all_has_their_shape() -> None:
    random = np.random.default_rng(2)
    usual = np.exp(0.5 * np.sin(np.arange(24) / 24 * 2 * np.pi))
    around = np.full((7, 24, 30), 4.0)
    seen = random.poisson(around * usual[:, None]).astype(np.float64)
    fit = fit_day(seen, around, 0, np.ones(30))
    assert np.all(np.abs(fit.unit / usual[:, None] * usual.mean() - 1.0).mean(axis=0) < 0.15)


def test_one_odd_weekend_makes_no_shape_where_days_wander() -> None:
    around = np.full((7, 24, 20), 50.0)
    seen = np.random.default_rng(3).poisson(around).astype(np.float64)
    seen[5, :, 0] *= 2.0
    steady = fit_day(seen, around, 5, np.ones(20)).unit[:, 0].mean()
    wandering = fit_day(seen, around, 5, np.ones(20), wander2=np.full(20, 0.1)).unit[:, 0].mean()
    assert wandering < steady


def test_what_is_taken_back_was_never_there() -> None:
    bank, other = LevelBank(2, block_h=1.0), LevelBank(2, block_h=1.0)
    for step in range(100):
        burst = np.array([40.0 if step >= 97 else 0.0, 0.0])
        bank.take(np.full(2, 10.0) + burst, np.ones(2), np.full(2, 10.0))
        other.take(np.full(2, 10.0), np.ones(2), np.full(2, 10.0))
    bank.take_back(0, np.full(3, 40.0), np.zeros(3))
    assert bank.contacts == pytest.approx(other.contacts)
    assert bank.forecast().level.shape == (FORECASTS, 2)


def test_how_often_a_slot_was_seen_does_not_change_what_the_week_is_scaled_to() -> None:
    shape = SHAPE[: 7 * 24].reshape(7, 24, 1) / SHAPE[: 7 * 24].mean()
    around = np.full((7, 24, 5), 1e4)
    more = around * np.where(np.arange(7) < 4, 3.0, 1.0)[:, None, None]
    for weekday in (0, 6):
        for weeks in (around, more):
            fit = fit_day(shape * weeks, weeks, weekday, np.ones(5))
            np.testing.assert_allclose(fit.unit, shape[weekday] * np.ones(5), rtol=0.01)


def test_a_past_that_was_filled_in_was_not_forecast() -> None:
    bank, past = LevelBank(1, block_h=1.0), PastLevels(1, longest=168)
    for _ in range(3):
        past.keep(bank.forecast())
    past.fill(bank.forecast())
    for _ in range(4):
        past.keep(bank.forecast())
    assert [past.forecast_before(lag) for lag in (0, 3, 4, 6)] == [True, True, False, False]


def test_after_a_gap_a_quick_forecast_is_known_to_rest_on_little() -> None:
    expecting = Expecting(2, block_s=HOUR_S, holidays=frozenset())
    gap = range(15 * 24, 19 * 24)
    for block in range(21 * 24):
        heard = np.array([True, block not in gap])
        row = np.full(2, 30.0)
        expecting.take(START_S + block * HOUR_S, row * heard, 1.0 * heard, row, heard)
    quick, slow = 0, MONTH
    lags = (0, 71)
    loose = expecting.loose(lags)
    assert loose[1, quick, 1] > 0.9
    assert loose[1, quick, 0] == pytest.approx(1 / 151, rel=0.1)
    assert loose[1, slow, 1] < 1.5 * loose[1, slow, 0]
    assert loose[0, quick] == pytest.approx(1 / 151, rel=0.1)


def test_a_series_begun_anew_has_the_shape_of_its_last_week() -> None:
    expecting = taught(SHAPE[:, None] * np.array([20.0, 5_000.0]))
    week = np.where(HOURS[-168:] % 24 < 12, 3_000.0, 1_000.0)
    expecting.renew(1, week, np.ones(168))
    ratio = expecting.shape.seen[:, :, 1] / expecting.shape.around[:, :, 1]
    assert ratio[:, :12] == pytest.approx(1.5)
    assert ratio[:, 12:] == pytest.approx(0.5)
    assert expecting.now.level[MONTH, 1] == pytest.approx(2_000.0, rel=0.01)


def test_closed_hours_teach_no_level() -> None:
    """Nothing comes where a fiftieth is expected, for shapes are shrunk: levels and what all do together stay those of the open hours."""
    expecting = Expecting(5, block_s=HOUR_S, holidays=frozenset())
    bank, every = expecting.bank, np.ones(5, dtype=bool)
    for block in range(20):
        expecting.take(START_S + block * HOUR_S, np.full(5, 100.0), np.ones(5), np.full(5, 100.0), every)
    together = bank.common_seen / bank.common_expected
    for block in range(20, 60):
        expecting.take(START_S + block * HOUR_S, np.zeros(5), np.full(5, 0.02), np.full(5, 2.0), every)
    assert bank.contacts / bank.units == pytest.approx(100.0)
    assert bank.common_seen / bank.common_expected == pytest.approx(together)
