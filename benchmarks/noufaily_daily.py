"""Fresh daily series after the recipe of Noufaily et al. 2019 (Bioinformatics 35:3110), seeded.

    python -m benchmarks.noufaily_daily COUNTS.csv --holidays HOLIDAYS.txt [--years 3] [--seed 3]

writes one series of each signal, without days on which it is shut, in the form that ``whence detect`` reads.

Sixteen signals over seven years of 364 days, as in the code published with the paper: log-linear means with yearly and
weekly turns, counts of variance ``phi * mean``; eight bank holidays a year. Systems of five days a week are shut at
weekends and on holidays and half as busy again on the next day, those of seven days twice as busy on holidays. The
last 49 weeks hold one outbreak: Poisson cases of ``k`` standard deviations a day over a week in the mean, each delayed
log-normally by a median of four days, doubled at weekends (seven-day systems).

Read differently from the published code: an outbreak's size always comes from the standard deviation of the signal it
is added to (the code scales some counts down and not their outbreaks, and takes two signals' sizes from another
signal), and the yearly waves of three signals, which the paper scores apart, are left out.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.noufaily_weekly import negative_binomial, outbreak

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
YEARS, YEAR_D, JUDGED_D = 7, 364, 343
DAYS = YEARS * YEAR_D
SIZES = (2, 3, 5, 10)
STEP = 0.25


@dataclass(frozen=True, slots=True)
class Signal:
    """One of the sixteen. ``yearly`` and ``weekly`` say how many turns a year and a week have."""

    number: int
    days: int
    yearly: int
    weekly: int
    alpha: float
    gamma: tuple[float, float, float, float]
    phi: float
    shift: int
    beta: float = 0.0
    scale: float = 1.0

    def mean(self) -> Floats:
        """Expected counts by working day, before scaling."""
        day = np.arange(1, DAYS // 7 * self.days + 1) + self.shift
        log = self.alpha + self.beta * day
        for turns, period, (cosine, sine) in (
            (self.yearly, 52 * self.days, self.gamma[:2]),
            (self.weekly, self.days, self.gamma[2:]),
        ):
            for turn in range(1, turns + 1):
                angle = 2 * np.pi * turn * day / period
                log = log + cosine * np.cos(angle) + sine * np.sin(angle)
        return np.asarray(np.exp(log))


SIGNALS = (
    Signal(1, 7, 1, 2, 6.0, (0.2, 0.2, 0.5, 0.4), 2.0, 29),
    Signal(2, 7, 1, 2, 0.5, (1.5, 1.4, 0.5, 0.4), 1.0, -167),
    Signal(3, 7, 0, 2, 5.5, (0.0, 0.0, 0.3, 0.25), 1.0, 1),
    Signal(4, 7, 0, 2, 2.0, (0.0, 0.0, 0.3, 0.25), 1.0, 1),
    Signal(5, 5, 1, 1, 6.0, (0.3, 2.0, 0.3, 0.5), 1.5, -50, scale=0.1),
    Signal(6, 5, 1, 1, 1.0, (0.1, 2.0, 0.05, 0.05), 1.0, -50),
    Signal(7, 5, 0, 1, 6.0, (0.0, 0.0, 0.6, 0.9), 1.5, 0, beta=0.0001, scale=0.1),
    Signal(8, 5, 1, 1, 3.0, (1.5, 0.1, 0.2, 0.3), 1.0, -150),
    Signal(9, 5, 1, 1, 3.0, (0.2, 0.1, 0.05, 0.15), 1.0, -200),
    Signal(10, 5, 1, 1, 5.0, (0.2, 0.1, 0.05, 0.1), 1.0, 0),
    Signal(11, 5, 2, 1, 0.5, (0.4, 0.0, 0.05, 0.15), 1.0, 0),
    Signal(12, 5, 1, 1, 9.0, (0.5, 0.2, 0.2, 0.5), 1.0, 0, scale=0.01),
    Signal(13, 7, 1, 2, 2.0, (0.8, 0.8, 0.8, 0.4), 4.0, 57, beta=0.0005),
    Signal(14, 7, 4, 1, 0.05, (0.01, 0.01, 1.8, 0.1), 1.0, -85),
    Signal(15, 7, 1, 2, 3.0, (0.8, 0.6, 0.8, 0.4), 4.0, 29),
    Signal(16, 7, 0, 2, 6.0, (0.0, 0.0, 0.8, 0.4), 4.0, 1),
)


@dataclass(frozen=True, slots=True)
class Daily:
    """Counts without and with the outbreak (series x days), where it has cases, and whether the system is shut.

    ``holidays`` are days of the whole span, counted from 0; day 0 is a Monday.
    """

    signal: Ints
    size: Ints
    clean: Ints
    counts: Ints
    outbreak: Ints
    shut: NDArray[np.bool_]
    holidays: frozenset[int]


def make(replicates: int, *, seed: int) -> Daily:
    """That many series of every signal, the four outbreak sizes in turn."""
    random = np.random.default_rng((seed, 16))
    holidays = bank_holidays(random)
    rows = [_one(signal, SIZES[at % 4], holidays, random) for signal in SIGNALS for at in range(replicates)]
    clean, counts, cases, shut = (np.array(part) for part in zip(*rows, strict=True))
    signal = np.repeat([one.number for one in SIGNALS], replicates)
    size = np.array(SIZES)[np.tile(np.arange(replicates), len(SIGNALS)) % 4]
    clean, counts, cases = (one.astype(np.int64) for one in (clean, counts, cases))
    free = frozenset(np.flatnonzero(holidays).tolist())
    return Daily(signal, size, clean, counts, cases, shut.astype(bool), free)


def truth(daily: Daily) -> tuple[Floats, Floats]:
    """Mean and variance of the clean counts, before rounding, series x days; where shut, next to nothing."""
    free = np.isin(np.arange(DAYS), list(daily.holidays))
    known = {signal.number: _truth(signal, free) for signal in SIGNALS}
    mean, variance = (np.array([known[int(one)][part] for one in daily.signal]) for part in (0, 1))
    return mean, variance


def _truth(signal: Signal, holidays: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    calendar = np.arange(DAYS).reshape(-1, 7)[:, : signal.days].ravel()
    times = _with_holidays(np.ones(len(calendar)), holidays[calendar], signal.days) * signal.scale
    mean, variance = np.full(DAYS, 1e-4), np.full(DAYS, 1e-4)
    plain = signal.mean()
    mean[calendar] += times * plain
    variance[calendar] += times**2 * signal.phi * plain
    return mean, np.maximum(variance, mean)


def bank_holidays(random: np.random.Generator) -> NDArray[np.bool_]:
    """New Year, Easter (which moves by weeks), May, Whitsun, August, Christmas; England's, in years of 364 days."""
    free = np.zeros(DAYS, dtype=bool)
    for year in range(YEARS):
        easter = 95 + 7 * int(random.integers(-2, 3))
        free[[year * YEAR_D + day for day in (0, easter, easter + 3, 126, 147, 238, 357, 358)]] = True
    return free


