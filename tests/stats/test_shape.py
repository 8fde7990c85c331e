from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.shape import fit_common, fit_day

Floats = NDArray[np.float64]


def shops(series: int) -> tuple[Floats, Floats]:
    """What eight weeks show of shops that open at six to eleven and rest on a day of their own, without chance."""
    random = np.random.default_rng(5)
    opens, rest = random.integers(6, 12, series), random.integers(0, 7, series)
    hour, day = np.arange(24)[:, None], np.arange(7)[:, None]
    usual = np.where((hour >= opens) & (hour < 20), 2.0, 0.02)[None] * np.where(day == rest, 0.05, 1.0)[:, None]
    around = np.full(usual.shape, 8 * 500.0)
    return usual / usual.mean(axis=(0, 1)) * around, around


def test_where_all_open_and_rest_as_they_like_no_cell_is_everybodys() -> None:
    seen, around = shops(100)
    common = fit_common(seen, around, np.full(100, 2.0))[:, :, 0]
    product = np.outer(common.mean(axis=1), common.mean(axis=0)) / common.mean()
    assert common == pytest.approx(product, rel=0.05)


def test_an_opening_hour_that_hardly_anybody_has_is_learnt() -> None:
    seen, around = shops(100)
    units = fit_day(seen, around, 2, np.full(100, 2.0), wander2=0.001)
    assert units.unit == pytest.approx((seen / around)[2], rel=0.1, abs=0.02)
