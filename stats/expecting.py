"""What to expect of many series from what closed blocks have taught: week's shape, level, and past forecasts of both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stats.levels import LevelBank, Levels, PastLevels
from stats.shape import Rows, Units, WeekShape, fit_cells, fit_common, fit_rows
from stats.within import AROUND, Within, within

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
HOUR_S = 3_600
DAY_S = 86_400
WEEK_S = 7 * DAY_S
SUNDAY = 6
EPOCH_WEEKDAY = 3
EARLY_WEEKS = 4
MOST_WEEKS = 20.0
AT_ONCE = 1_024
CATCH_UP = 4
SHUT = 0.05


class Coming:
    """The shape of a day that has not begun, on its way: the sums it is fitted to, and what is fitted so far.

    ``units`` are of the weekdays that are needed: the day's, the one after where steps are shorter than blocks, all in the first days.
    """

    def __init__(
        self, day: int, seen: Floats, around: Floats, dispersion: Floats, *, wander2: Floats, rough2: Floats
    ) -> None:
        self.day = day
        self.seen, self.around = seen, around
        self.dispersion, self.wander2, self.rough2 = dispersion, wander2, rough2
        self.common = fit_common(seen, around, dispersion)
        self.rows: Rows | None = None
        self.units: dict[int, Units] = {}

    def fit_rows(self) -> None:
        """Parts of the day, and days."""
        self.rows = fit_rows(self.seen, self.around, self.common, self.dispersion, wander2=self.wander2)

    def fit_cells(self, weekday: int) -> None:
        """Single cells of a weekday."""
        assert self.rows is not None
        sums = (self.seen, self.around, self.rows, self.dispersion)
        self.units[weekday] = fit_cells(*sums, weekday, wander2=self.rough2)


class Expecting:
    """Shape and level of every series, taught block by block.

    Blocks below :data:`SHUT` of the usual teach no level: of a closed hour a little is expected, as shapes are shrunk, and a level that
    rests on closed hours alone says what they lack.
    ``between``: steps are shorter than blocks, which change within (:mod:`stats.within`). ``clean`` holds the last week's contacts
    with what must not teach replaced by what was expected; ``teaches`` whom they teach their shape, ``levels`` whom their level.
    """

    def __init__(self, series: int, *, block_s: int, holidays: frozenset[int], between: bool = False) -> None:
        self.block_s = block_s
        self.holidays = holidays
        self.between = between
        self.per_day = -(-DAY_S // block_s)
        self.per_week = max(WEEK_S // block_s, 2)
        self.shape = WeekShape(series, per_day=self.per_day)
        self.bank = LevelBank(series, block_h=block_s / HOUR_S)
        self.past = PastLevels(series, longest=self.per_week)
        self.clean = np.zeros((self.per_week, series))
        self.teaches = np.zeros((self.per_week, series), dtype=bool)
        self.levels = np.zeros((self.per_week, series), dtype=bool)
        self.slots = np.zeros(self.per_week, dtype=np.int64)
        self.week_sum = np.zeros(series)
        self.begun = np.full(series, -1, dtype=np.int64)
        self.blocks = 0
        self.taught = 0
        self.now: Levels = self.bank.forecast()
        self.dispersion = np.ones(series)
        self.wander2, self.rough2 = np.zeros(series), np.zeros(series)
        self.units: Units | None = None
        self.week: dict[int, Units] = {}
        self.coming: Coming | None = None
        self.tomorrow = np.ones((AROUND, series))
        self.yesterday = np.ones((AROUND, series))
        self._block: tuple[int, int, Within] | None = None

    def slot(self, start_s: int) -> int:
        """Place of a block in the week; a holiday is a Sunday."""
        day = start_s // DAY_S
        weekday = SUNDAY if day in self.holidays else (day + EPOCH_WEEKDAY) % 7
        return int(weekday * self.per_day + start_s % DAY_S // self.block_s)

    def unit(self, start_s: int) -> Floats:
        """Expectation at level one of the block that starts here."""
        if self.units is None:
            return np.ones(len(self.dispersion))
        return np.asarray(self.units.unit[start_s % DAY_S // self.block_s])

    def unit_between(self, start_s: int, step_s: int) -> Floats:
        """Expectation at level one of a step within a block; the steps of a block add up to it."""
        if self.units is None:
            return np.full(len(self.dispersion), step_s / self.block_s)
        since = start_s % DAY_S % self.block_s / self.block_s
        return self._within(start_s // DAY_S, start_s % DAY_S // self.block_s).between(
            since, since + step_s / self.block_s
        )

    def _within(self, day: int, part: int) -> Within:
        """How the running block changes, worked out once while its day's shape holds."""
        if self._block is None or self._block[:2] != (day, part):
            assert self.units is not None
            rows = self.units.unit[max(part - AROUND, 0) : part + AROUND + 1]
            before, after = (
                self.yesterday[min(part, AROUND) :],
                self.tomorrow[: max(part + AROUND + 1 - self.per_day, 0)],
            )
            self._block = (day, part, within(np.concatenate([before, rows, after])))
        return self._block[2]

    def loose(self, lags: tuple[int, ...]) -> Floats:
        """Relative variance by chance of the forecasts known ``lags`` blocks ago and in the day after, as (lags, forecasts, series)."""
        loose = self.now.loose * self.bank.looser(lags, self.blocks)
        for place, lag in enumerate(lags):
            if self.past.forecast_before(lag):
                loose[place] = self.past.loosest(lag, max(lag - self.per_day, 0))
        return loose

    def take(
        self, start_s: int, count: Floats, unit: Floats, expected: Floats, use: Bools, *, shape: Bools | None = None
    ) -> None:
        """Teach a closed block's contacts where ``use``; elsewhere it is remembered as expected, and teaches where ``shape``."""
        usual = self.now.level[3] * unit
        opened = use & (unit > SHUT)
        self.bank.take(count * opened, unit * opened, usual * opened)
        self.now = self.bank.forecast()
        self.past.keep(self.now)
        here = self.blocks % self.per_week
        self.week_sum -= self.clean[here]
        self.clean[here] = np.where(use, count, expected)
        self.teaches[here] = use if shape is None else shape
        self.levels[here] = use
        self.begun[use & (self.begun < 0)] = self.blocks
        self.slots[here] = self.slot(start_s)
        self.week_sum += self.clean[here]
        self.blocks += 1
        self._teach_shape()

    def known_s(self) -> NDArray[np.int64]:
        """For how long every series has been heard of, in seconds."""
        return np.asarray((self.blocks - self.begun) * self.block_s * (self.begun >= 0))

    def _own_week(self) -> Bools:
        """Series whose mean of the last week is their own: what stands for the time before a late one began is not."""
        begun = self.begun >= 0
        first = int(self.begun[begun].min(initial=self.blocks))
        early = self.begun < first + self.per_day
        return np.asarray(begun & (early | (self.blocks - self.begun >= self.per_week)))

    def _teach_shape(self) -> None:
        """Blocks teach half a week later, set against the week around them; the first ones some at a time."""
        if self.blocks < self.per_week:
            return
        until = min(self.blocks - self.per_week // 2, self.taught + CATCH_UP)
        own = self._own_week()
        for block in range(self.taught, until):
            row = block % self.per_week
            use = self.teaches[row] & own
            self.shape.teach(int(self.slots[row]), self.clean[row] * use, self.week_sum / self.per_week * use)
        self.taught = until

    def learn(self, dispersion: Floats, daily2: Floats, block2: Floats) -> None:
        """Dispersion, and the prior of levels, anew.

        ``daily2`` is the relative variance with which a day's level wanders beyond chance, ``block2`` that of a block, per series.
        """
        self.dispersion = dispersion
        weeks = max(min(self.blocks / self.per_week, MOST_WEEKS), 1.0)
        self.wander2, self.rough2 = daily2 / weeks, np.maximum(block2, daily2) / weeks
        self.week_sum = self.clean.sum(axis=0)
        self.bank.learn_prior()

    def pieces(self, day: int, *, week: bool) -> list[Callable[[], None]]:
        """Fitting the shape of a day, in pieces to be called in turn; of all weekdays where ``week``."""
        needed = range(7) if week else self._needed(day)
        return [partial(self._begin, day), self._fit_rows, *(partial(self._fit_cells, weekday) for weekday in needed)]

    def turn(self, day: int, *, week: bool = False) -> None:
        """A day begins: its shape holds from now on, fitted now where no pieces have fitted it."""
        needed = set(range(7) if week else self._needed(day))
        if self.coming is None or self.coming.day != day or not needed <= set(self.coming.units):
            for piece in self.pieces(day, week=week):
                piece()
        assert self.coming is not None
        past, weekday = self.units, self._weekday(day)
        self.units = self.coming.units[weekday]
        if self.between:
            past = past or self.coming.units.get(self._weekday(day - 1), self.units)
            self.yesterday = past.unit[-AROUND:]
            self.tomorrow = self.coming.units[self._weekday(day + 1)].unit[:AROUND]
        self._block = None
        self.week = self.coming.units if week else {}
        self.coming = None

    def _weekday(self, day: int) -> int:
        return self.slot(day * DAY_S) // self.per_day

    def _needed(self, day: int) -> list[int]:
        return [self._weekday(day + more) for more in range(1 + self.between)]

    def _begin(self, day: int) -> None:
        early = self.blocks < EARLY_WEEKS * self.per_week
        seen, around = self._early() if early else (self.shape.seen, self.shape.around)
        self.coming = Coming(day, seen, around, self.dispersion, wander2=self.wander2, rough2=self.rough2)

    def _fit_rows(self) -> None:
        assert self.coming is not None
        self.coming.fit_rows()

    def _fit_cells(self, weekday: int) -> None:
        assert self.coming is not None
        self.coming.fit_cells(weekday)

    def renew(self, one: int, count: Floats, unit: Floats, *, untaken: int = 0) -> None:
        """Series ``one`` begins anew: its level and its shape from its last blocks, of which ``untaken`` were not taken yet."""
        until = self.blocks + untaken
        slots = self.slots[np.arange(until - len(count), until) % self.per_week]
        heard = unit > 0
        self.shape.renew(one, slots[heard], count[heard])
        if self.units is not None:
            unit = np.where(heard, 1.0, 0.0)
        self.bank.renew(one, count, unit)
        self.now = self.bank.forecast()
        self.past.renew(one, self.now)

    def relearn(self) -> Floats:
        """In the first days, when every new one changes the shape: level anew from all there is, after a ``turn`` with ``week``.

        Returns the units of the remembered blocks, oldest first.
        """
        days = [self.week[weekday].unit for weekday in range(7)]
        rows = np.arange(max(self.blocks - self.per_week, 0), self.blocks) % self.per_week
        units = np.stack([days[slot // self.per_day][slot % self.per_day] for slot in self.slots[rows].tolist()])
        self.bank.start_over(len(rows))
        for first in range(0, len(self.dispersion), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            use = self.teaches[rows, some] & (units[:, some] > SHUT)
            self.bank.refill(some, self.clean[rows, some] * use, units[:, some] * use)
        self.now = self.bank.forecast()
        self.past.fill(self.now)
        self.week = {}
        return units

    def _early(self) -> tuple[Floats, Floats]:
        """Sums of the shape with the blocks whose week is not yet complete, set against the weeks there are."""
        seen, around = self.shape.seen.copy(), self.shape.around.copy()
        many = min(self.blocks, self.per_week)
        rows = np.arange(self.taught, self.blocks) % self.per_week
        middle, own = self.week_sum / max(many, 1), self._own_week()
        for row in rows:
            weekday, part = divmod(int(self.slots[row]), self.per_day)
            use = self.teaches[row] & own
            seen[weekday, part] += self.clean[row] * use
            around[weekday, part] += middle * use
        return seen, around
