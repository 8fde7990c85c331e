"""Many series without hierarchy, judged step by step under one budget, at steps of a day or more.

The sister of :mod:`stats.flat`: expectation from :mod:`stats.dated_fit`, decision from :mod:`stats.evidence` with
chances from :mod:`stats.evidence_table`. Every step is judged by nothing later. The budget is shared by the series
that have had a contact so far; on streams without spikes, independent given their expectation, at most
``budget_per_week`` spikes a week begin in the long run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri, stdtr

from stats.calendar_columns import YEAR_D, CalendarColumns
from stats.dated_fit import Known, learn, start
from stats.errors import DomainError
from stats.evidence import DAILY, WEEKLY, Course, Evidence
from stats.evidence_table import CAUTION, table_of
from stats.flat import NO_SPIKE, Verdict
from stats.runs import Runs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
COURSES: dict[str, tuple[Course, ...]] = {"weekly": WEEKLY, "daily": DAILY}
JOIN = {"weekly": 2, "daily": 5}
WINDOWS = {"weekly": (3,), "daily": (6, 18)}
LATELY = {"weekly": 2, "daily": 3}
QUIET = {"weekly": 10, "daily": 21}
KEEP_D = {"weekly": 4_400, "daily": 1_100}
REFIT_EVERY = {"weekly": 4, "daily": 7}
EAGER = 40
STILL = 0.02
HIGHEST_SHARE = 0.05
RESERVE = 0.8
CALM = 0.5
SCALES = (0.2, 2.0)
LIVELY = 1.0


class DatedDetector:
    """Feed it every step of all series, in order; a step left out was not collected.

    A part of the budget (``1 - RESERVE``) is kept back for what has to be estimated.

    Args:
        series: How many.
        step_d: Days in a step.
        budget_per_week: False spikes allowed a week over all series. No series uses more than one step in twenty.
        holidays: Day numbers since 1970-01-01.
        year_d: Days in a year.

    After each step ``evidence`` and ``chance`` hold, per series, what was weighed and how often chance alone reaches it.

    Raises:
        DomainError: no series, a step below a day, or a budget that is not above 0.
    """

    def __init__(
        self,
        *,
        series: int,
        step_d: int,
        budget_per_week: float,
        holidays: frozenset[int] = frozenset(),
        year_d: float = YEAR_D,
    ) -> None:
        for name, value, fine, allowed in (
            ("series", series, series >= 1, "1 or more"),
            ("step_d", step_d, step_d >= 1, "1 or more"),
            ("budget_per_week", budget_per_week, budget_per_week > 0, "a number above 0"),
        ):
            if not fine:
                raise DomainError(name, value, allowed)
        self.series, self.step_d, self.budget_per_week = series, step_d, budget_per_week
        self.kind = "daily" if step_d < 4 else "weekly"
        self.evidence: Floats = np.full(series, -np.inf)
        self.chance: Floats = np.ones(series)
        self._weigher = Evidence(COURSES[self.kind])
        self._table = table_of(self.kind)
        self._holidays, self._year_d = holidays, year_d
        self._calendar: CalendarColumns | None = None
        self._known: Known | None = None
        self._days: list[int] = []
        self._columns = self._count = self._mean = self._variance = np.zeros((0, 0))
        self._steps_in_all = 0
        self._runs = Runs(series, join=JOIN[self.kind])
        self._told: Floats = np.zeros(series)
        self._awake: Bools = np.zeros(series, dtype=bool)
        self._spike: Ints = np.full(series, NO_SPIKE, dtype=np.int64)
        self._spikes: Ints = np.zeros(series, dtype=np.int64)
        self._since_alarm: Ints = np.full(series, 10**6, dtype=np.int64)

    def teach(self, days: list[int], counts: Floats) -> None:
        """Take in history without judging it: series x days."""
        for at, day in enumerate(days):
            self._take(day, counts[:, at], np.ones(self.series), np.ones(self.series))
        self._learn(rounds=12)

    def push(self, day: int, counts: Floats) -> Verdict:
        """Judge the step that begins on ``day`` (days since 1970-01-01); NaN where nothing was collected.

        Raises:
            DomainError: the day is not later than the last, or ``counts`` has another shape.
        """
        if counts.shape != (self.series,):
            raise DomainError("counts", counts.shape, f"({self.series},)")
        if self._days and day <= self._days[-1]:
            raise DomainError("day", day, f"a day after {self._days[-1]}")
        mean, variance = self._forecast(day)
        self._take(day, counts, mean, variance)
        ready = (self._told > QUIET[self.kind]) & np.isfinite(counts)
        verdict = self._judged(counts, mean, variance, ready)
        every = REFIT_EVERY[self.kind]
        if self._steps_in_all <= EAGER or self._steps_in_all % every == 0:
            self._learn(rounds=2)
        return verdict

    def _forecast(self, day: int) -> tuple[Floats, Floats]:
        """Mean and variance of the next counts."""
        if self._known is None or self._calendar is None:
            return np.ones(self.series), np.full(self.series, 1e3)
        row = self._calendar.row(day)
        plain = self._known.fit.mean(row)
        mean = np.maximum(plain * self._known.level, 1e-4)
        unsure = np.minimum(self._known.fit.error(row), 4.0)
        return mean, np.maximum(self._known.dispersion * self._known.joint * mean * (1 + unsure * plain), mean)

    def _take(self, day: int, counts: Floats, mean: Floats, variance: Floats) -> None:
        if self._calendar is None:
            self._calendar = CalendarColumns(self.step_d, day, self._year_d, holidays=self._holidays)
            self._columns = np.zeros((0, len(self._calendar.row(day))))
            self._count = self._mean = self._variance = np.zeros((self.series, 0))
        self._days.append(day)
        self._columns = np.vstack([self._columns, self._calendar.row(day)])
        self._count = np.column_stack([self._count, counts])
        recent = self._weigher.steps - 1
        self._mean = np.column_stack([self._mean[:, -recent:], mean])
        self._variance = np.column_stack([self._variance[:, -recent:], variance])
        self._told += np.isfinite(counts)
        self._awake |= np.nan_to_num(counts) > 0
        self._steps_in_all += 1

    def _learn(self, *, rounds: int) -> None:
        calendar = self._calendar
        if calendar is None:
            return
        self._forget()
        use = np.isfinite(self._count).astype(np.float64)
        count = np.nan_to_num(self._count)
        known = self._known if self._known is not None else start(self.series, self._columns.shape[1])
        self._known = learn(known, calendar, self._columns, count, use, windows=WINDOWS[self.kind], rounds=rounds)

    def _forget(self) -> None:
        """Drop the oldest tenth of what is kept, when full."""
        keep = KEEP_D[self.kind] // self.step_d
        if len(self._days) <= keep or self._known is None:
            return
        drop = keep // 10
        self._days, self._columns, self._count = self._days[drop:], self._columns[drop:], self._count[:, drop:]
        known = self._known
        self._known = Known(
            known.fit, known.precision, known.dispersion, known.joint, known.level,
            known.outbreak[:, drop:], known.local[:, drop:],
        )  # fmt: skip

    def _judged(self, counts: Floats, mean: Floats, variance: Floats, ready: Bools) -> Verdict:
        step, clump = np.ones(self.series), np.ones(self.series)
        self.evidence = np.full(self.series, -np.inf)
        which = np.flatnonzero(ready & self._stirred())
        if len(which):
            recent = slice(-self._weigher.steps, None)
            count = self._count[which, recent]
            m, v = self._mean[which], self._variance[which]
            self.evidence[which] = self._weigher.weigh(count, m, CAUTION * v)
            chance = self._table.chance(self.evidence[which], mean=mean[which], dispersion=(variance / mean)[which])
            freedom = self._told[which] - 4.0
            step[which] = _wider(chance.step, freedom)
            clump[which] = _wider(chance.clump, freedom)
        self.chance = step
        share = self.budget_per_week * self.step_d / 7 / max(int(self._awake.sum()), 1)
        limit = self._limit(share)
        spread = np.sqrt(variance)
        spike = self._followed(clump <= limit, (step <= STILL) & np.isfinite(counts))
        self._runs.count(clump, level=share, limit=limit, judged=ready & self._awake, spike=spike != NO_SPIKE)
        return Verdict(
            expected=np.where(self._told > 2, mean, np.nan),
            lower=np.where(self._told > 2, np.floor(_quantile(0.025, mean, variance)), np.nan),
            upper=np.where(self._told > 2, np.ceil(_quantile(0.975, mean, variance)), np.nan),
            surprise=np.abs(np.log2(np.clip(step, 1e-300, 1.0))),
            spike=spike,
            mismeasured=ready & (np.nan_to_num(counts, nan=1.0) <= 0) & (mean > 5 * spread) & (mean > 20),
        )

    def _limit(self, share: float) -> float:
        """The chance at which a spike begins."""
        times = np.clip(self._runs.times(share, RESERVE), *SCALES)
        return min(float(times) * share, HIGHEST_SHARE)

    def _stirred(self) -> Bools:
        """Series that any recent stretch shows above expectation; the rest need no weighing."""
        return np.asarray(self._score().max(axis=1) > CALM)

    def _score(self) -> Floats:
        """Excess in standard deviations over the last 1, 2, 3 ... steps."""
        recent = self._mean.shape[1]
        off = self._count[:, -recent:] - self._mean
        seen = np.isfinite(off)
        late, spread = (np.where(seen, one, 0.0)[:, ::-1] for one in (off, self._variance))
        return np.asarray(np.cumsum(late, axis=1) / np.sqrt(np.maximum(np.cumsum(spread, axis=1), 1e-12)))

    def _followed(self, alarm: Bools, still: Bools) -> Ints:
        """Numbers of running spikes: one goes on while its last steps are above and unusual.

        One that comes back within ``JOIN`` steps is the same.
        """
        lively = self._score()[:, : LATELY[self.kind]].max(axis=1) > LIVELY
        running = self._spike != NO_SPIKE
        again = alarm & ~running & (self._since_alarm <= JOIN[self.kind])
        fresh = alarm & lively & ~running & ~again
        self._spikes += fresh
        on = lively & (fresh | again | (running & (alarm | still)))
        self._spike = np.where(on, self._spikes - 1, NO_SPIKE)
        self._since_alarm = np.where((alarm & (self._since_alarm <= JOIN[self.kind])) | on, 0, self._since_alarm + 1)
        return self._spike.copy()


def _wider(chance: Floats, freedom: Floats) -> Floats:
    """A chance made larger for a variance known from few steps: Student's tail where the normal's was."""
    inside = np.clip(chance, 1e-250, 0.5)
    wide = stdtr(np.maximum(freedom, 2.0), ndtri(inside))
    return np.asarray(np.where(chance < 0.5, np.maximum(wide, chance), chance))


def _quantile(share: float, mean: Floats, variance: Floats) -> Floats:
    """A quantile of counts, by a gamma of the same mean and variance."""
    return np.asarray(gammaincinv(mean**2 / variance, share) * variance / mean)
