"""Log-linear expectations of many series at once: quasi-Poisson regression by Newton steps, all series in one product.

Every series has its own coefficients on columns that all share. A normal prior on each coefficient keeps what thin
series cannot tell near its centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats.errors import DomainError

Floats = NDArray[np.float64]
_FARTHEST = 2.0


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients (series x columns) and, per series, the inverse of the information at dispersion one."""

    coefficients: Floats
    inverse: Floats

    def mean(self, row: Floats) -> Floats:
        """Expected counts of all series at one row of columns."""
        return np.asarray(np.exp(np.clip(self.coefficients @ row, -30, 30)))

    def error(self, row: Floats) -> Floats:
        """Squared relative standard error of ``mean`` at dispersion one; assumes the columns to be right."""
        return np.asarray(np.einsum("p,spq,q->s", row, self.inverse, row))


def fit(columns: Floats, counts: Floats, use: Floats, *, precision: Floats, start: Floats, steps: int = 2) -> Fit:
    """Newton steps towards the most likely coefficients.

    Args:
        columns: Steps x columns, the first all ones.
        counts: Series x steps; any number of at least 0, past outbreaks taken out.
        use: Series x steps, 0 where a count was not collected.
        precision: Of the normal prior around 0, series x columns, in units of one expected count.
        start: Series x columns to begin from.
        steps: Newton steps; two follow a new week, eight a cold start.

    Raises:
        DomainError: shapes do not fit.
    """
    if counts.shape != use.shape or counts.shape[1] != len(columns):
        raise DomainError("counts", counts.shape, f"series x {len(columns)} steps, as use")
    width = columns.shape[1]
    upper = np.triu_indices(width)
    products = columns[:, upper[0]] * columns[:, upper[1]]
    diagonal = np.arange(width)
    beta = start
    for _ in range(steps):
        mean = np.exp(np.clip(beta @ columns.T, -30, 30)) * use
        slope = (counts * use - mean) @ columns - precision * beta
        information = _filled(mean @ products, upper, width)
        information[:, diagonal, diagonal] += precision + 1e-9
        move = np.linalg.solve(information, slope[:, :, None])[:, :, 0]
        beta = beta + np.clip(move, -_FARTHEST, _FARTHEST)
    return Fit(beta, np.asarray(np.linalg.inv(information)))


def _filled(packed: Floats, upper: tuple[NDArray[np.intp], NDArray[np.intp]], width: int) -> Floats:
    full = np.empty((len(packed), width, width))
    full[:, upper[0], upper[1]] = packed
    full[:, upper[1], upper[0]] = packed
    return full
