"""What to expect of many series from what closed blocks have taught: week's shape, level, and past forecasts of both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats.levels import LevelBank, Levels, PastLevels
from stats.shape import Units, WeekShape, fit_day

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
HOUR_S = 3_600
DAY_S = 86_400
WEEK_S = 7 * DAY_S
SUNDAY = 6
EPOCH_WEEKDAY = 3
EARLY_WEEKS = 4
MOST_WEEKS = 20.0


class Expecting:
    """Shape and level of every series, taught block by block.

    ``between``: steps are shorter than blocks, so that shapes are interpolated. ``clean`` holds the last week's contacts
    with what must not teach replaced by what was expected.
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
        self.slots = np.zeros(self.per_week, dtype=np.int64)
        self.week_sum = np.zeros(series)
        self.blocks = 0
        self.now: Levels = self.bank.forecast()
        self.dispersion = np.ones(series)
        self.wander2 = np.zeros(series)
        self.day: int | None = None
        self.units: Units | None = None
        self.tomorrow = np.ones(series)
        self.yesterday = np.ones(series)

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
        """Expectation at level one of a step within a block, interpolated between the middles of blocks."""
        share = step_s / self.block_s
        if self.units is None:
            return np.full(len(self.dispersion), share)
        part = start_s % DAY_S // self.block_s
        at = (start_s % DAY_S % self.block_s + step_s / 2) / self.block_s - 0.5
        rows = self.units.unit
        if at < 0:
            other = rows[part - 1] if part > 0 else self.yesterday
        else:
            other = rows[part + 1] if part + 1 < len(rows) else self.tomorrow
        return np.asarray(share * ((1 - abs(at)) * rows[part] + abs(at) * other))

    def take(self, start_s: int, count: Floats, unit: Floats, expected: Floats, use: Bools) -> None:
        """Teach a closed block's contacts where ``use``; elsewhere it is remembered as expected."""
        usual = self.now.level[3] * unit
        self.bank.take(count * use, unit * use, usual * use)
        self.now = self.bank.forecast()
        self.past.keep(self.now)
        here = self.blocks % self.per_week
        self.week_sum -= self.clean[here]
        self.clean[here] = np.where(use, count, expected)
        self.teaches[here] = use
        self.slots[here] = self.slot(start_s)
        self.week_sum += self.clean[here]
        self.blocks += 1
        self._teach_shape()

    def _teach_shape(self) -> None:
        half = self.per_week // 2
        if self.blocks < self.per_week:
            return
        first = self.blocks - self.per_week if self.blocks == self.per_week else self.blocks - 1 - half
        for block in range(first, self.blocks - half):
            row = block % self.per_week
            use = self.teaches[row]
            self.shape.teach(int(self.slots[row]), self.clean[row] * use, self.week_sum / self.per_week * use)

    def new_day(self, day: int, dispersion: Floats, daily2: Floats) -> None:
        """Fit the shape of the day that begins, and the prior of levels.

        ``daily2`` is the relative variance with which a day's level wanders beyond chance, per series.
        """
        self.day, self.dispersion = day, dispersion
        self.wander2 = daily2 / max(min(self.blocks / self.per_week, MOST_WEEKS), 1.0)
        self.week_sum = self.clean.sum(axis=0)
        self.bank.learn_prior()
        seen, around = (
            self._early() if self.blocks < EARLY_WEEKS * self.per_week else (self.shape.seen, self.shape.around)
        )
        if self.units is not None:
            self.yesterday = self.units.unit[-1]
        self.units = fit_day(seen, around, self.slot(day * DAY_S) // self.per_day, dispersion, wander2=self.wander2)
        if self.between:
            self.tomorrow = fit_day(
                seen, around, self.slot((day + 1) * DAY_S) // self.per_day, dispersion, wander2=self.wander2
            ).unit[0]

    def renew(self, one: int, count: Floats, unit: Floats) -> None:
        """Series ``one`` begins anew: its level from its last blocks, its shape that of all."""
        self.shape.seen[:, :, one] = self.shape.around[:, :, one] = 0.0
        if self.units is not None:
            unit = np.where(unit > 0, 1.0, 0.0)
        self.bank.renew(one, count, unit)
        self.now = self.bank.forecast()
        for ring in (self.past.near, self.past.far):
            ring[:, :-1, one] = self.now.level[:, one]
            ring[:, -1, one] = 0.0

    def relearn(self) -> Floats:
        """In the first days, when every new one changes the shape: level anew from all there is.

        Returns the units of the remembered blocks, oldest first.
        """
        seen, around = self._early()
        days = [fit_day(seen, around, weekday, self.dispersion, wander2=self.wander2).unit for weekday in range(7)]
        rows = np.arange(max(self.blocks - self.per_week, 0), self.blocks) % self.per_week
        units = np.stack([days[slot // self.per_day][slot % self.per_day] for slot in self.slots[rows].tolist()])
        use = self.teaches[rows]
        self.bank.refill(self.clean[rows] * use, units * use)
        self.now = self.bank.forecast()
        self.past.fill(self.now)
        return units

    def _early(self) -> tuple[Floats, Floats]:
        """Sums of the shape with the blocks whose week is not yet complete, set against the weeks there are."""
        seen, around = self.shape.seen.copy(), self.shape.around.copy()
        many = min(self.blocks, self.per_week)
        pending = many if self.blocks < self.per_week else self.per_week // 2
        rows = np.arange(self.blocks - pending, self.blocks) % self.per_week
        middle = self.week_sum / max(many, 1)
        for row in rows:
            weekday, part = divmod(int(self.slots[row]), self.per_day)
            seen[weekday, part] += self.clean[row] * self.teaches[row]
            around[weekday, part] += middle * self.teaches[row]
        return seen, around
