from __future__ import annotations

import numpy as np
import pytest

from stats.blurred import Blurred

HOUR_S = 3_600


def test_a_window_is_known_as_well_as_its_hours_and_its_day() -> None:
    blurred = Blurred((HOUR_S, 3 * HOUR_S, 24 * HOUR_S), block_s=HOUR_S)
    for unit, within2 in ((5.0, 0.5), (0.5, 0.4), (2.0, 0.01), (2.0, 0.01)):
        blurred.begin(np.array([unit]), np.array([within2]))
    one, three = blurred.shape2(np.array([0.001]))[:, 0]
    assert one == pytest.approx(0.011)
    assert three == pytest.approx((0.5**2 * 0.4 + 2 * 2.0**2 * 0.01) / 4.5**2 + 0.001)


def test_steps_within_a_block_are_known_as_well_as_it() -> None:
    blurred = Blurred((300, 3 * 300, 3 * HOUR_S), block_s=HOUR_S)
    for within2 in (0.3, 0.02):
        blurred.begin(np.ones(2), np.full(2, within2))
    assert blurred.shape2(np.zeros(2))[:2] == pytest.approx(0.02)


def test_a_ladder_without_short_windows_has_nothing_to_learn() -> None:
    blurred = Blurred((24 * HOUR_S,), block_s=6 * HOUR_S)
    blurred.begin(np.ones(2), np.ones(2))
    assert blurred.shape2(np.zeros(2)).shape == (0, 2)
