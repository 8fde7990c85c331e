"""Where and when a spike is: the slice that explains the excess, its onset and its end.

A scan statistic over slices (Kulldorff 1997) with quasi-likelihood and a penalty for the number of slices of
that depth: an excess everywhere scores highest everywhere, one that concentrates at the slice it fills.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def scan_score(count: Floats, *, mean: Floats, dispersion: Floats, depth: NDArray[np.int64]) -> Floats:
    """Log-likelihood ratio of a raised slice against none, over-dispersed, less a penalty by depth.

    Adds up over disjoint slices, so a wider slice beats its parts exactly where the rise goes on beyond them.
    Zero or less where the count does not exceed the mean.
    """
    many = np.log(np.maximum(np.bincount(depth, minlength=4), 1))
    return np.asarray(rise_gain(count, mean) / dispersion - many[depth])


def sure_score(count: Floats, *, mean: Floats, variance: Floats, depth: NDArray[np.int64]) -> Floats:
    """Like :func:`scan_score`, with the whole of the forecast's error held against every slice (negative binomial).

    Says whether a slice is raised at all, where :func:`scan_score` says how far a rise reaches.
    """
    safe = np.maximum(mean, 1e-9)
    size = np.minimum(safe**2 / np.maximum(variance - safe, 1e-9 * safe), 1e9)
    seen = np.maximum(count, 1e-9)
    gain = seen * np.log(seen / safe) - (seen + size) * np.log((seen + size) / (safe + size))
    many = np.log(np.maximum(np.bincount(depth, minlength=4), 1))
    return np.asarray(np.where(count > safe, gain, 0.0) - many[depth])


def rise_gain(count: Floats, mean: Floats) -> Floats:
    """Poisson log-likelihood ratio of the best raised rate against the expected one; 0 where nothing is raised."""
    safe = np.maximum(mean, 1e-9)
    ratio = np.maximum(count, 1e-9) / safe
    return np.where(count > safe, count * np.log(ratio) - (count - safe), 0.0)


def last_step(count: Floats, mean: Floats) -> int:
    """The step with which a rise that began with the first step most likely ended (place of the last raised one).

    >>> last_step(np.array([9.0, 8.0, 9.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0, 2.0, 2.0]))
    2
    """
    return int(np.argmax(rise_gain(np.cumsum(count), np.cumsum(mean))))


def onset_posterior(count: Floats, mean: Floats, *, dispersion: float) -> Floats:
    """Posterior over the step at which a rise that lasts until the end began, flat prior.

    ``count`` and ``mean`` are steps of one slice, oldest first. Generalised likelihood of a raised rate from each
    step to the end, divided by dispersion. A step without expectation (a gap) begins nothing.
    """
    gain = rise_gain(np.cumsum(count[::-1])[::-1], np.cumsum(mean[::-1])[::-1])
    weight = np.where(mean > 0, np.exp((gain - gain.max()) / dispersion), 0.0)
    if not weight.any():
        weight[-1] = 1.0
    return np.asarray(weight / weight.sum())


def interval(posterior: Floats, *, level: float) -> tuple[int, int]:
    """Central interval of a posterior over steps, as first and last step.

    >>> interval(np.array([0.01, 0.03, 0.93, 0.03]), level=0.9)
    (2, 2)
    """
    below = np.cumsum(posterior)
    tail = (1.0 - level) / 2
    first = int(np.searchsorted(below, tail, side="right"))
    last = int(np.searchsorted(below, 1.0 - tail, side="left"))
    return first, min(last, len(posterior) - 1)
