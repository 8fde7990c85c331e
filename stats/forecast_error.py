"""How wrong past forecasts were, per window length: learnt, pooled over slices, decaying.

Var(window count) = dispersion * M + sigma_w**2 * M**2. Both are estimated by weighted least squares of the squared errors
of forecasts as they were made: at one step jointly (busy hours speak for sigma, quiet ones for dispersion), for
longer windows sigma from what dispersion leaves unexplained. Slices borrow from all where they say little themselves.
Squared errors are cut, so spikes teach little.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
CUT = 20.0
CUT_COUNTS = 25.0
PRIOR_SIGMA = 0.12
PRIOR_WINDOWS = 10.0
SLICE_WINDOWS = 6.0
PRIOR_STEPS = 50.0
SLICE_STEPS = 100.0
DISPERSION_KEEP = 0.98
_SUMS = ("mean_error", "square_error", "two", "three", "four", "over", "information")


class ForecastError:
    """Sums behind dispersion (per slice) and sigma (per window and slice)."""

    def __init__(self, windows: int, slices: int) -> None:
        self.mean_error = np.zeros(slices)
        self.square_error = np.zeros(slices)
        self.two = np.zeros(slices)
        self.three = np.zeros(slices)
        self.four = np.zeros(slices)
        self.over = np.zeros((windows, slices))
        self.information = np.zeros((windows, slices))

    def learn_dispersion(self, count: Floats, mean: Floats, variance: Floats, use: Bools) -> None:
        """Teach one step's counts."""
        square = np.minimum((count - mean) ** 2, CUT * variance + CUT_COUNTS)
        weight = use / np.maximum(variance, 1e-9) ** 2
        weighted = weight * mean
        self.mean_error += weighted * square
        weighted *= mean
        self.square_error += weighted * square
        self.two += weighted
        weighted *= mean
        self.three += weighted
        self.four += weighted * mean

    def learn_sigma(
        self, place: int, count: Floats, mean: Floats, *, variance: Floats, dispersion: Floats, use: Bools
    ) -> None:
        """Teach one window length's counts."""
        square = np.minimum((count - mean) ** 2, CUT * variance + CUT_COUNTS)
        weight = use * (mean / np.maximum(variance, 1e-9)) ** 2
        self.over[place] += weight * (square - dispersion * mean)
        self.information[place] += weight * mean**2

    def forget(self, keep: float) -> None:
        """Let past forecasts count ``keep`` times what they did; dispersion changes slowly."""
        for name in _SUMS:
            sums: Floats = getattr(self, name)
            sums *= keep if name in ("over", "information") else DISPERSION_KEEP

    def move(self, places: NDArray[np.int64]) -> None:
        """Slices anew: slice ``i`` was ``places[i]``, or is new where that is negative."""
        known = places >= 0
        for name in _SUMS:
            sums: Floats = getattr(self, name)
            setattr(self, name, np.where(known, sums[..., places], 0.0))

    def dispersion(self) -> Floats:
        """Per slice, at least 1, shrunk to the pooled value where few contacts speak."""
        two, three, four = self.two.sum() + PRIOR_STEPS, self.three.sum(), self.four.sum() + 1e-9
        first, second = self.mean_error.sum() + 1.1 * PRIOR_STEPS, self.square_error.sum()
        determinant = two * four - three**2
        sigma2 = max((second * two - first * three) / determinant, 0.0) if determinant > 1e-6 * two * four else 0.0
        pooled = max((first - sigma2 * three) / two, 1.0)
        own2 = np.maximum(self.square_error - pooled * self.three, 0.0) / np.maximum(self.four, 1e-9)
        trust = self.four * sigma2**2 / (self.four * sigma2**2 + SLICE_WINDOWS)
        explained = (trust * own2 + (1 - trust) * sigma2) * self.three
        shrunk = (self.mean_error - explained + SLICE_STEPS * pooled) / (self.two + SLICE_STEPS)
        return np.asarray(np.maximum(shrunk, 1.0))

    def sigma2(self) -> Floats:
        """Relative forecast variance per window length and slice."""
        prior = PRIOR_WINDOWS / PRIOR_SIGMA**4
        pooled = (self.over.sum(axis=1) + prior * PRIOR_SIGMA**2) / (self.information.sum(axis=1) + prior)
        pooled = np.maximum(pooled, 1e-5)[:, None]
        weight = SLICE_WINDOWS / pooled**2
        return np.asarray(np.maximum((self.over + weight * pooled) / (self.information + weight), 0.5 * pooled))
