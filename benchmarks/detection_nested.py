"""Is the budget kept over nested slices? False spikes a week of the whole of detect on streams without any.

    python -m benchmarks.detection_nested [--runs 4] [--budget 5] [--cell NAME] [--history 8] [--judged 8] [--json]

Every cell is a made-up stream over three dimensions: eight weeks of history, then eight weeks judged, nothing but
chance in either (``--history 1 --judged 2``: the first weeks). All levels, shapes and dispersions are estimated by detect itself. Seeded.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.buckets import buckets_of
from schemas.workspace import Dimension, Workspace
from streams.detect.detector import Detector
from streams.detect.settings import DetectSettings
from streams.merge import Bucket

Floats = NDArray[np.float64]
WEEK_H = 168
START = datetime(2024, 1, 1, tzinfo=UTC)
DIMENSIONS: tuple[Dimension, ...] = ("language", "platform", "topic")
SETTINGS = DetectSettings(shares=(("contacts", 1.0), ("low_scores", 1.0)))


@dataclass(frozen=True, slots=True)
class Cell:
    """One null stream: contacts an hour everywhere, dispersion of leaf counts, shape, and what is nasty about it."""

    name: str
    per_hour: float
    dispersion: float = 1.0
    seasonal: bool = True
    trend: float = 0.0
    wander: float = 0.0
    own_shape: float = 0.0
    bucket_s: int = 3600
    nasty: bool = False


CELLS = (
    Cell("poisson flat thin", 2.0, seasonal=False),
    Cell("poisson flat", 30.0, seasonal=False),
    Cell("poisson flat thick", 2000.0, seasonal=False),
    Cell("poisson seasonal thin", 2.0),
    Cell("poisson seasonal", 30.0),
    Cell("poisson seasonal thick", 2000.0),
    Cell("over-dispersed seasonal thin", 2.0, dispersion=1.5),
    Cell("over-dispersed seasonal", 30.0, dispersion=2.0),
    Cell("over-dispersed seasonal thick", 2000.0, dispersion=3.0),
    Cell("trending seasonal", 30.0, trend=0.01),
    Cell("minute buckets", 300.0, bucket_s=60),
    Cell("own shapes", 30.0, own_shape=0.15, nasty=True),
    Cell("wandering by 10%", 30.0, wander=0.1, nasty=True),
    Cell("wandering by 10% thick", 2000.0, wander=0.1, nasty=True),
)


def intensity(cell: Cell, steps: int, leaves: int, random: np.random.Generator) -> Floats:
    """Expected contacts per step and leaf."""
    hours = np.arange(steps) * cell.bucket_s / 3600
    usual = np.ones(steps)
    if cell.seasonal:
        usual = np.exp(0.9 * np.sin((hours % 24 - 9) / 24 * 2 * np.pi)) * np.where(hours // 24 % 7 >= 5, 0.5, 1.0)
    usual *= np.exp(cell.trend * hours / 168)
    if cell.wander:
        usual *= np.exp(cell.wander * _wander(len(hours), 3600 / cell.bucket_s * 36, random))
    share = random.dirichlet(np.full(leaves, 0.7))
    own = np.ones((steps, leaves))
    if cell.own_shape:
        phase = random.uniform(0, 24, leaves)
        own += cell.own_shape * np.sin((hours[:, None] - phase) / 24 * 2 * np.pi)
    return np.asarray(cell.per_hour * cell.bucket_s / 3600 * usual[:, None] * share * own)


def _wander(steps: int, memory: float, random: np.random.Generator) -> Floats:
    """A stationary wandering of unit variance that forgets over ``memory`` steps."""
    keep = np.exp(-1 / memory)
    noise = random.normal(size=steps) * np.sqrt(1 - keep**2)
    level, out = random.normal(), np.empty(steps)
    for place, one in enumerate(noise):
        level = keep * level + one
        out[place] = level
    return out


def buckets(cell: Cell, seed: int, weeks: int) -> Iterator[Bucket]:
    """The stream of one run."""
    random = np.random.default_rng((seed, CELLS.index(cell)))
    values = [[f"{name}{i}" for i in range(many)] for name, many in zip(DIMENSIONS, (4, 5, 6), strict=True)]
    leaves = list(product(*values))
    steps = weeks * WEEK_H * 3600 // cell.bucket_s
    mean = intensity(cell, steps, len(leaves), random)
    if cell.dispersion > 1:
        mean = random.gamma(mean / (cell.dispersion - 1)) * (cell.dispersion - 1)
    counts = random.poisson(mean)
    return buckets_of(counts, leaves, dimensions=DIMENSIONS, start=START, bucket_s=cell.bucket_s)


def false_spikes(cell: Cell, *, seed: int, budget: float, history: int = 8, judged: int = 8) -> int:
    """Spikes opened in the judged weeks of one run."""
    workspace = Workspace(name="null", bucket_s=cell.bucket_s, dimensions=DIMENSIONS, budget_per_week=budget)
    detector = Detector(workspace, "contacts", SETTINGS)
    from_here = START + timedelta(weeks=history)
    names = set()
    for bucket in buckets(cell, seed, history + judged):
        told = detector.judge(bucket).spikes
        names |= {spike.spike_id for spike in told if spike.opened_at > from_here}
    return len(names)


def measure(cell: Cell, *, runs: int, budget: float, history: int = 8, judged: int = 8) -> dict[str, object]:
    """The ratio of one cell with its spread by chance."""
    began = time.perf_counter()
    found = sum(false_spikes(cell, seed=seed, budget=budget, history=history, judged=judged) for seed in range(runs))
    stated = runs * judged * budget
    return {
        "cell": cell.name,
        "nasty": cell.nasty,
        "stated": stated,
        "found": found,
        "ratio": round(found / stated, 3),
        "sd": round(max(found, 1) ** 0.5 / stated, 3),
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    """Measure the cells asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--budget", type=float, default=1.0)
    parser.add_argument("--cell", default="")
    parser.add_argument("--history", type=int, default=8, help="weeks")
    parser.add_argument("--judged", type=int, default=8, help="weeks")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for cell in CELLS:
        if args.cell in cell.name:
            row = measure(cell, runs=args.runs, budget=args.budget, history=args.history, judged=args.judged)
            print(
                json.dumps(row)
                if args.json
                else "{cell:32} {found:4} of {stated:6}  {ratio:6} ± {sd:5}  {seconds} s".format(**row),
                flush=True,
            )


if __name__ == "__main__":
    main()
