"""What the past says of the next step."""

from __future__ import annotations

import numpy as np
import pytest

from stats.calendar_columns import CalendarColumns
from stats.dated_fit import USUAL, _usual, _wander, learn, start
from stats.errors import DomainError
from stats.loglinear import fit


def test_coefficients_are_found_for_all_series_at_once() -> None:
    random = np.random.default_rng(1)
    step = np.arange(400)
    columns = np.stack([np.ones(400), step / 400, np.cos(step / 8)], axis=1)
    truth = np.array([[2.0, 0.5, 0.3], [4.0, -0.7, 0.0]])
    count = random.poisson(np.exp(truth @ columns.T)).astype(np.float64)
    precision = np.full((2, 3), 1e-6)
    found = fit(columns, count, np.ones_like(count), precision=precision, start=np.ones((2, 3)), steps=12)
    np.testing.assert_allclose(found.coefficients, truth, atol=0.12)
    error = np.sqrt(found.error(columns[-1]))
    assert (np.abs(np.log(found.mean(columns[-1])) - truth @ columns[-1]) < 4 * error).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DomainError, match=r"counts was \(1, 3\); allowed is series x 2 steps, as use"):
        fit(np.ones((2, 1)), np.ones((1, 3)), np.ones((1, 3)), precision=np.ones((1, 1)), start=np.zeros((1, 1)))


@pytest.mark.parametrize(("step_d", "width"), [(1, 6 + 6), (7, 6)])
def test_columns_and_groups_agree(step_d: int, width: int) -> None:
    calendar = CalendarColumns(step_d, 0)
    assert len(calendar.row(100)) == width
    groups = calendar.groups()
    assert [groups[0].start, groups[-1].stop] == [1, width]
    assert len(CalendarColumns(step_d, 0, holidays=frozenset({100})).row(100)) == width + 2


def test_weekdays_sum_to_nothing_and_holidays_are_seen() -> None:
    calendar = CalendarColumns(1, 0, holidays=frozenset({4}))
    rows = np.array([calendar.row(day) for day in range(7)])
    np.testing.assert_allclose(rows[:, 6:12].sum(axis=0), 0)
    assert rows[4, 12] == 1
    assert rows[5, 13] == 1


def test_season_and_trend_wait_for_history() -> None:
    calendar = CalendarColumns(1, 0)
    assert len(calendar.shut(30)) == 3
    assert len(calendar.shut(200)) == 2
    assert calendar.shut(500) == []


def test_a_level_that_wanders_is_followed() -> None:
    random = np.random.default_rng(4)
    level = np.exp(0.25 * np.sin(np.arange(300) / 40))
    count = random.poisson(60 * level, (3, 300)).astype(np.float64)
    calendar = CalendarColumns(1, 0)
    columns = np.array([calendar.row(day) for day in range(300)])
    use = np.ones_like(count)
    known = learn(start(3, columns.shape[1]), calendar, columns, count, use, windows=(6,), rounds=10)
    now = known.fit.mean(calendar.row(300)) * known.level
    np.testing.assert_allclose(now / (60 * level[-1]), 1.0, atol=0.12)
    assert (known.dispersion < 3.0).all()


def test_a_local_level_stays_above_zero_where_an_outbreak_leaves_less_than_nothing() -> None:
    clean, mean = np.full((1, 60), 5.0), np.full((1, 60), 5.0)
    clean[0, 20:] = -50.0
    local, level = _wander(clean, mean, np.ones((1, 60)), np.ones(1), 1)
    assert local.min() > 0.0
    assert level[0] > 0.0


def test_others_of_about_its_volume_tell_what_dispersion_is_usual() -> None:
    many = np.ones((30, 100))
    mean = np.geomspace(0.5, 500, 30)[:, None] * many
    phi = np.full(30, 8.0)
    told = _usual(phi, mean, many)
    assert told.min() > 4
    assert told.max() < 8
    assert _usual(phi[:1], mean[:1], many[:1])[0] == pytest.approx(USUAL), "alone: as if nothing were known"


def test_dispersion_of_other_volumes_and_silent_series_tell_nothing() -> None:
    many = np.ones((31, 100))
    mean = np.vstack([np.full((30, 100), 5_000.0), np.full((1, 100), 0.5)])
    phi = np.r_[np.full(30, 300.0), 1.0]
    assert _usual(phi, mean, many)[-1] == pytest.approx(USUAL, rel=0.05)
    silent = np.vstack([mean, np.full((5, 100), 1e-4)])
    use = np.vstack([many, np.zeros((5, 100))])
    np.testing.assert_array_equal(_usual(np.r_[phi, np.full(5, 1.5)], silent, use)[:31], _usual(phi, mean, many))
