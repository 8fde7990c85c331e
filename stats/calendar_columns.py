"""What a day or week is to a log-linear expectation: trend, season, day of the week, holiday."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WEEK_D = 7
YEAR_D = 365.25
TREND_FROM_D = 84
SEASON_FROM_D = 420
SHUT = 1e9


@dataclass(frozen=True, slots=True)
class CalendarColumns:
    """Columns for steps of ``step_d`` days.

    ``year_d`` days make a year, ``origin`` is the day on which the trend is nought, ``holidays`` are day numbers.
    Days are counted from 1970-01-01, a Thursday.
    """

    step_d: int
    origin: int
    year_d: float = YEAR_D
    harmonics: int = 2
    holidays: frozenset[int] = frozenset()

    def row(self, day: int) -> Floats:
        """The columns of the step that begins on ``day``."""
        angle = 2 * np.pi * (day + (self.step_d - 1) / 2) / self.year_d
        row = [1.0, (day - self.origin) / (10 * self.year_d)]
        for turn in range(1, self.harmonics + 1):
            row += [np.cos(turn * angle), np.sin(turn * angle)]
        if self.step_d == 1:
            weekday = (day + 3) % WEEK_D
            row += [float(weekday == one) - float(weekday == 6) for one in range(6)]
        if self.holidays:
            row += [self._holidays(day), float(self.step_d == 1 and day - 1 in self.holidays)]
        return np.array(row)

    def groups(self) -> list[slice]:
        """Columns that share one prior spread, behind the first one: trend, each harmonic, weekdays, holidays."""
        sizes = [1] + [2] * self.harmonics + [6] * (self.step_d == 1) + [1, 1] * bool(self.holidays)
        ends = 1 + np.cumsum(sizes)
        return [slice(int(end) - size, int(end)) for size, end in zip(sizes, ends, strict=True)]

    def shut(self, known_d: int) -> list[slice]:
        """Groups that so many days of history cannot tell yet."""
        groups = self.groups()
        shut = groups[1 : 1 + self.harmonics] if known_d < SEASON_FROM_D else []
        return shut + (groups[:1] if known_d < TREND_FROM_D else [])

    def _holidays(self, day: int) -> float:
        return sum(float(day + one in self.holidays) for one in range(self.step_d)) / min(self.step_d, 2)