def _one(
    signal: Signal, size: int, holidays: NDArray[np.bool_], random: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """Clean counts, counts, outbreak cases and days shut, by calendar day."""
    mean = signal.mean()
    background: Floats = negative_binomial(mean, signal.phi, random).astype(np.float64) * signal.scale
    spread = np.sqrt(signal.phi * mean) * signal.scale
    many = len(mean)
    start = int(random.integers(many - 49 * signal.days, many))
    cases = outbreak(start, size * signal.days * spread[start], many, random, per_step=STEP).astype(np.float64)
    calendar = np.arange(DAYS).reshape(-1, 7)[:, : signal.days].ravel()
    cases *= _weights(calendar, signal.days)
    free = holidays[calendar]
    counts, clean = (_with_holidays(one, free, signal.days) for one in (background + cases, background))
    shut = np.ones(DAYS)
    shut[calendar] = free if signal.days == 5 else 0.0
    placed = []
    for one in (np.round(clean), np.round(counts), np.round(cases)):
        whole = np.zeros(DAYS)
        whole[calendar] = one
        placed.append(whole)
    return placed[0], placed[1], placed[2] * (placed[1] > placed[0]), shut


def _weights(calendar: Ints, days: int) -> Floats:
    weekday = calendar % 7
    if days == 7:
        return np.where(weekday >= 5, 2.0, 1.0)
    return np.array([1.5, 1.1, 1.0, 1.0, 1.1])[weekday]


def _with_holidays(counts: Floats, free: NDArray[np.bool_], days: int) -> Floats:
    if days == 7:
        return np.where(free, 2 * counts, counts)
    after = np.append(False, free[:-1])
    return np.asarray(np.where(free, 0.0, np.where(after, 1.5 * counts, counts)))


def write(daily: Daily, counts: Path, holidays: Path, *, years: int) -> None:
    """The last years of a table of counts, and the list of holidays."""
    monday = date(2018, 1, 1)
    days = [(monday + timedelta(days=one)).isoformat() for one in range(DAYS)]
    with counts.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("signal", "outbreak", "time", "count"))
        for row, signal in enumerate(daily.signal):
            for day in range(DAYS - years * YEAR_D, DAYS):
                if not daily.shut[row, day]:
                    name = (f"signal {signal}", f"{daily.size[row]} sd")
                    writer.writerow((*name, days[day], daily.counts[row, day]))
    holidays.write_text("".join(f"{days[day]}\n" for day in sorted(daily.holidays)), encoding="utf-8")


def main() -> None:
    """Write the files asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", type=Path)
    parser.add_argument("--holidays", type=Path, required=True)
    parser.add_argument("--replicates", type=int, default=1)
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    write(make(args.replicates, seed=args.seed), args.counts, args.holidays, years=args.years)


if __name__ == "__main__":
    main()
