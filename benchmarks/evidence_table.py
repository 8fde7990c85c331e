"""Makes ``stats/evidence_table.csv``: how often chance alone reaches an evidence. Seeded; about four minutes.

python -m benchmarks.evidence_table
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stats.dated import COURSES, JOIN
from stats.evidence import Evidence
from stats.evidence_table import CAUTION, DISPERSIONS, LEVELS, MEANS

Floats = NDArray[np.float64]
PATH = Path(__file__).parents[1] / "stats" / "evidence_table.csv"
SERIES = 200
STEPS = {"weekly": 800, "daily": 200}
SEED = 20


def simulated(kind: str, mean: float, dispersion: float, random: np.random.Generator) -> Floats:
    """Evidence of series that are nothing but chance: series x steps."""
    evidence = Evidence(COURSES[kind])
    shape = (SERIES, STEPS[kind] + evidence.steps)
    rate: Floats = np.full(shape, mean)
    if dispersion > 1:
        rate = random.gamma(rate / (dispersion - 1)) * (dispersion - 1)
    count = random.poisson(rate).astype(np.float64)
    means = np.full((SERIES, evidence.steps), mean)
    variance = CAUTION * dispersion * means
    weighed = [evidence.weigh(count[:, at : at + evidence.steps], means, variance) for at in range(STEPS[kind])]
    return np.stack(weighed, axis=1)


def rates(found: Floats, join: int) -> list[tuple[float, float]]:
    """Logarithms of the chance per step, and of a run's beginning, at every level."""
    told = []
    for level in LEVELS:
        above = found >= level
        before = np.zeros_like(above)
        for back in range(1, join + 1):
            before[:, back:] |= above[:, :-back]
        begins = (above & ~before)[:, join:]
        told.append((float(np.log(max(above.mean(), 1e-9))), float(np.log(max(begins.mean(), 1e-9)))))
    return _reaching(told, floor=float(np.log(10 / found.size)))


def _reaching(told: list[tuple[float, float]], *, floor: float) -> list[tuple[float, float]]:
    """Beyond the last level that was reached often enough, both fall as evidence rises."""
    last = max(at for at, (step, _) in enumerate(told) if step > floor)
    step, clump = told[last]
    width = LEVELS[1] - LEVELS[0]
    return told[: last + 1] + [(step - width * one, clump - width * one) for one in range(1, len(told) - last)]


def main() -> None:
    """Write the table."""
    with PATH.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("kind", "mean", "dispersion", "level", "step", "clump"))
        for place, kind in enumerate(STEPS):
            for row, mean in enumerate(MEANS):
                for column, dispersion in enumerate(DISPERSIONS):
                    random = np.random.default_rng((SEED, place, row, column))
                    told = rates(simulated(kind, mean, dispersion, random), JOIN[kind])
                    cell = zip(LEVELS, told, strict=True)
                    writer.writerows((kind, mean, dispersion, at, f"{a:.3f}", f"{b:.3f}") for at, (a, b) in cell)


if __name__ == "__main__":
    main()
