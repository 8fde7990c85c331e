from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.flat import FlatDetector

Floats = NDArray[np.float64]
START_S = 1_704_067_200
DAY_S = 86_400


def counts(steps: int, step_s: int, *, series: int = 2) -> Floats:
    """Poisson counts with a daily wave."""
    at = np.arange(steps) * step_s % DAY_S / DAY_S
    rate = 600.0 * step_s / 3600 * np.exp(0.5 * np.sin(at * 2 * np.pi))
    return np.random.default_rng(1).poisson(rate[:, None], (steps, series)).astype(np.float64)


def done_by_step(detector: FlatDetector, rows: Floats) -> list[list[str]]:
    """Names of the pieces of daily work that every step did."""
    here: list[str] = []

    def noted(piece: Callable[[], None]) -> None:
        named = piece.func if isinstance(piece, partial) else piece
        here.append(named.__name__)
        piece()

    work, expecting = detector.work, detector.expecting
    morning, evening = work._morning, expecting.pieces
    work._morning = lambda: [partial(noted, piece) for piece in morning()]  # type: ignore[method-assign]
    expecting.pieces = lambda day, *, week: [  # type: ignore[method-assign]
        partial(noted, piece) for piece in evening(day, week=week)
    ]
    done: list[list[str]] = []
    for step, row in enumerate(rows):
        here.clear()
        detector.push(START_S + step * detector.step_s, row)
        done.append(here.copy())
    return done


@pytest.mark.parametrize("step_s", [420, 3_000, 3_600])
def test_no_step_does_more_than_one_piece_of_the_day_and_a_day_does_all(step_s: int) -> None:
    detector = FlatDetector(series=2, step_s=step_s, budget_per_week=1.0)
    done = done_by_step(detector, counts(6 * DAY_S // step_s, step_s))
    assert max(map(len, done)) == 1
    last_day = [piece for pieces in done[-(DAY_S // step_s) :] for piece in pieces]
    evening = ["_begin", "_fit_rows", "_fit_cells"]
    morning = ["_learn_errors", "_calibrate", "_learn_stretch", "_share_out", "resum"]
    assert sorted(set(last_day)) == sorted([*morning, *evening])
    assert last_day.count("_share_out") == last_day.count("_begin") == 1


def test_where_a_day_has_few_steps_all_is_done_where_it_begins() -> None:
    step_s = 6 * 3_600
    detector = FlatDetector(series=2, step_s=step_s, budget_per_week=1.0)
    done = done_by_step(detector, counts(40, step_s))
    assert [step for step, pieces in enumerate(done) if pieces] == list(range(7, 40, 4))
    assert "_begin" in done[-1]
    assert "_share_out" in done[-1]


def test_what_a_piece_changes_holds_from_the_next_step_on_and_a_copy_goes_on_by_itself() -> None:
    rows = counts(5 * 24, 3_600)
    detector = FlatDetector(series=2, step_s=3_600, budget_per_week=1.0)
    for step, row in enumerate(rows[: 4 * 24 + 2]):
        detector.push(START_S + step * 3_600, row)
    other = copy.deepcopy(detector)
    known2 = other.coarse.known2.copy()
    detector.push(START_S + (4 * 24 + 2) * 3_600, rows[4 * 24 + 2])
    np.testing.assert_array_equal(other.coarse.known2, known2)
    left, right = (
        [one.push(START_S + step * 3_600, rows[step]).expected for step in range(first, len(rows))]
        for one, first in ((detector, 4 * 24 + 3), (other, 4 * 24 + 2))
    )
    np.testing.assert_array_equal(left, right[1:])


def test_a_day_s_shape_is_that_of_the_first_hour_after_the_noon_before_it() -> None:
    rows = counts(30 * 24, 3_600)
    changed = rows.copy()
    changed[-10:] *= 2.0
    units = []
    for some in (rows, changed):
        detector = FlatDetector(series=2, step_s=3_600, budget_per_week=1.0)
        for step, row in enumerate(some):
            detector.push(START_S + step * 3_600, row)
        assert detector.expecting.units is not None
        units.append(detector.expecting.units.unit)
    np.testing.assert_array_equal(units[0], units[1])
