"""How far a count speaks for a rise: gains in log-likelihood that :mod:`stats.placing` and hints are built on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rise_gain(count: Floats, mean: Floats) -> Floats:
    """Poisson log-likelihood ratio of the best raised rate against the expected one, in nats; 0 where nothing is raised.

    Over-dispersed counts: divide by their dispersion (quasi-likelihood).

    >>> rise_gain(np.array([20.0, 5.0]), np.array([10.0, 10.0])).round(2).tolist()
    [3.86, 0.0]
    """
    safe = np.maximum(mean, 1e-9)
    ratio = np.maximum(count, 1e-9) / safe
    return np.where(count > safe, count * np.log(ratio) - (count - safe), 0.0)


def sure_gain(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """Negative-binomial log-likelihood ratio of the best raised rate, the forecast's error held against it.

    >>> bool(sure_gain(np.array([20.0]), np.array([10.0]), np.array([110.0]))[0] < 1.0)
    True
    """
    size = np.minimum(mean**2 / np.maximum(variance - mean, 1e-9 * mean), 1e9)
    seen = np.maximum(count, 1e-9)
    gain = seen * np.log(seen / mean) - (seen + size) * np.log((seen + size) / (mean + size))
    return np.asarray(np.where(count > mean, gain, 0.0))
