"""Fresh weekly series after the recipe of Noufaily et al. 2013 (Statistics in Medicine 32:1206), seeded.

    python -m benchmarks.noufaily_weekly SERIES.csv.gz [--replicates 10] [--seed 1]

624 weeks: 1-312 without outbreaks, 313-575 with up to four past ones, 576-624 judged, with one. Counts are negative
binomial with variance ``phi * mean``; an outbreak has a Poisson number of cases, k standard deviations of its first
week in the mean, each delayed by a log-normal time of median one week and log-sd 0.5.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WEEKS, TRAINED, FIRST_JUDGED = 624, 312, 576
PAST_SIZES = (0, 2, 3, 5, 10)
HEADER = (
    "scenario", "replicate", "past_k", "current_k", "outbreak_start_week", "week",
    "background", "past_outbreaks", "current_outbreak",
)  # fmt: skip
# theta, phi, season (gamma1, gamma2), trend; each with 0, 1 and 2 harmonics, without and with its trend.
_FAMILIES = (
    (0.1, 1.5, 0.6, 0.6, 0.0025),
    (-2.0, 2.0, 0.1, 0.3, 0.005),
    (1.5, 1.0, 0.2, -0.4, 0.003),
    (0.5, 5.0, 0.5, 0.5, 0.002),
    (2.5, 3.0, 1.0, 0.1, 0.001),
    (3.75, 1.1, 0.1, -0.1, 0.001),
    (5.0, 1.2, 0.05, 0.01, 0.0001),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of the 42 rows of the recipe."""

    number: int
    theta: float
    phi: float
    beta: float
    gamma: tuple[float, float]
    harmonics: int

    def mean(self) -> Floats:
        """Expected counts of weeks 1 to 624."""
        week = np.arange(1, WEEKS + 1)
        log = self.theta + self.beta * week
        for turn in range(1, self.harmonics + 1):
            angle = 2 * np.pi * turn * week / 52
            log = log + self.gamma[0] * np.cos(angle) + self.gamma[1] * np.sin(angle)
        return np.asarray(np.exp(log))


@dataclass(frozen=True, slots=True)
class Series:
    """Counts of many series (rows) over 624 weeks, their parts, and the truth."""

    scenario: Ints
    replicate: Ints
    background: Ints
    past: Ints
    current: Ints
    past_k: Ints
    current_k: Ints
    start_week: Ints


def scenarios() -> tuple[Scenario, ...]:
    """The 42 scenarios in the order of the paper's table."""
    made: list[Scenario] = []
    for theta, phi, cosine, sine, trend in _FAMILIES:
        for beta in (0.0, trend):
            for harmonics in (0, 1, 2):
                gamma = (cosine, sine) if harmonics else (0.0, 0.0)
                made.append(Scenario(len(made) + 1, theta, phi, beta, gamma, harmonics))
    return tuple(made)


def make(replicates: int, *, seed: int) -> Series:
    """That many series of every scenario."""
    random = np.random.default_rng((seed, 42))
    rows = [_one(scenario, random) for scenario in scenarios() for _ in range(replicates)]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    scenario = np.repeat(np.arange(1, 43), replicates)
    return Series(scenario, np.tile(np.arange(1, replicates + 1), 42), *columns)


def _one(scenario: Scenario, random: np.random.Generator) -> tuple[Ints, Ints, Ints, int, int, int]:
    mean = scenario.mean()
    background = negative_binomial(mean, scenario.phi, random)
    spread = np.sqrt(scenario.phi * mean)
    past, current = np.zeros(WEEKS, np.int64), np.zeros(WEEKS, np.int64)
    past_k = int(random.choice(PAST_SIZES))
    for start in random.choice(np.arange(TRAINED, FIRST_JUDGED - 1), 4, replace=False) if past_k else ():
        past += outbreak(start, past_k * spread[start], WEEKS, random)
    past[FIRST_JUDGED - 1 :] = 0
    current_k = int(random.integers(1, 11))
    start = int(random.integers(FIRST_JUDGED - 1, WEEKS))
    while not current.any():
        current = outbreak(start, current_k * spread[start], WEEKS, random)
    return background, past, current, past_k, current_k, start + 1


def negative_binomial(mean: Floats, phi: float, random: np.random.Generator) -> Ints:
    """Counts with variance ``phi * mean``."""
    if phi > 1:
        mean = random.gamma(mean / (phi - 1)) * (phi - 1)
    return np.asarray(random.poisson(mean))


def outbreak(start: int, size: float, steps: int, random: np.random.Generator, *, per_step: float = 1.0) -> Ints:
    """Cases by step of one outbreak: at least two cases, log-normally delayed, cut at the end of the series."""
    cases = 0
    while cases < 2:
        cases = int(random.poisson(size))
    delay = np.floor(random.lognormal(0.0, 0.5, cases) / per_step).astype(np.int64)
    return np.bincount((start + delay)[start + delay < steps], minlength=steps)


def write(series: Series, path: Path) -> None:
    """Write them in the form of the reference series."""
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for row in range(len(series.scenario)):
            head = [int(part[row]) for part in (series.scenario, series.replicate, series.past_k, series.current_k)]
            head.append(int(series.start_week[row]))
            parts = zip(series.background[row], series.past[row], series.current[row], strict=True)
            writer.writerows([*head, week, *map(int, one)] for week, one in enumerate(parts, 1))


def main() -> None:
    """Write the series asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write(make(args.replicates, seed=args.seed), args.path)


if __name__ == "__main__":
    main()
