from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stats.expecting import Expecting
from stats.within import AROUND, within

HOUR_S, DAY_S, MINUTE_S = 3_600, 86_400, 60
FIVE = st.lists(st.floats(0.0, 1e6), min_size=5, max_size=5)


def usual(hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """A daily wave, halved on weekends."""
    return np.asarray(
        np.exp(0.9 * np.sin((hours % 24 - 9) / 24 * 2 * np.pi)) * np.where(hours // 24 % 7 >= 5, 0.5, 1.0)
    )


@given(FIVE, st.integers(1, 60))
def test_parts_of_a_block_add_up_to_it_and_none_is_below_nothing(blocks: list[float], many: int) -> None:
    one = within(np.array(blocks)[:, None])
    parts = [float(one.between(part / many, (part + 1) / many)[0]) for part in range(many)]
    assert sum(parts) == pytest.approx(blocks[AROUND], rel=1e-9, abs=1e-9)
    assert min(parts) >= 0.0


@given(FIVE)
def test_the_same_backwards_in_time(blocks: list[float]) -> None:
    ahead, back = within(np.array(blocks)[:, None]), within(np.array(blocks[::-1])[:, None])
    assert abs(float(ahead.slope[0])) == pytest.approx(abs(float(back.slope[0])), rel=1e-6, abs=1e-6)
    assert ahead.bend[0] == pytest.approx(back.bend[0], rel=1e-6, abs=1e-6)


def test_a_parabola_is_found_again() -> None:
    edges = np.arange(6.0)
    whole = 5.0 * edges + edges**3 / 3
    fine = np.linspace(2.0, 3.0, 13)
    truth = np.diff(5.0 * fine + fine**3 / 3)
    one = within(np.diff(whole)[:, None])
    found = [float(one.between(part / 12, (part + 1) / 12)[0]) for part in range(12)]
    assert found == pytest.approx(truth.tolist())


def test_a_weekend_begins_at_midnight_and_not_half_an_hour_before() -> None:
    minutes = usual((np.arange(7 * 24 * 60) + 0.5) / 60)
    hours = minutes.reshape(-1, 60).mean(axis=1)
    found = [
        within(hours[(hour + np.arange(-AROUND, AROUND + 1)) % 168, None]).between(part / 6, (part + 1) / 6)[0] * 6
        for hour in range(168)
        for part in range(6)
    ]
    off = np.array(found) / minutes.reshape(-1, 10).mean(axis=1) - 1.0
    assert np.sqrt(np.mean(off**2)) < 0.004
    assert np.abs(off).max() < 0.03


def test_minutes_follow_the_shape_learnt_from_hours_over_midnight_and_weekend() -> None:
    expecting = Expecting(1, block_s=HOUR_S, holidays=frozenset(), between=True)
    start_day = 19_723
    hours = usual((np.arange(21 * 24 * 60) + 0.5) / 60).reshape(-1, 60).mean(axis=1)
    for block, mean in enumerate(hours):
        row = np.array([1e5 * mean])
        expecting.take(start_day * DAY_S + block * HOUR_S, row, np.ones(1), row, np.ones(1, dtype=bool))
        if block % 24 == 23 and block >= 47:
            expecting.learn(np.ones(1), np.zeros(1), np.zeros(1))
            expecting.turn(start_day + (block + 1) // 24)
    day = start_day + 21
    expecting.turn(day + 4)
    friday = [
        float(expecting.unit_between((day + 4) * DAY_S + minute * MINUTE_S, MINUTE_S)[0]) for minute in range(1440)
    ]
    expecting.turn(day + 5)
    saturday = [
        float(expecting.unit_between((day + 5) * DAY_S + minute * MINUTE_S, MINUTE_S)[0]) for minute in range(1440)
    ]
    truth = usual((np.arange(4 * 1440, 6 * 1440) + 0.5) / 60)
    ratio = np.array(friday + saturday) / truth
    assert np.abs(ratio / ratio.mean() - 1.0).max() < 0.04
    assert sum(friday[-60:]) == pytest.approx(float(expecting.yesterday[-1, 0]), rel=1e-9)
