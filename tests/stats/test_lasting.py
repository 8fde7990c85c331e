"""What a rise adds beyond its stated end: nothing where it stopped, its tail where it fades, less where it ended before."""

from __future__ import annotations

import numpy as np
import pytest

from stats.errors import DomainError
from stats.lasting import beyond_end

USUAL = np.full(40, 20.0)


def covered(fades: bool) -> tuple[float, float]:
    """Share of 90% intervals that hold all that a rise of 30 steps added, stated to have ended after a third where it
    fades, and the mean of what the estimate is off, in contacts."""
    random = np.random.default_rng(5)
    age = np.arange(40)
    form = np.where(age < 30, np.exp(-age / 10) if fades else 1.0, 0.0)
    stated, held, off = 12 if fades else 30, [], []
    for _ in range(200):
        added = random.poisson(40.0 * form)
        count = random.poisson(USUAL) + added
        middle, variance = beyond_end(count.astype(float), USUAL, stated=stated)
        middle += float((count - USUAL)[:stated].sum())
        reach = 1.645 * (variance + float(USUAL[:stated].sum())) ** 0.5
        held.append(abs(middle - added.sum()) <= reach)
        off.append(middle - added.sum())
    return float(np.mean(held)), float(np.mean(off))


@pytest.mark.parametrize("fades", [True, False])
def test_excess_interval_covers_as_often_as_stated_whether_a_rise_fades_or_stops(fades: bool) -> None:
    share, off = covered(fades)
    assert 0.86 <= share <= 0.96
    assert abs(off) < 12.0


def test_a_sharp_end_leaves_little_open() -> None:
    count = np.array([100.0, 101.0, 99.0, 100.0, 21.0, 19.0, 20.0, 20.0, 21.0, 19.0])
    middle, variance = beyond_end(count, USUAL[:10], stated=4)
    assert abs(middle) < 2.0
    assert variance < 25.0


def test_a_rise_that_ended_before_its_stated_end_added_less() -> None:
    count = np.array([100.0, 99.0, 101.0, 20.0, 35.0, 20.0, 20.0, 20.0, 20.0])
    assert beyond_end(count, USUAL[:9], stated=5)[0] == pytest.approx(-15.0, abs=4.0)


def test_a_fade_that_is_still_seen_has_some_to_come() -> None:
    count = 20.0 + np.round(200.0 * np.exp(-np.arange(16) / 5))
    to_come = 200.0 * float(np.exp(-np.arange(16, 60) / 5).sum())
    assert beyond_end(count, USUAL[:16], stated=16)[0] == pytest.approx(to_come, rel=0.5)


def test_what_an_unsure_forecast_explains_is_no_tail() -> None:
    count = np.array([60.0] * 6 + [30.0] * 4)
    sure, unsure = (beyond_end(count, USUAL[:10], stated=6, spread2=spread2)[0] for spread2 in (0.0, 0.2))
    assert sure > 20.0
    assert abs(unsure) < 10.0


def test_a_stretch_without_steps_is_refused() -> None:
    with pytest.raises(DomainError, match="one or more steps"):
        beyond_end(np.zeros(0), np.zeros(0), stated=1)


def test_an_end_outside_the_stretch_is_refused() -> None:
    with pytest.raises(DomainError, match="1 to 3"):
        beyond_end(np.ones(3), np.ones(3), stated=4)
