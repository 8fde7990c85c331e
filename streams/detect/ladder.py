"""One ladder of windows over the watched slices: what they hold, what was expected, and what is beyond chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats.rungs import FEWEST, LOOK_Z, Rungs, stretched
from stats.spikes import clump_rate, tail_chance

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
DAY_S = 86_400
WEEK_S = 7 * DAY_S
RAISED_SPREAD = 0.5
LEAST_SHARE = 1e-12


@dataclass(frozen=True, slots=True)
class Alarm:
    """A window beyond the budget: place of its length, slice, clumps a week that chance would show, and its tail."""

    window: int
    number: int
    per_week: float
    chance: float


class Ladder(Rungs):
    """Windows of one step width over the watched slices, forecast in one way (:mod:`stats.baseline`).

    ``share`` says how many clumps a week each window of each slice may show, ``stretch`` and ``scale`` what was learnt
    of how often they do (:class:`stats.judging.Judging`).
    """

    nested = True

    def __init__(self, step_s: int, lengths: tuple[int, ...], keep: int, slices: int, *, per_block: float) -> None:
        super().__init__(
            step_s, lengths, tuple(0 for _ in lengths), keep=keep, series=slices, per_unit=per_block, forecasts=1
        )
        self.lags_d = tuple(0 if length * step_s < DAY_S else length * step_s // DAY_S for length in lengths)
        self.share = np.zeros((len(lengths), slices))
        self.stretch = np.ones((len(lengths), slices))
        self.scale = 1.0

    def striking(self, ripe: Bools, free: Bools) -> Bools:
        """Which windows of which slices are worth reckoning with: well above their forecast, with a few contacts."""
        return np.asarray((self.z > LOOK_Z) & (self.windows.count_sums >= FEWEST) & free & ripe[:, None])

    def beyond(self, budget_per_week: float, ripe: Bools, free: Bools, *, raised: Floats | float = 1.0) -> list[Alarm]:
        """Slices whose windows together show what chance would less often than the budget allows, the rarest first.

        Each with its rarest window. With ``raised`` above 1 (one per slice, or one for all) on top of a rise by that factor, whose
        excess is known to about a half.
        """
        look = self.striking(ripe, free)
        if not look.any():
            return []
        window, number = np.nonzero(look)
        chance, odds = self._odds(window, number, self.windows.count_sums[window, number], raised)
        together = np.bincount(number, weights=odds, minlength=look.shape[1])
        order = np.lexsort((window, -odds, number))
        first = order[np.unique(number[order], return_index=True)[1]]
        alarms = [
            Alarm(int(window[i]), int(number[i]), budget_per_week / float(together[number[i]]), float(chance[i]))
            for i in first
            if together[number[i]] >= 1.0
        ]
        return sorted(alarms, key=lambda alarm: (alarm.per_week, alarm.number))

    def still_beyond(
        self, budget_per_week: float, window: int, number: Ints, explained: Floats, *, raised: Floats | float = 1.0
    ) -> list[Alarm]:
        """Of these slices' windows, those beyond the budget without what is ``explained``, the rarest first."""
        count = np.maximum(np.round(self.windows.count_sums[window, number] - explained[number]), 0.0)
        chance, odds = self._odds(np.full(len(number), window), number, count, raised)
        order = np.lexsort((number, -odds))
        return [
            Alarm(window, int(number[i]), budget_per_week / float(odds[i]), float(chance[i]))
            for i in order
            if odds[i] >= 1.0 and count[i] >= FEWEST
        ]

    def _odds(self, window: Ints, number: Ints, count: Floats, raised: Floats | float) -> tuple[Floats, Floats]:
        """Tail of these windows, and how many times rarer than its share of the budget each is."""
        times = raised if isinstance(raised, float) else raised[number]
        mean, variance = self.mean[window, number], self.variance[window, number]
        mean, variance = mean * times, variance * times + (RAISED_SPREAD * (times - 1.0) * mean) ** 2
        chance = tail_chance(count, mean=mean, variance=variance)
        chance = stretched(chance, self.stretch[window, number])
        per_week = np.maximum(clump_rate(chance, self.windows.lengths[window]) * (WEEK_S / self.step_s), LEAST_SHARE)
        return chance, self.scale * self.share[window, number] / per_week

    def excess(self, window: int, number: int) -> float:
        """Contacts above expectation in a window."""
        return float(self.windows.count_sums[window, number] - self.mean[window, number])

    def times(self, window: int, number: int, explained: Floats | float) -> float:
        """How many times its expectation a window's count is, without what is explained."""
        less = explained if isinstance(explained, float) else float(explained[number])
        return float((self.windows.count_sums[window, number] - less) / self.mean[window, number])

    def rows_since(self, start_s: int, now_s: int) -> Ints:
        """Places in the ring of the steps from ``start_s`` to ``now_s``, as far as it reaches back."""
        return self.windows.rows(max(-((start_s - now_s) // self.step_s), 1))
