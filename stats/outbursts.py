"""How much of a past count was an outbreak? A mixture per step, so that past outbreaks teach no expectation.

A step's count is background, or background plus a Poisson excess of one of a few sizes. What is used for learning is
the expected background and its expected squared deviation, given the count (the E-step of Dempster, Laird and Rubin
1977), so that ordinary high counts keep almost all their weight and their dispersion is not cut short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]
SIZES = (2.0, 4.0, 8.0, 16.0)
RARE = 0.002
NEAR = 0.1
LEAST_EXTRA = 1e-4


@dataclass(frozen=True, slots=True)
class Background:
    """Expected background and squared deviation from the mean per step, and the chance that the step is an outbreak's."""

    count: Floats
    square: Floats
    outbreak: Floats


def log_chance(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """Logarithm of the chance of a count under a negative binomial of that mean and variance.

    Without the factorial of the count, which cancels in every ratio. Nearly Poisson where variance does not exceed mean.
    """
    extra = np.maximum(variance / mean - 1.0, LEAST_EXTRA)
    size = mean / extra
    grown = np.log1p(extra)
    return np.asarray(gammaln(count + size) - gammaln(size) - size * grown + count * (np.log(extra) - grown))


def background(count: Floats, mean: Floats, dispersion: Floats, before: Floats | None = None) -> Background:
    """Split counts (series x steps) at expectations ``mean`` with variance ``dispersion * mean``.

    Args:
        count: Counts; steps that were not collected may hold any number.
        mean: Expected counts, above 0.
        dispersion: Per series, at least 1.
        before: The chances found before; a neighbour's outbreak makes one likelier here.
    """
    phi = np.broadcast_to(dispersion[:, None], count.shape)
    off = count - mean
    made = Background(count.copy(), off * off, np.zeros_like(count))
    place = np.nonzero(off > 1.2 * np.sqrt(phi * mean))
    y, m, v = count[place], mean[place], phi[place] * mean[place]
    prior = np.full(y.shape, RARE) if before is None else _prior(before)[place]
    excess = np.sqrt(v) * np.array(SIZES)[:, None]
    ratio = np.exp(np.minimum(log_chance(y, m + excess, v + excess) - log_chance(y, m, v), 600))
    weight = np.concatenate([(1 - prior)[None], prior / len(SIZES) * ratio])
    weight /= weight.sum(axis=0)
    share = v / (v + excess)
    kept = share * (y - m - excess)
    made.count[place] = m + weight[0] * (y - m) + np.sum(weight[1:] * kept, axis=0)
    made.square[place] = weight[0] * (y - m) ** 2 + np.sum(weight[1:] * (kept**2 + share * excess), axis=0)
    made.outbreak[place] = 1 - weight[0]
    return made


def _prior(outbreak: Floats) -> Floats:
    """A step's prior chance of outbreak, from its neighbours'."""
    near = np.zeros_like(outbreak)
    near[:, 1:] = outbreak[:, :-1]
    near[:, :-1] = np.maximum(near[:, :-1], outbreak[:, 1:])
    return np.asarray(RARE + NEAR * near)


def dispersion(
    found: Background, mean: Floats, use: Floats, at: Floats, *, worth: float, usual: Floats | float
) -> Floats:
    """Variance over mean per series from expected squares, each step weighed by how well it tells it.

    Args:
        found: Expected squares.
        mean: Expected counts.
        use: 0 where a step says nothing.
        at: The dispersion assumed in the weights, per series.
        worth: Steps' worth of prior at ``usual``.
        usual: Dispersion of the prior.

    Returns:
        Per series, at least 1. Relative standard error about ``sqrt(2 / steps)`` where counts are thick.
    """
    phi = at[:, None]
    weight = use * 2 * phi**2 / (2 * phi**2 + phi * (1 + 6 * phi * (phi - 1)) / mean)
    told = np.sum(weight * found.square / mean, axis=1) + worth * usual
    return np.asarray(np.maximum(told / (weight.sum(axis=1) + worth), 1.0))
