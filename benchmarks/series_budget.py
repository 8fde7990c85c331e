"""Is the budget kept at daily and weekly steps? False spikes a week on made-up series without any, over those allowed.

    python -m benchmarks.series_budget [--runs 2] [--budget 2] [--cell NAME] [--json]

Every run has a hundred series, nothing but chance in the judged steps, everything estimated by the detector. Seeded.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats.dated import DatedDetector

Floats = NDArray[np.float64]
SERIES = 100
YEAR_D = 365.25


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of null stream.

    ``mean`` the lowest and highest count a step over series, ``season`` and ``wander`` relative, ``memory_d`` of the
    wandering, ``learnt`` steps of history and ``judged`` after them; ``unlucky`` series have outbreaks, gaps or a shift
    in their history.
    """

    name: str
    step_d: int
    learnt: int
    judged: int
    mean: tuple[float, float] = (0.3, 300.0)
    dispersion: float = 1.0
    season: float = 0.0
    trend: float = 0.0
    wander: float = 0.0
    memory_d: float = 30.0
    unlucky: str = ""
    nasty: bool = False


CELLS = (
    Cell("weekly poisson flat", 7, 104, 104),
    Cell("weekly over-dispersed thin", 7, 104, 104, mean=(0.05, 3.0), dispersion=2.0),
    Cell("weekly over-dispersed seasonal", 7, 156, 104, dispersion=2.5, season=0.5),
    Cell("weekly trending seasonal", 7, 260, 104, dispersion=1.5, season=0.4, trend=0.25),
    Cell("weekly short history", 7, 16, 36, dispersion=1.5),
    Cell("daily poisson flat", 1, 120, 182),
    Cell("daily over-dispersed thin", 1, 120, 182, mean=(0.05, 3.0), dispersion=2.0),
    Cell("daily over-dispersed", 1, 120, 182, dispersion=2.5),
    Cell("daily seasonal", 1, 560, 126, dispersion=1.5, season=0.3),
    Cell("daily trending", 1, 180, 126, dispersion=1.5, trend=0.5),
    Cell("daily short history", 1, 56, 56, dispersion=1.5),
    Cell("daily season not yet seen", 1, 120, 182, dispersion=1.5, season=0.3, nasty=True),
    Cell("daily wandering by 10%", 1, 180, 126, dispersion=1.5, wander=0.1, nasty=True),
    Cell("daily past outbreaks", 1, 180, 126, dispersion=1.5, unlucky="outbreaks", nasty=True),
    Cell("daily gaps", 1, 180, 126, dispersion=1.5, unlucky="gaps", nasty=True),
    Cell("daily level shift learnt", 1, 240, 126, dispersion=1.5, unlucky="shift", nasty=True),
    Cell("weekly wandering by 10%", 7, 156, 104, dispersion=1.5, wander=0.1, memory_d=90.0, nasty=True),
    Cell("weekly past outbreaks", 7, 156, 104, dispersion=1.5, unlucky="outbreaks", nasty=True),
)


def counts_of(cell: Cell, *, seed: int, series: int = SERIES) -> Floats:
    """Series x steps; NaN in gaps."""
    random = np.random.default_rng((seed, CELLS.index(cell)))
    steps = cell.learnt + cell.judged
    day = np.arange(steps) * cell.step_d
    mean = np.exp(random.uniform(np.log(cell.mean[0]), np.log(cell.mean[1]), (series, 1))) * np.ones((series, steps))
    mean *= np.exp(cell.season * np.sin(2 * np.pi * (day / YEAR_D + random.uniform(0, 1, (series, 1)))))
    mean *= np.exp(cell.trend * day / YEAR_D)
    if cell.step_d == 1:
        mean *= np.where((day + 3) % 7 >= 5, random.uniform(0.3, 1.0, (series, 1)), 1.0)
    if cell.wander:
        mean *= np.exp(cell.wander * wandering(series, steps, cell.memory_d / cell.step_d, random))
    _strike(mean, cell, random)
    if cell.dispersion > 1:
        mean = random.gamma(mean / (cell.dispersion - 1)) * (cell.dispersion - 1)
    counts: Floats = random.poisson(mean).astype(np.float64)
    if cell.unlucky == "gaps":
        for row in counts:
            for start in random.integers(0, steps, 4):
                row[start : start + random.integers(1, 15)] = np.nan
    return counts


def _strike(mean: Floats, cell: Cell, random: np.random.Generator) -> None:
    """What befell the history, well before the judged steps."""
    for row in mean:
        if cell.unlucky == "outbreaks":
            for start in random.integers(10, max(cell.learnt - 20, 11), 3):
                long = int(random.integers(2, 14 if cell.step_d == 1 else 5))
                row[start : start + long] += random.uniform(2, 8) * np.sqrt(cell.dispersion * row[start])
        if cell.unlucky == "shift":
            row[cell.learnt // 2 :] *= random.choice((0.5, 1.6))


def wandering(series: int, steps: int, memory: float, random: np.random.Generator) -> Floats:
    """Stationary paths of unit variance that forget over ``memory`` steps, series x steps."""
    keep = np.exp(-1 / memory)
    noise = random.normal(size=(series, steps)) * np.sqrt(1 - keep**2)
    path = np.empty((series, steps))
    level = random.normal(size=series)
    for at in range(steps):
        level = keep * level + noise[:, at]
        path[:, at] = level
    return path


def false_spikes(cell: Cell, *, seed: int, budget: float) -> int:
    """Spikes that begin in the judged steps of one run."""
    counts = counts_of(cell, seed=seed)
    detector = DatedDetector(series=SERIES, step_d=cell.step_d, budget_per_week=budget)
    found: set[tuple[int, int]] = set()
    before: set[tuple[int, int]] = set()
    for at in range(counts.shape[1]):
        spike = detector.push(19_723 + at * cell.step_d, counts[:, at]).spike
        on = {(int(series), int(spike[series])) for series in np.flatnonzero(spike >= 0)}
        found |= on if at >= cell.learnt else set()
        before |= on if at < cell.learnt else set()
    return len(found - before)


def measure(cell: Cell, *, runs: int, budget: float) -> dict[str, object]:
    """The ratio of one cell with its spread by chance."""
    began = time.process_time()
    found = sum(false_spikes(cell, seed=seed, budget=budget) for seed in range(runs))
    allowed = runs * budget * cell.judged * cell.step_d / 7
    return {
        "cell": cell.name,
        "nasty": cell.nasty,
        "allowed": round(allowed, 1),
        "found": found,
        "ratio": round(found / allowed, 3),
        "sd": round(max(found, 1) ** 0.5 / allowed, 3),
        "cpu_s": round(time.process_time() - began, 1),
    }


def main() -> None:
    """Measure the cells asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--budget", type=float, default=2.0)
    parser.add_argument("--cell", default="")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for cell in CELLS:
        if args.cell in cell.name:
            row = measure(cell, runs=args.runs, budget=args.budget)
            text = "{cell:32} {found:4} of {allowed:6}  {ratio:6} ± {sd:5}  {cpu_s} s".format(**row)
            print(json.dumps(row) if args.json else text, flush=True)


if __name__ == "__main__":
    main()
