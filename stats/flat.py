"""Many series without hierarchy, judged step by step under one budget, at steps below a day.

Every step is judged by nothing later. All series share the budget: at most ``budget_per_week`` new spikes a week over
all of them together, in the long run, on streams without any.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats.blurred import Blurred
from stats.daily_work import DailyWork
from stats.errors import DomainError
from stats.expecting import Expecting
from stats.habits import Habits
from stats.judging import RIPE_WINDOWS, Judging, ripe
from stats.rungs import Rungs, early_width
from stats.windows import ladder as ladder_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
HOUR_S = 3_600
DAY_S = 86_400
WEEK_S = 7 * DAY_S
FINE_S = 3 * HOUR_S
NO_SPIKE = -1
WARM_D = 4
STAYS_S = 14 * DAY_S
RETURN_S = DAY_S
LATE_S = DAY_S
QUIET_Z = 1.0
CUT_SD = 5.0
CUT_COUNTS = 3.0
SILENT_NATS = 16.1
LONGEST_SHUT_S = 6 * DAY_S
DROP_Z = -6.0
DOUBLED_MEAN = 400.0
DOUBLED_NEAR = 0.1
HOLIDAY2 = 0.09


class Verdict(NamedTuple):
    """What one step shows, per series.

    ``expected`` with its 95% range ``lower`` to ``upper`` (contacts in this step; NaN while nothing is known),
    ``surprise`` in bits of the most surprising window that ends here (0 where none is beyond 2.4 sd), ``spike`` the
    number of the running spike (never used again; -1 outside), ``mismeasured`` a hint at a drop, a gap or a doubled feed.
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
        self.per_block = max(HOUR_S // step_s, 1)
        self.block_s = step_s * self.per_block
        fine = self.per_block > 1
        self.expecting = Expecting(series, block_s=self.block_s, holidays=holidays, between=fine)
        lengths = ladder_of(self.block_s, longest_s=WEEK_S, shortest_s=FINE_S if fine else 0)
        self.coarse = Rungs(
            self.block_s, lengths, tuple(n - 1 for n in lengths), keep=2 * max(lengths) + 2, series=series
        )
        self.fine: Rungs | None = None
        if fine:
            lengths = ladder_of(step_s, longest_s=FINE_S)
            lags = tuple(-(-(n - 1) // self.per_block) for n in lengths)
            self.fine = Rungs(
                step_s,
                lengths,
                lags,
                keep=max(DAY_S // step_s, 2 * max(lengths)) + 2,
                series=series,
                per_unit=self.per_block,
            )
        self.all_rungs = [rungs for rungs in (self.fine, self.coarse) if rungs is not None]
        self.blurred = [
            Blurred(tuple(length * rungs.step_s for length in rungs.lengths), block_s=self.block_s)
            for rungs in self.all_rungs
        ]
        self.judging = Judging(self.all_rungs, series, budget_per_week=budget_per_week)
        self.first_s: int | None = None
        self.next_s = 0
        self.day = 0
        self.alive = np.zeros(series, dtype=bool)
        self.work = DailyWork(self.expecting, self.all_rungs, self.judging, step_s=step_s, alive=self.alive)
        self.spike = np.full(series, NO_SPIKE, dtype=np.int64)
        self.last_spike = np.full(series, NO_SPIKE, dtype=np.int64)
        self.opened_s = np.zeros(series, dtype=np.int64)
        self.ended_s = np.full(series, -(10**15), dtype=np.int64)
        self.found = np.zeros((2, series), dtype=np.int64)
        self.spikes = 0
        self.raised = np.zeros(series)
        self.muted_until_s = np.full(series, -(10**15), dtype=np.int64)
        self.doubted_until_s = self.muted_until_s.copy()
        self.silent = np.zeros(series)
        self.silent_steps = np.zeros(series, dtype=np.int64)
        self.missing = np.zeros(series, dtype=np.int64)
        self.habits = Habits(series, per_week=self.expecting.per_week, near=DAY_S // 2 // self.block_s)
        self.block_count, self.block_unit, self.block_full = np.zeros(series), np.zeros(series), np.zeros(series)
        self.block_left_out = np.zeros(series, dtype=bool)

    @property
    def days(self) -> float:
        """Days seen."""
        return 0.0 if self.first_s is None else (self.next_s - self.first_s) / DAY_S

    @property
    def fitted(self) -> bool:
        """Whether there is an expectation."""
        return self.expecting.units is not None

    def push(self, start_s: int, counts: Floats) -> Verdict:
        """Judge the step that starts at ``start_s`` (epoch seconds); NaN where nothing was collected.

        Raises:
            DomainError: the step is not later than the last, not on the grid, or ``counts`` has another shape.
        """
        if counts.shape != (self.series,):
            raise DomainError("counts", counts.shape, f"({self.series},)")
        if self.first_s is None:
            self.first_s = self.next_s = start_s
            self.day = start_s // DAY_S
        if start_s < self.next_s or (start_s - self.next_s) % self.step_s:
            raise DomainError("start_s", start_s, f"{self.next_s} or whole steps of {self.step_s} later")
        while self.next_s < start_s:
            self._step(self.next_s, np.full(self.series, np.nan))
        return self._step(start_s, counts)

    def _step(self, start_s: int, counts: Floats) -> Verdict:
        self.next_s = start_s + self.step_s
        heard = ~np.isnan(counts)
        count = np.where(heard, counts, 0.0)
        full = self._unit(start_s)
        self._blur(start_s)
        self._note_missing(heard)
        finest = self.all_rungs[0]
        expected = full * finest.level[0] if self.fitted else np.full(self.series, np.nan)
        hint = self._note_silence(count, heard, expected)
        left_out = ~heard | (start_s < self.muted_until_s)
        unit = np.where(left_out, 0.0, full)
        kept = np.where(left_out, 0.0, count)
        self.block_count += kept
        self.block_unit += unit
        self.block_full += full
        self.block_left_out |= left_out
        self.judging.begin()
        if self.fine is not None:
            self._advance(0, kept, unit)
        if self._block_ends():
            self._advance(len(self.all_rungs) - 1, self.block_count, self.block_unit)
        self._follow(start_s)
        self._open(start_s)
        self.alive |= count > 0
        if self._block_ends():
            self._close_block(start_s)
        self._work()
        hint |= self._odd(finest)
        lower, upper = finest.usual_range(expected)
        return Verdict(expected, lower, upper, self.judging.bits.copy(), self.spike.copy(), hint)

    def _unit(self, start_s: int) -> Floats:
        if self.fine is None:
            return self.expecting.unit(start_s)
        return self.expecting.unit_between(start_s, self.step_s)

    def _blur(self, start_s: int) -> None:
        """Every block's shape is known as well as it is known."""
        units = self.expecting.units
        if units is None or start_s % self.block_s >= self.step_s:
            return
        within2 = units.within2[start_s % DAY_S // self.block_s]
        for rungs, blurred in zip(self.all_rungs, self.blurred, strict=True):
            blurred.begin(self.expecting.unit(start_s), within2)
            rungs.blur(blurred.shape2(units.across2))

    def _block_ends(self) -> bool:
        return self.fine is None or self.next_s % self.block_s < self.step_s

    def _note_missing(self, heard: Bools) -> None:
        """After a gap nothing is judged for as long again, a day at most: what was held back may arrive at once."""
        back = heard & (self.missing > 1)
        if back.any():
            again = np.minimum(self.missing[back] * self.step_s, DAY_S)
            self.muted_until_s[back] = self.next_s - self.step_s + again
        self.missing = np.where(heard, 0, self.missing + 1)

    def _note_silence(self, count: Floats, heard: Bools, expected: Floats) -> Bools:
        """Nothing at all where chance would show that less than once in ten million is a gap; in a first week it teaches, as a day may be shut."""
        if not self.fitted:
            return ~heard
        finest = self.all_rungs[0]
        extra = np.maximum((finest.dispersion - 1) / np.maximum(expected, 1e-9) + finest.spread2[0], 1e-9)
        quiet = heard & (count == 0) & self.alive
        was = self.silent > SILENT_NATS
        self.silent = np.where(quiet, self.silent + np.log1p(expected * extra) / extra, 0.0)
        ended = was & heard & (count > 0)
        if ended.any():
            again = self.next_s - self.step_s + np.minimum(self.silent_steps * self.step_s, DAY_S)
            self.muted_until_s = np.where(ended & self._week_known(), again, self.muted_until_s)
            self.doubted_until_s = np.where(ended, again, self.doubted_until_s)
        self.silent_steps = np.where(quiet, self.silent_steps + 1, 0)
        gap = self.silent > SILENT_NATS
        known = self._week_known()
        for one in np.flatnonzero(gap & ~was & known):
            self._take_back_silence(int(one))
        self.muted_until_s[gap & known] = self.next_s + self.step_s
        self.doubted_until_s[gap & ~known] = self.next_s + self.step_s
        return np.asarray(gap | ~heard)

    def _week_known(self) -> Bools:
        """Who has been heard of for a week: before, a day never seen may be shut, or far above those seen."""
        return np.asarray(self.expecting.known_s() >= WEEK_S)

    def _take_back_silence(self, one: int) -> None:
        before = int(self.silent_steps[one]) - 1
        rows = self.coarse.windows.rows(before // self.per_block)
        if len(rows):
            self.expecting.bank.take_back(one, np.zeros(len(rows)), self.coarse.windows.unit[rows, one])
        for rungs in self.all_rungs:
            steps = -(-before * self.step_s // rungs.step_s)
            rungs.windows.replace(rungs.windows.rows(steps), one, 0.0)

    def _advance(self, place: int, count: Floats, unit: Floats) -> None:
        """Push a step into one ladder, judge its windows and learn from them."""
        rungs = self.all_rungs[place]
        if not self.fitted:
            rungs.push(count, unit)
            return
        before = {lag: self.expecting.past.before(lag) for lag in set(rungs.lags)}
        rungs.expect(before)
        rungs.push(count, unit)
        begun = self._begun(rungs)
        self.judging.add(
            place,
            ripe=ripe(rungs, self.days) & (self.days >= WARM_D),
            free=begun & (self.alive & (unit > 0) & (self.next_s > self.doubted_until_s)),
            calm=self.spike < 0,
        )
        rungs.learn(before, begun & self._calm(), self.expecting.past.forecast_before)

    def _begun(self, rungs: Rungs) -> Bools:
        """Series with enough history of their own for a window, (windows, series): one that begins late is like a file that begins."""
        lengths_s = rungs.windows.lengths[:, None] * rungs.step_s
        return np.asarray(self.expecting.known_s() >= np.maximum(RIPE_WINDOWS * lengths_s, LATE_S))

    def _calm(self) -> Bools:
        return self.alive & (self.spike < 0) & (self.next_s > np.maximum(self.muted_until_s, self.doubted_until_s))

    def _open(self, start_s: int) -> None:
        for one in self.judging.beyond(now_s=self.next_s, calm=self.spike < 0).tolist():
            again = start_s - self.ended_s[one] <= RETURN_S
            if again:
                self.spike[one] = self.last_spike[one]
            else:
                self.spike[one] = self.spikes
                self.spikes += 1
                self.opened_s[one] = start_s
                if self.habits.bent(one, self._week_slot(start_s)):
                    self._stay(one)
            self.found[:, one] = self.judging.best[:, one]
            self._untaught(one)
            self.judging.disown(one)

    def _untaught(self, one: int) -> None:
        """Take out of the level what the window that was found has taught it."""
        place, window = self.found[:, one]
        rungs = self.all_rungs[place]
        expecting = self.expecting
        untaken = self.coarse.windows.steps - expecting.blocks
        blocks = int(rungs.lengths[window] * rungs.step_s // self.block_s) - untaken
        many = min(blocks, expecting.blocks, expecting.per_week)
        if many < 1:
            return
        rows = np.arange(expecting.blocks - many, expecting.blocks) % expecting.per_week
        ring = self.coarse.windows.rows(many + untaken)[:many]
        expected = self.coarse.windows.unit[ring, one] * rungs.level[window, one]
        taught = np.where(expecting.levels[rows, one], expecting.clean[rows, one] - expected, 0.0)
        expecting.bank.take_back(one, taught, np.zeros(many))
        expecting.clean[rows, one] -= taught
        expecting.week_sum[one] -= taught.sum()

    def _follow(self, start_s: int) -> None:
        self.raised += self.step_s * (self.spike >= 0)
        for one in np.flatnonzero(self.spike >= 0).tolist():
            place, window = self.found[:, one]
            rungs = self.all_rungs[place]
            if place and not self._block_ends():
                continue
            at = rungs.lasting(int(window))
            if start_s - self.opened_s[one] >= STAYS_S or self.raised[one] > STAYS_S / 2:
                self._stay(one)
                self._end(one, start_s, clean=False)
            elif rungs.z[at, one] < QUIET_Z:
                self._end(one, start_s, clean=True)

    def _end(self, one: int, start_s: int, *, clean: bool) -> None:
        place, window = self.found[:, one]
        since_s = self.opened_s[one] - self.all_rungs[place].lengths[window] * self.all_rungs[place].step_s
        self.last_spike[one], self.ended_s[one] = self.spike[one], start_s
        self.spike[one] = NO_SPIKE
        if clean:
            for rungs in self.all_rungs:
                steps = int(-(-(self.next_s - since_s) // rungs.step_s))
                rungs.windows.replace(rungs.windows.rows(steps), one, float(rungs.level[0, one]))

    def _stay(self, one: int) -> None:
        """A shift that stayed for a fortnight is the new level: the last week teaches it."""
        rows = self.coarse.windows.rows(self.expecting.per_week)
        windows, untaken = self.coarse.windows, self.coarse.windows.steps - self.expecting.blocks
        self.expecting.renew(one, windows.count[rows, one], windows.unit[rows, one], untaken=untaken)
        self.raised[one] = 0.0

    def _close_block(self, start_s: int) -> None:
        block_start = start_s // self.block_s * self.block_s
        rungs = self.coarse
        mean = self.block_unit * rungs.level[0]
        usual = block_start // DAY_S not in self.holidays
        calm = (self.spike < 0) & usual
        use = ~self.block_left_out & calm
        count = self.block_count
        if self.fitted:
            variance = mean * (rungs.dispersion + rungs.spread2[0] * mean)
            reach = np.where(self._week_known(), CUT_SD * np.sqrt(variance) + CUT_COUNTS, np.inf)
            count = np.clip(count, mean - reach, mean + reach)
        expected = self.block_full * rungs.level[0] if self.fitted else self.expecting.now.level[3]
        slot = self._week_slot(block_start)
        gap = (self.silent > SILENT_NATS) & (self.missing == 0)
        short = self.silent_steps * self.step_s < LONGEST_SHUT_S
        shut = self.habits.shut_again(slot, gap, self.silent_steps > 0) & short & calm
        weekly = self.habits.raised_again(slot, (self.spike >= 0) & ~self.block_left_out & usual)
        expected = np.where(weekly, count, np.where(shut, 0.0, expected))
        self.expecting.take(block_start, count, self.block_unit, expected, use, shape=use | shut | weekly)
        self.block_count[:], self.block_unit[:], self.block_full[:] = 0.0, 0.0, 0.0
        self.block_left_out[:] = False

    def _week_slot(self, start_s: int) -> int:
        return start_s % WEEK_S // self.block_s % self.expecting.per_week

    def _work(self) -> None:
        """At the end of a day's last block a new day begins; after every other step a piece of what it asks is done."""
        day = self.next_s // DAY_S
        if self._block_ends() and day != self.day:
            self.day = day
            self._new_day(day)
        else:
            self.work.go_on(day, days=self.days)

    def _new_day(self, day: int) -> None:
        self.raised *= 1 - DAY_S / STAYS_S
        days = max(self.days, 1.0)
        wide = early_width(days) + (HOLIDAY2 if day in self.holidays else 0.0)
        self.work.begin(day, days=days, wide=wide)

    def _odd(self, rungs: Rungs) -> Bools:
        """Hints: a drop that chance hardly shows in windows up to a day, or a spike of just twice what is usual."""
        if not self.fitted:
            return np.zeros(self.series, dtype=bool)
        short = rungs.windows.lengths * rungs.step_s <= DAY_S
        odd = np.any(rungs.z[short] < DROP_Z, axis=0)
        for one in np.flatnonzero(self.spike >= 0).tolist():
            ladder = self.all_rungs[self.found[0, one]]
            window = ladder.lasting(int(self.found[1, one]))
            seen, mean = ladder.windows.count_sums[window, one], ladder.mean[window, one]
            odd[one] |= mean >= DOUBLED_MEAN and abs(seen / mean - 2.0) < DOUBLED_NEAR
        return np.asarray(odd)
