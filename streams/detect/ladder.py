"""One ladder of windows over the watched slices: what they hold, what was expected, and what is beyond chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats.forecast_error import ForecastError
from stats.spikes import clump_rate, tail_chance
from stats.windows import Windows

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DAY_S = 86_400
WEEK_S = 7 * DAY_S
FEWEST = 4.0
WORTH_A_LOOK = 2.8
RAISED_SPREAD = 0.5
LOCAL = 5.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """A window beyond the budget: place of its length, slice, clumps a week that chance would show, and its tail."""

    window: int
    number: int
    per_week: float
    chance: float


class Ladder:
    """Windows of one step width with their expectation and its error.

    ``level[i]`` is the level known before a window of ``lengths[i]`` began; ``spread2`` the relative forecast variance.
    """

    def __init__(self, step_s: int, lengths: tuple[int, ...], keep: int, slices: int) -> None:
        self.step_s = step_s
        self.lengths = lengths
        self.windows = Windows(lengths, keep=keep, slices=slices)
        self.error = ForecastError(len(lengths), slices)
        self.lags_d = tuple(0 if length * step_s < DAY_S else length * step_s // DAY_S for length in lengths)
        self.level = np.ones((len(lengths), slices))
        self.learnt2 = np.zeros((len(lengths), slices))
        self.spread2 = np.ones((len(lengths), slices))
        self.share = np.ones((len(lengths), slices))
        self.dispersion = np.ones(slices)
        self.mean = np.zeros((len(lengths), slices))
        self.variance = np.zeros((len(lengths), slices))
        self.z = np.zeros((len(lengths), slices))
        self.starts_s: list[int] = []

    def push(self, count: Floats, unit: Floats) -> None:
        """Take a step in and compare every window with what was expected of it."""
        self.windows.push(count, unit)
        self.compare()

    def compare(self) -> None:
        """Means, variances and standardised excesses of the windows that end now."""
        np.multiply(self.windows.unit_sums, self.level, out=self.mean)
        np.maximum(self.mean, 1e-6, out=self.mean)
        np.multiply(self.mean, self.spread2, out=self.variance)
        self.variance += self.dispersion
        self.variance *= self.mean
        np.subtract(self.windows.count_sums, self.mean, out=self.z)
        self.z /= np.sqrt(self.variance)

    def learn(self, free: Bools) -> None:
        """Teach the windows that end now, where ``free`` of spikes, to the forecast error."""
        steps = self.windows.steps
        day = max(DAY_S // self.step_s, 1)
        for place, length in enumerate(self.lengths):
            if steps % min(length, day) or steps <= length:
                continue
            count, mean = self.windows.count_sums[place], self.mean[place]
            use = free & (mean > 1e-5)
            if place == 0:
                self.error.learn_dispersion(count, mean * self._around(), self.variance[place], use)
            self.error.learn_sigma(
                place, count, mean, variance=self.variance[place], dispersion=self.dispersion, use=use
            )

    def _around(self) -> Floats:
        """How far the level around now is from what was forecast; a wrong level must not look like dispersion."""
        place = next((i for i, n in enumerate(self.lengths) if n >= 24), len(self.lengths) - 1)
        count, mean = self.windows.count_sums[place], self.mean[place]
        whole = (count[0] + 1.0) / (mean[0] + 1.0)
        return np.asarray((count + LOCAL * whole) / (mean + LOCAL))

    def beyond(self, budget_per_week: float, ripe: Bools, free: Bools, *, raised: float = 1.0) -> list[Alarm]:
        """Windows whose excess chance would show less often than the budget allows, the rarest first.

        With ``raised`` above 1, on top of a rise by that factor, which itself is known to about a half.
        """
        look = (self.z > WORTH_A_LOOK) & (self.windows.count_sums >= FEWEST) & free & ripe[:, None]
        if not look.any():
            return []
        place, number = np.nonzero(look)
        mean, variance = self._usual(place, number, raised)
        chance = tail_chance(self.windows.count_sums[place, number], mean=mean, variance=variance)
        per_week = clump_rate(chance, self.windows.lengths[place]) * (WEEK_S / self.step_s) / self.share[place, number]
        order = np.lexsort((number, place, per_week))
        return [
            Alarm(int(place[i]), int(number[i]), float(per_week[i]), float(chance[i]))
            for i in order
            if per_week[i] <= budget_per_week
        ]

    def _usual(self, place: NDArray[np.int64], number: NDArray[np.int64], raised: float) -> tuple[Floats, Floats]:
        mean, variance = self.mean[place, number] * raised, self.variance[place, number] * raised
        return mean, variance + (RAISED_SPREAD * mean) ** 2 if raised > 1.0 else variance

    def still_beyond(
        self, budget_per_week: float, window: int, number: NDArray[np.int64], explained: Floats, *, raised: float = 1.0
    ) -> list[Alarm]:
        """Of these slices' windows, those beyond the budget without what is ``explained``, the rarest first."""
        mean, variance = self._usual(np.full(len(number), window), number, raised)
        count = np.maximum(np.round(self.windows.count_sums[window, number] - explained[number]), 0.0)
        chance = tail_chance(count, mean=mean, variance=variance)
        length = np.full(len(number), self.lengths[window])
        per_week = clump_rate(chance, length) * (WEEK_S / self.step_s) / self.share[window, number]
        order = np.lexsort((number, per_week))
        return [
            Alarm(window, int(number[i]), float(per_week[i]), float(chance[i]))
            for i in order
            if per_week[i] <= budget_per_week and count[i] >= FEWEST
        ]

    def excess(self, window: int, number: int) -> float:
        """Contacts above expectation in a window."""
        return float(self.windows.count_sums[window, number] - self.mean[window, number])

    def times(self, window: int, number: int, explained: Floats | float) -> float:
        """How many times its expectation a window's count is, without what is explained."""
        less = explained if isinstance(explained, float) else float(explained[number])
        return float((self.windows.count_sums[window, number] - less) / self.mean[window, number])

    def rows_since(self, start_s: int, now_s: int) -> NDArray[np.int64]:
        """Places in the ring of the steps from ``start_s`` to ``now_s``, as far as it reaches back."""
        return self.windows.rows(max(-((start_s - now_s) // self.step_s), 1))
