"""Many series without hierarchy, judged step by step under one budget, at steps below a day.

Every step is judged by nothing later. All series share the budget: at most ``budget_per_week`` new spikes a week over
all of them together, in the long run, on streams without any.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats.errors import DomainError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
DAY_S = 86_400
NO_SPIKE = -1


class Verdict(NamedTuple):
    """What one step shows, per series.

    ``expected`` with its 95% range ``lower`` to ``upper`` (contacts in this step; NaN while nothing is known),
    ``surprise`` in bits of the most surprising window that ends here, ``spike`` the number of the running spike
    (never used again; -1 outside), ``mismeasured`` a hint at a drop, a gap or a doubled feed.
    """

    expected: Floats
    lower: Floats
    upper: Floats
    surprise: Floats
    spike: Ints
    mismeasured: Bools


class FlatDetector:
    """Feed it every step of all series, in order; a step that was left out is one that was not collected.

    Raises:
        DomainError: no series, a step outside 1 s to below a day, or a budget that is not above 0.
    """

    def __init__(
        self, *, series: int, step_s: int, budget_per_week: float, holidays: frozenset[int] = frozenset()
    ) -> None:
        if series < 1:
            raise DomainError("series", series, "1 or more")
        if not 1 <= step_s < DAY_S:
            raise DomainError("step_s", step_s, f"1 to below {DAY_S}")
        if not budget_per_week > 0:
            raise DomainError("budget_per_week", budget_per_week, "a number above 0")
        self.series = series
        self.step_s = step_s
        self.budget_per_week = budget_per_week
        self.holidays = holidays
        self._sum, self._steps = np.zeros(series), np.zeros(series)

    def push(self, start_s: int, counts: Floats) -> Verdict:
        """Judge the step that starts at ``start_s`` (epoch seconds); NaN where nothing was collected.

        Raises:
            DomainError: the step is not later than the last, not on the grid, or ``counts`` has another shape.
        """
        mean = self._sum / np.maximum(self._steps, 1.0)
        here = ~np.isnan(counts)
        self._sum[here] += counts[here]
        self._steps += here
        reach = 2.0 * np.sqrt(mean)
        return Verdict(
            expected=mean,
            lower=np.maximum(mean - reach, 0.0),
            upper=mean + reach,
            surprise=np.zeros(self.series),
            spike=np.full(self.series, NO_SPIKE, dtype=np.int64),
            mismeasured=np.zeros(self.series, dtype=bool),
        )
