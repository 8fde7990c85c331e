"""Do runs of evidence begin as often as the table says? Learnt just above the budget's chance, carried over to it.

The table (:mod:`stats.evidence_table`) is of counts whose mean and dispersion are known. Here both are estimated, and
counts differ from negative binomial ones: levels wander, rare bursts make tails heavier. So runs that reach some
multiples of the budget's chance are counted over all series. The rate seen over the rate stated is taken for a power of the
chance: a Poisson regression on its logarithm with a normal prior around "as stated". Runs that become spikes
are not counted, as they may be real; neither are the chances stated for them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
MIDDLE = np.log(TIMES[1:] * TIMES[:-1]) / 2
TOGETHER = 0.025
PRIOR_SD = np.array([0.5, 0.25])
MEMORY_STEPS = 300.0
NEWTON = 8
FLATTEST = -0.6
"""Runs are told apart up to a chance of ``TOGETHER`` a step. ``PRIOR_SD`` is of the power's two coefficients; its slope is at
least ``FLATTEST``. What was seen in the first third of the last ``MEMORY_STEPS`` steps, when little was known, hardly counts."""


class Runs:
    """Runs counted by how rare they are, for series that share one budget.

    ``seen`` and ``stated`` are runs that reached each of :data:`TIMES` times the budget's chance.

    Args:
        series: How many.
        join: Steps within which two runs are one.
    """

    def __init__(self, series: int, *, join: int) -> None:
        self.join = join
        self.seen, self.stated = np.zeros(len(TIMES)), np.zeros(len(TIMES))
        self._since = np.full((len(TIMES), series), 10**6, dtype=np.int64)
        self._counted = np.zeros((len(TIMES), series))
        self._steps = 0

    def count(self, clump: Floats, *, level: float, limit: float, judged: Bools, spike: Bools) -> None:
        """One step.

        Args:
            clump: Chance that a run of such evidence begins, per series.
            level: The budget's share of one series and step.
            limit: The chance at which spikes are opened now.
            judged: Series that could have had a spike.
            spike: Series that have one.
        """
        self._steps += 1
        keep = max(1.0 - 3.0 / min(max(self._steps, 4.0), MEMORY_STEPS), 0.25)
        self.seen *= keep
        self.stated *= keep
        self._counted *= keep
        levels = TIMES * level
        calm = judged & ~spike
        self.stated += np.maximum(levels - limit, 0.0) * float(calm.sum())
        beyond = judged & (clump <= levels[:, None])
        begun = beyond & calm & (self._since > self.join)
        self.seen = np.maximum(self.seen + begun.sum(axis=1) - np.sum(self._counted * spike, axis=1), 0.0)
        self._since = np.where(beyond | spike, 0, self._since + 1)
        self._counted = np.where(begun, 1.0, self._counted * (~spike & (self._since <= self.join)))

    def times(self, level: float, aim: float) -> float:
        """The multiple of the budget's chance ``level`` at which ``aim`` of the budget's runs begin.

        ``aim`` itself until enough is counted, and where ``level`` is so high that runs cannot be told apart. On streams of
        chance whose tail is a power of the stated one (.75 to 1.2) .6 to 1.1 of the budget is spent after 300 steps of 200 series.
        """
        use = TIMES[1:] * level <= TOGETHER
        power = self._power(use) if use.any() else np.zeros(2)
        steep = 1.0 + max(float(power[1]), FLATTEST)
        return float((aim * steep * np.exp(-power[0])) ** (1.0 / steep))

    def _power(self, use: Bools) -> Floats:
        """Logarithm of rate seen over rate stated at the budget's chance, and what it gains per logarithm of the chance."""
        seen, stated = np.maximum(np.diff(self.seen)[use], 0.0), np.diff(self.stated)[use]
        columns = np.stack([np.ones(int(use.sum())), MIDDLE[use]], axis=1)
        power = np.zeros(2)
        for _ in range(NEWTON):
            mean = stated * np.exp(np.clip(columns @ power, -5, 5))
            slope = (seen - mean) @ columns - power / PRIOR_SD**2
            power = power + np.linalg.solve((columns.T * mean) @ columns + np.diag(PRIOR_SD**-2), slope)
        return np.asarray(power)
