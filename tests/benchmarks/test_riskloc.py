"""The baseline works where it was made to work: forecasts with noise, counts without chance."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.riskloc import riskloc

CODES = np.stack([grid.ravel() for grid in np.indices((10, 12, 10, 8))], axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_raised_slices_are_found_where_leaves_have_no_counting_noise(seed: int) -> None:
    random = np.random.default_rng(seed)
    predict = 100 * random.weibull(0.8, len(CODES))
    real = predict * (1 + 0.05 * random.normal(size=len(CODES)))
    for pairs in (truth := (((0, seed),), ((1, 3), (2, seed + 1)))):
        real[np.all([CODES[:, dim] == code for dim, code in pairs], axis=0)] *= 2.0
    assert set(riskloc(CODES, real, predict)) == set(truth)


def test_counting_noise_of_thin_leaves_hides_them() -> None:
    random = np.random.default_rng(1)
    real = random.poisson(np.where(CODES[:, 0] == 2, 4.0, 2.0)).astype(float)
    assert riskloc(CODES, real, np.full(len(CODES), 2.0)) != [((0, 2),)]
