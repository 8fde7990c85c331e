"""Running sums equal sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.errors import DomainError
from stats.windows import Windows, ladder


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_running_sums_equal_sums_over_the_last_steps(counts: list[int]) -> None:
    windows = Windows((1, 3, 7), keep=9, slices=1)
    for place, count in enumerate(counts, start=1):
        windows.push(np.array([float(count)]), np.array([0.5]))
        for row, length in enumerate((1, 3, 7)):
            assert windows.count_sums[row, 0] == sum(counts[max(place - length, 0) : place])
            assert windows.unit_sums[row, 0] == 0.5 * min(place, length)


def test_blanked_steps_say_nothing_about_their_slices_only() -> None:
    windows = Windows((1, 3), keep=5, slices=2)
    for _ in range(4):
        windows.push(np.array([2.0, 3.0]), np.array([1.0, 1.0]))
    windows.blank(windows.rows(2), np.array([True, False]))
    assert windows.count_sums.tolist() == [[0.0, 3.0], [2.0, 9.0]]
    assert windows.unit_sums.tolist() == [[0.0, 1.0], [1.0, 3.0]]


def test_rows_are_the_newest_steps_oldest_first() -> None:
    windows = Windows((1,), keep=4, slices=1)
    for count in range(6):
        windows.push(np.array([float(count)]), np.array([1.0]))
    assert windows.count[windows.rows(3), 0].tolist() == [3.0, 4.0, 5.0]


def test_ring_shorter_than_its_longest_window_is_refused() -> None:
    with pytest.raises(DomainError, match=r"^keep was 7; allowed is more than the longest window, 7$"):
        Windows((1, 7), keep=7, slices=1)


@pytest.mark.parametrize(("step_s", "longest_s", "lengths"), [(60, 1800, (1, 3, 10, 30)), (86_400, 604_800, (1, 3, 7))])
def test_ladder_spans_from_one_step_to_the_longest(step_s: int, longest_s: int, lengths: tuple[int, ...]) -> None:
    assert ladder(step_s, longest_s=longest_s) == lengths
