"""Where a spike is: the slice that explains the excess, and which slices it explains away.

A scan statistic over slices (Kulldorff 1997) with quasi-likelihood and a penalty for the number of slices of
that depth: an excess everywhere scores highest everywhere, one that concentrates at the slice it fills.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SHARE_ERROR = 0.03


def scan_score(count: Floats, *, mean: Floats, dispersion: Floats, spread2: Floats, depth: NDArray[np.int64]) -> Floats:
    """Log-likelihood ratio of a raised slice against none, over-dispersed, less a penalty by depth.

    Levels err together, shares hardly: of the forecast's relative variance ``spread2`` no more than a share's
    (``SHARE_ERROR`` squared) is held against a slice here. Zero or less where the count does not exceed the mean.
    """
    safe = np.maximum(mean, 1e-9)
    ratio = np.maximum(count, 1e-9) / safe
    gain = np.where(count > safe, count * np.log(ratio) - (count - safe), 0.0)
    many = np.log(np.maximum(np.bincount(depth, minlength=4), 1))
    return np.asarray(gain / (dispersion + np.minimum(SHARE_ERROR**2, spread2) * safe) - many[depth])


def unexplained(count: Floats, *, mean: Floats, shared: Floats) -> Floats:
    """Counts of every slice without the excess that it shares with a spike, but no lower than their expectation."""
    return np.maximum(count - np.maximum(shared, 0.0), np.minimum(count, mean))


def onset_posterior(count: Floats, mean: Floats, *, dispersion: float) -> Floats:
    """Posterior over the step at which a rise that lasts until the end began, flat prior.

    ``count`` and ``mean`` are steps of one slice, oldest first. Generalised likelihood of a raised rate from each
    step to the end, divided by dispersion. A step without expectation (a gap) begins nothing.
    """
    after_count = np.cumsum(count[::-1])[::-1]
    after_mean = np.maximum(np.cumsum(mean[::-1])[::-1], 1e-9)
    ratio = np.maximum(after_count, 1e-9) / after_mean
    gain = np.where(after_count > after_mean, after_count * np.log(ratio) - (after_count - after_mean), 0.0)
    weight = np.where(mean > 0, np.exp((gain - gain.max()) / dispersion), 0.0)
    if not weight.any():
        weight[-1] = 1.0
    return np.asarray(weight / weight.sum())


def interval(posterior: Floats, *, level: float) -> tuple[int, int]:
    """Central interval of a posterior over steps, as first and last step.

    >>> interval(np.array([0.01, 0.04, 0.9, 0.05]), level=0.9)
    (2, 2)
    """
    below = np.cumsum(posterior)
    tail = (1.0 - level) / 2
    first = int(np.searchsorted(below, tail, side="right"))
    last = int(np.searchsorted(below, 1.0 - tail, side="left"))
    return first, min(last, len(posterior) - 1)
