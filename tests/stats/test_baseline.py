"""Levels and shapes are found again, and outbreaks do not teach."""

from __future__ import annotations

import numpy as np
import pytest

from stats.baseline import History, fit_level, fit_shape
from stats.errors import DomainError

DAYS = 56
AT = np.arange(DAYS * 24)
HOUR, WEEKDAY, DAY = AT % 24, AT // 24 % 7, AT // 24
SHAPE = np.exp(0.8 * np.sin((HOUR - 9) / 24 * 2 * np.pi)) * np.where(WEEKDAY >= 5, 0.5, 1.0)


def history(per_hour: list[float], *, seed: int = 1, use: float = 1.0) -> History:
    """Everywhere and slices that share its shape; everywhere's rate comes first."""
    random = np.random.default_rng(seed)
    counts = random.poisson(SHAPE[:, None] * np.array(per_hour)).astype(float)
    return History(counts, np.full(counts.shape, use), HOUR, WEEKDAY, DAY)


def expected(past: History) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Expectation of every hour of the next week, as fitted."""
    shape = fit_shape(past)
    return shape.unit(HOUR[: 24 * 7], WEEKDAY[: 24 * 7]) * fit_level(past, shape).level


def test_week_of_a_thick_stream_is_expected_within_a_few_percent() -> None:
    found = expected(history([400.0, 40.0]))
    assert np.abs(found[:, 0] / (400 * SHAPE[: 24 * 7]) - 1).max() < 0.06
    assert found[:, 1].sum() == pytest.approx(40 * SHAPE[: 24 * 7].sum(), rel=0.06)


def test_thin_slice_takes_its_shape_from_everywhere() -> None:
    found = expected(history([100.0, 0.2]))[:, 1]
    assert np.corrcoef(found, SHAPE[: 24 * 7])[0, 1] > 0.97


def test_slice_with_a_shape_of_its_own_keeps_it() -> None:
    past = history([100.0, 50.0])
    past.count[:, 1] = np.random.default_rng(2).poisson(50 * np.roll(SHAPE, 12))
    found = expected(past)[:, 1]
    assert np.corrcoef(found, np.roll(SHAPE, 12)[: 24 * 7])[0, 1] > 0.9


def test_last_weeks_outbreak_hardly_raises_the_level() -> None:
    calm, hit = history([20.0]), history([20.0])
    hit.count[-60:-24] *= 6.0
    assert expected(hit).sum() == pytest.approx(expected(calm).sum(), rel=0.16)


def test_unused_blocks_do_not_teach() -> None:
    calm, hit = history([20.0]), history([20.0])
    hit.count[-60:-24] *= 6.0
    hit.use[-60:-24] = 0.0
    assert expected(hit).sum() == pytest.approx(expected(calm).sum(), rel=0.03)


def test_level_that_doubled_is_learnt_within_weeks() -> None:
    past = history([20.0])
    past.count[-21 * 24 :] *= 2.0
    assert expected(past).sum() == pytest.approx(40 * SHAPE[: 24 * 7].sum(), rel=0.2)


def test_worth_counts_discounted_contacts() -> None:
    past = history([20.0, 2.0])
    worth = fit_level(past, fit_shape(past)).worth
    assert 2000 < worth[0] < 20 * 24 * 14
    assert worth[1] < worth[0]


def test_history_without_blocks_is_refused() -> None:
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(DomainError, match=r"^history was 'empty'; allowed is at least one block$"):
        fit_shape(History(np.zeros((0, 1)), np.zeros((0, 1)), none, none, none))


def test_one_day_of_history_is_enough_to_expect_something() -> None:
    past = history([20.0])
    day = History(past.count[:24], past.use[:24], HOUR[:24], WEEKDAY[:24], DAY[:24])
    shape = fit_shape(day)
    assert np.isfinite(shape.unit(HOUR[:24], WEEKDAY[:24]) * fit_level(day, shape).level).all()
