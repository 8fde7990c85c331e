"""How wrong past forecasts were, per window length: learnt, pooled over slices, decaying.

Var(window count) = dispersion * M + sigma_w**2 * M**2. Both terms are estimated from forecasts as they were made and
what came: dispersion at one step, sigma_w by weighted least squares of the squared error that dispersion does not
explain. Thin slices borrow from all. Squared errors are cut at ``CUT`` variances, so spikes teach little.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CUT = 12.0
PRIOR_SIGMA = 0.12
PRIOR_WINDOWS = 10.0
SLICE_WINDOWS = 6.0
DISPERSION_STEPS = 60.0


class ForecastError:
    """Sums behind dispersion (per slice) and sigma (per window and slice)."""

    def __init__(self, windows: int, slices: int) -> None:
        self.squares = np.zeros(slices)
        self.means = np.zeros(slices)
        self.steps = np.zeros(slices)
        self.over = np.zeros((windows, slices))
        self.information = np.zeros((windows, slices))

    def learn_dispersion(self, count: Floats, mean: Floats, variance: Floats, use: NDArray[np.bool_]) -> None:
        """Teach one step's counts."""
        square = np.minimum((count - mean) ** 2, CUT * variance + 1.0)
        self.squares += np.where(use, square, 0.0)
        self.means += np.where(use, mean, 0.0)
        self.steps += use

    def learn_sigma(
        self, place: int, count: Floats, mean: Floats, variance: Floats, dispersion: Floats, use: NDArray[np.bool_]
    ) -> None:
        """Teach one window length's counts."""
        square = np.minimum((count - mean) ** 2, CUT * variance)
        weight = np.where(use & (mean > 0), 1.0 / np.maximum(variance, 1e-9) ** 2, 0.0)
        self.over[place] += weight * mean**2 * (square - dispersion * mean)
        self.information[place] += weight * mean**4

    def forget(self, keep: float) -> None:
        """Let the past count ``keep`` times what it did."""
        for sums in (self.squares, self.means, self.steps, self.over, self.information):
            sums *= keep

    def move(self, places: NDArray[np.int64]) -> None:
        """Slices anew: slice ``i`` was ``places[i]``, or is new where that is negative."""
        known = places >= 0
        for name in ("squares", "means", "steps", "over", "information"):
            sums: Floats = getattr(self, name)
            setattr(self, name, np.where(known, sums[..., places], 0.0))

    def dispersion(self) -> Floats:
        """Per slice, at least 1, shrunk to the pooled value where few contacts speak."""
        mean = self.means / np.maximum(self.steps, 1.0)
        worth = self.steps / (2.0 + 1.0 / np.maximum(mean, 1e-6))
        own = self.squares / np.maximum(self.means, 1e-9)
        pooled = (np.sum(worth * own) + DISPERSION_STEPS * 1.1) / (np.sum(worth) + DISPERSION_STEPS)
        shrunk = (worth * own + DISPERSION_STEPS * pooled) / (worth + DISPERSION_STEPS)
        return np.maximum(shrunk, 1.0)

    def sigma2(self) -> Floats:
        """Relative forecast variance per window length and slice."""
        prior = PRIOR_WINDOWS / PRIOR_SIGMA**4
        pooled = (self.over.sum(axis=1) + prior * PRIOR_SIGMA**2) / (self.information.sum(axis=1) + prior)
        pooled = np.maximum(pooled, 1e-5)[:, None]
        weight = SLICE_WINDOWS / pooled**2
        return np.maximum((self.over + weight * pooled) / (self.information + weight), 0.5 * pooled)
