"""Do clumps come as often as their tails say? Learnt where they are frequent, carried over to where they are rare.

Windows' tails rest on variances that were estimated; at the budget an error of a tenth makes three times too many
alarms. So clumps at a level some fifty times as frequent as the budget's are counted, and standard deviations stretched by the
normal quantiles of the rate seen and the rate stated. Assumes that misfit scales the standard deviation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from stats.spikes import clump_rate

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
CLASSES = (3.0, 100.0)
PRIOR_CLUMPS = 20.0
LEAST, MOST = 0.9, 1.6
TIMES = np.array([4.0, 10.0, 25.0, 60.0])
USUAL = 1.25
GROWS = 0.15
SLOPE = 0.1
APART = 0.03
LEAST_LOG, MOST_LOG = -80.0, float(np.log(0.1))
SECANTS = 8
TINY = 1e-12


class ClumpRates:
    """Clumps counted per window length and class of volume, and the stretch that they ask for."""

    def __init__(self, lengths: Ints, series: int) -> None:
        self.lengths = lengths
        shape = (len(lengths), len(CLASSES) + 1)
        self.seen, self.stated = np.zeros(shape), np.zeros(shape)
        self.last = np.full((len(lengths), series), -(10**9), dtype=np.int64)
        self.counted = np.zeros((len(lengths), series), dtype=bool)
        self.level = np.zeros(len(lengths))
        self.aimed = 0.0
        self.chance = np.zeros(len(lengths))
        self.steps = 0

    def aim(self, rate: float) -> None:
        """Count clumps that begin at this rate per series, window and step, less often where they would run together."""
        self.aimed = rate
        self.seen[:], self.stated[:] = 0.0, 0.0
        self.level = np.minimum(rate, APART / self.lengths)
        self.chance = chance_of(self.level, self.lengths)

    def count(self, window: Ints, number: Ints, rate: Floats, mean: Floats, judged: Bools) -> None:
        """One step: windows looked at (unstretched rates), and which windows of which series were judged at all."""
        self.steps += 1
        grade = np.digitize(mean, CLASSES)
        for kind in range(len(CLASSES) + 1):
            self.stated[:, kind] += np.sum(judged & (grade == kind), axis=1) * self.level
        beyond = (rate <= self.level[window]) & judged[window, number]
        window, number = window[beyond], number[beyond]
        new = self.steps - self.last[window, number] > self.lengths[window]
        np.add.at(self.seen, (window[new], grade[window[new], number[new]]), 1.0)
        self.last[window, number] = self.steps
        self.counted[window[new], number[new]] = True

    def disown(self, number: int, mean: Floats) -> None:
        """A series' running clumps became a spike: they are not chance's."""
        running = np.flatnonzero(self.counted[:, number] & (self.steps - self.last[:, number] <= self.lengths))
        grade = np.digitize(mean[running], CLASSES)
        self.seen[running, grade] = np.maximum(self.seen[running, grade] - 1.0, 0.0)
        self.counted[:, number] = False

    def forget(self, keep: float) -> None:
        """Let past clumps count that much of what they did."""
        self.seen *= keep
        self.stated *= keep

    def stretch(self, mean: Floats) -> Floats:
        """By how much standard deviations have to be stretched, per window and series."""
        whole = (self.seen.sum() + PRIOR_CLUMPS) / (self.stated.sum() + PRIOR_CLUMPS)
        row = (self.seen.sum(axis=1) + PRIOR_CLUMPS * whole) / (self.stated.sum(axis=1) + PRIOR_CLUMPS)
        ratio = (self.seen + PRIOR_CLUMPS * row[:, None]) / (self.stated + PRIOR_CLUMPS)
        lengths = np.broadcast_to(self.lengths[:, None], ratio.shape)
        asked = ndtri(self.chance)[:, None] / ndtri(chance_of(self.level[:, None] * ratio, lengths))
        by = np.clip(asked, LEAST, MOST)
        return np.asarray(np.take_along_axis(by, np.digitize(mean, CLASSES), axis=1))


class Spending:
    """How many clumps all windows together begin, against what is stated, at some multiples of the budget.

    Windows overlap (one burst shows in several), counts come in steps, evidence of windows is added up: what that makes
    of the budget is learnt where clumps are frequent enough to be counted, and expected to be :data:`USUAL` before.
    """

    def __init__(self, series: int) -> None:
        self.seen, self.stated = np.zeros(len(TIMES)), np.zeros(len(TIMES))
        self.last = np.full((len(TIMES), series), -(10**15), dtype=np.int64)
        self.counted = np.zeros((len(TIMES), series), dtype=bool)
        self.runs_until = self.last.copy()
        self.now_s = 0

    def count(self, odds: Floats, *, now_s: int, length_s: Ints, free: Bools, stated: float, scale: float) -> None:
        """One step: odds per series (1: at the budget), the rarest window's width, clumps ``stated`` in this step.

        Those beyond 1 / ``scale`` open spikes and are not counted.
        """
        self.now_s = now_s
        self.stated += stated * np.maximum(TIMES - scale, 0.0)
        for place, times in enumerate(TIMES.tolist()):
            beyond = np.flatnonzero((odds * times >= 1.0) & free)
            new = now_s - self.last[place, beyond] > length_s[beyond]
            self.seen[place] += float(new.sum())
            self.last[place, beyond] = now_s
            self.runs_until[place, beyond] = now_s + length_s[beyond]
            self.counted[place, beyond[new]] = True

    def forget(self, keep: float) -> None:
        """Let past clumps count that much of what they did."""
        self.seen *= keep
        self.stated *= keep

    def disown(self, number: int) -> None:
        """A series' running clump became a spike: only those that stay below the budget are counted, as real ones do not."""
        running = self.counted[:, number] & (self.runs_until[:, number] >= self.now_s)
        self.seen = np.maximum(self.seen - running, 0.0)
        self.counted[:, number] = False

    def ratio(self, most_times: float) -> float:
        """Clumps seen per clump stated, at the budget; multiples above ``most_times`` run together and are left out."""
        spread2 = 1.0 / (self.seen + PRIOR_CLUMPS) + (SLOPE * np.log(TIMES)) ** 2
        weight = (most_times >= TIMES) / spread2
        if not weight.any():
            return USUAL
        logs = GROWS * np.log(TIMES)
        logs += np.log((self.seen + USUAL * TIMES**-GROWS * PRIOR_CLUMPS) / (self.stated + PRIOR_CLUMPS))
        return float(np.exp(weight @ logs / weight.sum()))


def chance_of(rate: Floats, lengths: Ints) -> Floats:
    """The tail chance at which a window's clumps begin at ``rate`` per step: the inverse of ``clump_rate``, up to a tenth.

    By secants on logarithms, in which the rate is almost a straight line.
    """
    wanted = np.log(rate)
    before = np.clip(wanted, LEAST_LOG, MOST_LOG)
    over = _too_many(before, wanted, lengths)
    here = np.clip(before - over, LEAST_LOG, MOST_LOG)
    for _ in range(SECANTS):
        more = _too_many(here, wanted, lengths)
        apart, rise = here - before, more - over
        straight = (np.abs(apart) > TINY) & (rise * apart > 0)
        step = np.where(straight, more * apart / np.where(straight, rise, 1.0), more)
        before, over, here = here, more, np.clip(here - step, LEAST_LOG, MOST_LOG)
    return np.asarray(np.exp(here))


def _too_many(log_chance: Floats, log_rate: Floats, lengths: Ints) -> Floats:
    return np.asarray(np.log(clump_rate(np.exp(log_chance), lengths)) - log_rate)
