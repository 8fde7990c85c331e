from __future__ import annotations

import numpy as np

from stats.habits import Habits


def test_only_who_was_silent_at_this_hour_last_week_too_is_shut() -> None:
    habits = Habits(3, per_week=168, near=12)
    gap = np.array([True, True, False])
    assert not habits.shut_again(5, gap, gap).any()
    assert habits.shut_again(5, np.array([True, False, True]), np.ones(3, dtype=bool)).tolist() == [True, False, False]


def test_only_who_was_raised_at_this_hour_last_week_too_is_raised_again() -> None:
    habits = Habits(3, per_week=168, near=12)
    habits.raised_again(5, np.array([True, True, False]))
    assert habits.raised_again(5, np.array([True, False, True])).tolist() == [True, False, False]
    assert habits.raised_again(5, np.ones(3, dtype=bool)).tolist() == [True, False, True]


def test_a_third_spike_at_about_the_same_hour_bends_the_shape_over_the_weeks_end_too() -> None:
    habits = Habits(2, per_week=168, near=12)
    habits.raised_again(165, np.array([False, True]))
    assert [habits.bent(1, slot) for slot in (3, 30, 160, 165, 8)] == [False, False, True, False, True]
    assert not any(habits.bent(0, 165) for _ in range(5))
