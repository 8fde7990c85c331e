"""One budget over all series, window lengths and time: what every window may spend, and who has gone beyond.

A window's tail gives the rate at which chance begins such clumps; its share of the budget divided by that rate are its odds;
the odds of all windows of a series that end now add up, so that two middling windows count together (a mean of
rates by Good's rule, as in the harmonic mean p-value of Wilson 2019). A series alarms where they reach 1. That overlap of
windows, steps of counts and small misfits of the variance do not break the promise is learnt: :mod:`stats.rates`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats.rates import ClumpRates, Spending
from stats.rungs import Looked, Rungs, fair_share, stretched
from stats.spikes import clump_rate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
DAY_S = 86_400
WEEK_S = 7 * DAY_S
AIM = 0.78
LOOSE_TIMES = 50.0
LOOSEST = 1e-3
RUN_TOGETHER = 0.2
MOST_SCALE = 2.0
MEMORY_D = 300.0
AIM_WITHIN = 0.3
RAREST_PER_WEEK = 1e-290
RIPE_WINDOWS = 3


class Judging:
    """Shares, stretches and scale for several ladders of windows over the same series.

    After :meth:`begin` and one :meth:`add` per ladder that has a step ending now, ``odds`` says how far beyond its share
    each series is (1 or more, times ``scale``: alarm), ``best`` which ladder and window is the rarest, ``bits`` how
    surprising that is.
    """

    def __init__(self, rungs: Sequence[Rungs], series: int, *, budget_per_week: float) -> None:
        self.rungs = tuple(rungs)
        self.budget_per_week = budget_per_week
        self.clumps = [ClumpRates(one.windows.lengths, series) for one in rungs]
        self.stretch = [np.ones((len(one.lengths), series)) for one in rungs]
        self.share = [np.zeros((len(one.lengths), series)) for one in rungs]
        self.able = [np.ones((len(one.lengths), series), dtype=bool) for one in rungs]
        self.spending = Spending(series)
        self.scale = 0.0
        self.stated = 0.0
        self.odds, self.bits = np.zeros(series), np.zeros(series)
        self.rarest = np.full(series, np.inf)
        self.best = np.zeros((2, series), dtype=np.int64)

    def inherit(self, old: Judging) -> None:
        """Go on with what another judge of the same windows has learnt of the rates."""
        self.spending.seen, self.spending.stated = old.spending.seen, old.spending.stated
        for mine, theirs in zip(self.clumps, old.clumps, strict=True):
            mine.aim(theirs.aimed)
            mine.seen, mine.stated = theirs.seen, theirs.stated

    def begin(self) -> None:
        """A new moment: no odds yet."""
        self.odds[:], self.bits[:], self.rarest[:] = 0.0, 0.0, np.inf

    def add(self, place: int, *, ripe: Bools, free: Bools, calm: Bools) -> None:
        """Add what the windows of one ladder show where ``free``; those of ``calm`` series are counted as chance."""
        rungs, clumps = self.rungs[place], self.clumps[place]
        raw = rungs.look(ripe, free)
        judged = ripe[:, None] & (free & calm)
        self.stated += float(np.sum(self.share[place] * judged)) * rungs.step_s / WEEK_S
        fresh = calm[raw.number]
        clumps.count(raw.window[fresh], raw.number[fresh], raw.rate[fresh], rungs.mean, judged & self.able[place])
        chance = stretched(raw.chance, self.stretch[place][raw.window, raw.number])
        self._gather(place, raw, chance)

    def _gather(self, place: int, raw: Looked, chance: Floats) -> None:
        per_week = self.per_week(place, raw.window, chance)
        np.add.at(self.odds, raw.number, self.share[place][raw.window, raw.number] / per_week)
        np.maximum.at(self.bits, raw.number, -np.log2(np.maximum(chance, 1e-300)))
        order = np.argsort(-per_week, kind="stable")
        window, number, rate = raw.window[order], raw.number[order], per_week[order]
        better = rate < self.rarest[number]
        self.rarest[number[better]] = rate[better]
        self.best[0, number[better]], self.best[1, number[better]] = place, window[better]

    def per_week(self, place: int, window: Ints, chance: Floats) -> Floats:
        """Clumps a week that chance begins in one series' windows of these lengths below ``chance``."""
        rungs = self.rungs[place]
        rate = clump_rate(chance, rungs.windows.lengths[window])
        return np.maximum(rate * (WEEK_S / rungs.step_s), RAREST_PER_WEEK)

    def beyond(self, *, now_s: int, calm: Bools) -> Ints:
        """Calm series whose odds have reached 1, after the moment's clumps were counted."""
        width = np.zeros(len(self.odds), dtype=np.int64)
        for one in np.flatnonzero(self.odds).tolist():
            rungs = self.rungs[self.best[0, one]]
            width[one] = rungs.lengths[self.best[1, one]] * rungs.step_s
        self.spending.count(self.odds, now_s=now_s, length_s=width, free=calm, stated=self.stated, scale=self.scale)
        self.stated = 0.0
        return np.flatnonzero((self.odds * self.scale >= 1.0) & calm)

    def disown(self, number: int) -> None:
        """A series has a spike from now on: its running clumps are not chance's."""
        self.spending.disown(number)
        for rungs, clumps in zip(self.rungs, self.clumps, strict=True):
            clumps.disown(number, rungs.mean[:, number])

    def new_day(self, weight: Floats, *, days: float) -> None:
        """Learn from the clumps of ``days`` and share the budget out anew, in proportion to ``weight`` per series."""
        for place, rungs in enumerate(self.rungs):
            self.learn_stretch(place, rungs.mean, alive=_alive(weight), days=days)
        self.share_out(weight, days=days)

    def learn_stretch(self, place: int, mean: Floats, *, alive: int, days: float) -> None:
        """What the clumps of one ladder ask for, windows being as thick as ``mean`` and so many series alive."""
        rungs, clumps = self.rungs[place], self.clumps[place]
        clumps.forget(_kept(days))
        windows = sum(len(one.lengths) for one in self.rungs)
        tight = self.budget_per_week / (WEEK_S / rungs.step_s) / alive / windows
        aimed = float(np.clip(LOOSE_TIMES * tight, tight, max(LOOSEST, tight)))
        if not np.isclose(clumps.aimed, aimed, rtol=AIM_WITHIN):
            clumps.aim(aimed)
        self.stretch[place] = clumps.stretch(mean)

    def share_out(self, weight: Floats, *, days: float) -> None:
        """The budget in proportion to ``weight`` per series, scaled by what the clumps of all windows ask for.

        Windows for which ``days`` are too short a history have no share: it goes to the others.
        """
        self._share_out(weight, days)
        self.spending.forget(_kept(days))
        ratio = self.spending.ratio(RUN_TOGETHER * _alive(weight) / self.budget_per_week)
        self.scale = min(AIM / ratio, MOST_SCALE)

    def _share_out(self, weight: Floats, days: float) -> None:
        most = [rungs.most() * (WEEK_S / rungs.step_s) * ripe(rungs, days)[:, None] for rungs in self.rungs]
        self.able = [
            row > clumps.level[:, None] * (WEEK_S / rungs.step_s)
            for row, clumps, rungs in zip(most, self.clumps, self.rungs, strict=True)
        ]
        whole = np.concatenate(most)
        ends = np.cumsum([len(row) for row in most])[:-1]
        shares = fair_share(whole, self.budget_per_week, np.broadcast_to(weight, whole.shape))
        self.share = list(np.split(shares, ends))


def ripe(rungs: Rungs, days: float) -> Bools:
    """Which windows have enough history behind them to be judged."""
    return np.asarray(days >= RIPE_WINDOWS * rungs.windows.lengths * rungs.step_s / DAY_S)


def _alive(weight: Floats) -> int:
    return max(int((weight > 0).sum()), 1)


def _kept(days: float) -> float:
    """How much yesterday's clumps still count: those of the first third of the days, when widths were wide, hardly do."""
    return max(1.0 - 3.0 / min(max(days, 4.0), MEMORY_D), 0.25)
