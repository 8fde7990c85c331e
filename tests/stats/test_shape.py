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


def test_a_day_that_is_shut_is_not_doubted_for_a_level_that_wanders() -> None:
    """A level that wanders by a sixth: a day at a twentieth is that, about as sure as any other day is."""
    rest = np.arange(70) % 7
    seen = np.full((7, 24, 70), 1_000.0)
    seen[rest, :, np.arange(70)] = 50.0
    units = fit_day(seen, np.full(seen.shape, seen.mean()), 2, np.full(70, 2.0), wander2=0.03)
    assert units.unit[:, rest == 2].mean() / units.unit[:, rest != 2].mean() == pytest.approx(0.05, abs=0.03)
    assert units.across2[rest == 2].mean() == pytest.approx(units.across2[rest != 2].mean(), rel=0.5)


def test_how_well_a_cell_is_known_hangs_on_what_was_seen_in_it() -> None:
    seen, around = shops(100)
    units = fit_day(seen, around, 2, np.full(100, 2.0))
    shut = seen[2] < 0.05 * around[2]
    assert units.within2[shut].mean() > 10 * units.within2[~shut].mean()
