"""How well planted spikes are found, dated, placed and sized, on streams like those of ``detection_budget``.

    python -m benchmarks.detection_planted [--runs 4] [--budget 1] [--cell NAME] [--history 8] [--weeks 16] [--json]

After eight weeks of history, one spike every four days for eight weeks (``--history 1 --weeks 3``: in the first weeks): on a slice of up to three dimensions, from any moment
of an hour on, lasting three hours to two days, adding 3 to 16 times what counting alone makes the count of its whole span
vary by, in proportion to the usual contacts, or (``--shape fading``) dying away to a twentieth. Intervals are judged where the
slice is right (``anywhere``: of all found), the excess against all that was added, its tail too. Seeded.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product

import numpy as np

from benchmarks.buckets import buckets_of
from benchmarks.detection_nested import CELLS, DIMENSIONS, SETTINGS, START, WEEK_H, Cell, intensity
from schemas.spike import Spike
from schemas.workspace import Workspace
from streams.detect.detector import Detector
from streams.merge import Bucket

LEAVES = tuple(
    product(*[[f"{name}{i}" for i in range(many)] for name, many in zip(DIMENSIONS, (4, 5, 6), strict=True)])
)


@dataclass(frozen=True, slots=True)
class Planted:
    """One spike's truth: buckets from ``begin`` on (a part of one included), where, how many contacts were added, and how many sd that is."""

    begin: float
    length: int
    pairs: dict[str, str]
    added: int
    strength: float


@dataclass(slots=True)
class Tally:
    """What became of the planted spikes."""

    planted: int = 0
    strong: int = 0
    strong_found: int = 0
    found: int = 0
    placed: int = 0
    excess_covered: int = 0
    onset_covered: int = 0
    onset_covered_placed: int = 0
    others: int = 0
    delays_h: list[float] = field(default_factory=list)


def stream(
    cell: Cell, seed: int, weeks: int, shape: str = "steady", history: int = 8
) -> tuple[list[Planted], Iterator[Bucket]]:
    """One run's truth and its buckets."""
    random = np.random.default_rng((seed, 77, CELLS.index(cell)))
    per_hour = 3600 // cell.bucket_s
    steps = weeks * WEEK_H * per_hour
    mean = intensity(cell, steps, len(LEAVES), random)
    noisy = mean
    if cell.dispersion > 1:
        noisy = random.gamma(mean / (cell.dispersion - 1)) * (cell.dispersion - 1)
    counts = random.poisson(noisy)
    truth = []
    for begin_h in range(history * WEEK_H + 30, weeks * WEEK_H - 80, 96):
        moment = (begin_h + float(random.uniform(0, 24))) * per_hour
        begin = int(moment)
        length = int(random.choice([3, 8, 24, 48])) * per_hour
        names = sorted(random.choice(len(DIMENSIONS), size=int(random.integers(4)), replace=False))
        like = LEAVES[int(random.choice(len(LEAVES), p=mean.sum(axis=0) / mean.sum()))]
        inside = np.array([all(leaf[name] == like[name] for name in names) for leaf in LEAVES])
        usual = float(mean[begin : begin + length, inside].sum())
        strength = float(random.uniform(3, 16))
        size = strength * np.sqrt(cell.dispersion * usual + 4)
        age = np.arange(begin, begin + length + 1)
        share = np.clip(age + 1 - moment, 0, 1) * np.clip(moment + length - age, 0, 1)
        if shape == "fading":
            share *= np.exp(-3 * np.maximum(age + 0.5 - moment, 0) / length)
        weight = mean[begin : begin + length + 1, inside] * share[:, None]
        extra = random.poisson(size * weight / weight.sum())
        counts[begin : begin + length + 1, inside] += extra
        truth.append(Planted(moment, length, {DIMENSIONS[n]: like[n] for n in names}, int(extra.sum()), strength))
    return truth, buckets_of(counts, LEAVES, dimensions=DIMENSIONS, start=START, bucket_s=cell.bucket_s)


def score(tally: Tally, cell: Cell, truth: list[Planted], found: dict[str, list[Spike]], history: int = 8) -> None:
    """Match every planted spike with the largest one found over its span."""
    width = timedelta(seconds=cell.bucket_s)
    left = {name: told for name, told in found.items() if told[-1].state != "merged"}
    for one in truth:
        begin, end = START + one.begin * width, START + (one.begin + one.length) * width
        near = [n for n, t in left.items() if t[-1].onset < end and _end(t[-1]) > begin - timedelta(hours=6)]
        tally.planted += 1
        tally.strong += one.strength >= 8
        if not near:
            continue
        name = max(near, key=lambda n: left[n][-1].excess)
        told = left[name]
        for other in near:
            del left[other]
        tally.others += len(near) - 1
        last = told[-1]
        tally.found += 1
        tally.strong_found += one.strength >= 8
        tally.placed += last.slice == one.pairs
        dated = last.onset_low <= begin <= last.onset_high
        tally.onset_covered += dated
        if last.slice == one.pairs:
            tally.onset_covered_placed += dated
            tally.excess_covered += last.excess_low <= one.added <= last.excess_high
        tally.delays_h.append((told[0].as_of - begin).total_seconds() / 3600)
    tally.others += len([t for t in left.values() if t[0].opened_at > START + timedelta(weeks=history)])


def _end(spike: Spike) -> datetime:
    return spike.end if spike.end is not None else spike.as_of


def measure(
    cell: Cell, *, runs: int, budget: float, weeks: int = 16, shape: str = "steady", history: int = 8
) -> dict[str, object]:
    """All runs of one cell."""
    tally = Tally()
    for seed in range(runs):
        truth, some = stream(cell, seed, weeks, shape, history)
        workspace = Workspace(name="planted", bucket_s=cell.bucket_s, dimensions=DIMENSIONS, budget_per_week=budget)
        detector = Detector(workspace, "contacts", SETTINGS)
        found: dict[str, list[Spike]] = {}
        for bucket in some:
            for spike in detector.judge(bucket).spikes:
                found.setdefault(spike.spike_id, []).append(spike)
        score(tally, cell, truth, found, history)
    many = max(tally.found, 1)
    return {
        "cell": cell.name,
        "planted": tally.planted,
        "found": round(tally.found / tally.planted, 3),
        "found_8sd": round(tally.strong_found / max(tally.strong, 1), 3),
        "slice_exact": round(tally.placed / many, 3),
        "onset_covered": round(tally.onset_covered_placed / max(tally.placed, 1), 3),
        "onset_covered_anywhere": round(tally.onset_covered / many, 3),
        "excess_covered": round(tally.excess_covered / max(tally.placed, 1), 3),
        "delay_h_median": round(float(np.median(tally.delays_h)), 2) if tally.delays_h else None,
        "others": tally.others,
    }


def main() -> None:
    """Measure the cells asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--budget", type=float, default=1.0)
    parser.add_argument("--cell", default="")
    parser.add_argument("--history", type=int, default=8, help="weeks")
    parser.add_argument("--weeks", type=int, default=16, help="in all")
    parser.add_argument("--shape", choices=("steady", "fading"), default="steady")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for cell in CELLS:
        if args.cell in cell.name:
            sizes = {"runs": args.runs, "weeks": args.weeks, "history": args.history}
            row = measure(cell, budget=args.budget, shape=args.shape, **sizes)
            text = "  ".join(f"{key} {value}" for key, value in row.items())
            print(json.dumps(row) if args.json else text, flush=True)


if __name__ == "__main__":
    main()
