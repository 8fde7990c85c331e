"""What a new day asks of a flat detector, a piece after every step, so that no step takes long.

The shape of the day that comes is fitted from the middle of a day on and holds from the next one's beginning. Forecast
errors, stretches and shares are learnt anew after a day's first steps, each from its piece on. Which piece is done when
is a function of the number of steps since the day began, so it is the same however steps arrive. Where a day has
fewer than :data:`ROOM` steps, and at the first fit, everything is done where the day begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stats.expecting import Expecting
from stats.judging import Judging
from stats.levels import MONTH
from stats.rungs import EARLY_D, Rungs

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
HOUR_S = 3_600
DAY_S = 86_400
FIRST_D = 2
AHEAD_D = 1
MEMORY_D, DISPERSION_D = 120.0, 180.0
ROOM = 24


class DailyWork:
    """Tell it of every beginning day (:meth:`begin`) and of every other step (:meth:`go_on`); the first fit is after two days.

    ``rungs`` are the ladders of windows, the coarsest (of whole blocks) last; ``alive`` is read, never written.
    """

    def __init__(
        self, expecting: Expecting, rungs: Sequence[Rungs], judging: Judging, *, step_s: int, alive: Bools
    ) -> None:
        self.expecting = expecting
        self.rungs = tuple(rungs)
        self.judging = judging
        self.alive = alive
        steps = DAY_S // step_s
        self.spread = steps >= ROOM
        self.noon = steps // 2 + 1
        self.since = 0
        self.days = 1.0
        self.wide = 0.0
        self.loose: list[Floats] = []
        self.mean: list[Floats] = []
        self.pieces: list[Callable[[], None]] = []

    def begin(self, day: int, *, days: float, wide: float) -> None:
        """A day begins after ``days`` of history; ``wide`` is what every forecast's relative variance has on top in it."""
        self.since, self.days, self.wide = 0, max(days, 1.0), wide
        if days < FIRST_D:
            return
        early = days <= EARLY_D
        at_once = not self.spread or self.expecting.coming is None or self.expecting.coming.day != day
        if at_once:
            self._learn_errors()
        self.expecting.turn(day, week=early)
        self._note()
        if early:
            self._relearn()
        for rungs in self.rungs:
            rungs.widen(wide)
        self.pieces = self._morning()
        if at_once:
            for piece in self.pieces[1:]:
                piece()
            self.pieces = []

    def go_on(self, day: int, *, days: float) -> None:
        """One more step of ``day`` has ended, ``days`` after the first."""
        self.since += 1
        if self.spread and self.since == self.noon and days + AHEAD_D >= FIRST_D:
            self.pieces = self.expecting.pieces(day + 1, week=days <= EARLY_D)
        if self.pieces:
            self.pieces.pop(0)()

    def _note(self) -> None:
        """What the morning's pieces need as it was when the day began."""
        self.loose = [self.expecting.loose(rungs.lags) for rungs in self.rungs]
        self.mean = [rungs.mean.copy() for rungs in self.rungs]

    def _morning(self) -> list[Callable[[], None]]:
        each = range(len(self.rungs))
        return [
            self._learn_errors,
            *(partial(self._calibrate, place) for place in each),
            *(partial(self._learn_stretch, place) for place in each),
            self._share_out,
            *(rungs.windows.resum for rungs in self.rungs),
        ]

    def _learn_errors(self) -> None:
        for rungs in self.rungs:
            rungs.errors.forget(*(max(1 - 3 / max(min(self.days, most), 4), 0.25) for most in (MEMORY_D, DISPERSION_D)))
        coarse = self.rungs[-1]
        daily = min(int(np.searchsorted(coarse.windows.lengths * coarse.step_s, DAY_S)), len(coarse.lengths) - 1)
        daily2, block2 = (coarse.sigma2[place, MONTH] / coarse.wider[place, MONTH] for place in (daily, 0))
        self.expecting.learn(self.rungs[0].errors.dispersion(), daily2, block2)

    def _relearn(self) -> None:
        """Units and levels anew: the first weeks' shape has changed."""
        units = self.expecting.relearn()
        windows = self.rungs[-1].windows
        rows = windows.rows(len(units))
        windows.unit[rows] = units[-len(rows) :] * (windows.unit[rows] > 0)
        for rungs in self.rungs:
            rungs.windows.resum()
            rungs.expect({lag: self.expecting.past.before(lag) for lag in set(rungs.lags)})
            rungs.compare()

    def _calibrate(self, place: int) -> None:
        """Forecast errors of one ladder's windows; those up to a week rest on the days' shape, below a day on hours besides."""
        rungs, units = self.rungs[place], self.expecting.units
        assert units is not None
        hours = (rungs.windows.lengths * rungs.step_s / HOUR_S)[:, None]
        shape2 = np.where(hours < 24, rungs.shape2, np.where(hours < 168, units.across2, 0.0))
        rungs.dispersion = self.expecting.dispersion
        rungs.calibrate(self.loose[place], shape2, wide=self.wide, days=self.days)

    def _learn_stretch(self, place: int) -> None:
        self.judging.learn_stretch(place, self.mean[place], alive=max(int(self.alive.sum()), 1), days=self.days)

    def _share_out(self) -> None:
        self.judging.share_out(self.alive.astype(np.float64), days=self.days)
