"""How long one bucket takes: CPU time by number of slices, with the state that each keeps.

    python -m benchmarks.detection_speed [--slices 100 1000 10000] [--weeks 2] [--step 3600] [--json]
    python -m benchmarks.detection_speed --nested CELL         all of detect over nested slices (a cell of detection_nested)

Seeded counts of every volume run through :class:`stats.flat.FlatDetector`, the arithmetic of detect without its nesting. The
first two weeks of buckets are not timed (unless ``--all``: then the sum is what a rebuild from stored counts takes).
CPU time of this process, as other work may share the machine; run with ``OPENBLAS_NUM_THREADS=1``, as waiting threads count too.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection_nested import CELLS, DIMENSIONS, SETTINGS, buckets
from schemas.workspace import Workspace
from stats.flat import FlatDetector
from streams.detect.detector import Detector

START_S = 1_704_067_200
WEEK_S = 7 * 86_400
CHUNK = 24
ROW = "| {slices:,} | {median_ms} | {p99_ms} | {most_ms} | {bytes_per_slice:,} | {total_s} |"


def measure(*, slices: int, weeks: float, step_s: int, warm_weeks: float) -> dict[str, object]:
    """CPU milliseconds a bucket after ``warm_weeks``, of ``weeks`` in all."""
    random = np.random.default_rng(7)
    level = 10 ** random.uniform(-2, 3, slices) * step_s / 3600
    detector = FlatDetector(series=slices, step_s=step_s, budget_per_week=1.0)
    took: list[float] = []
    steps = int(weeks * WEEK_S / step_s)
    for first in range(0, steps, CHUNK):
        rows = random.poisson(level, (CHUNK, slices)).astype(np.float64)
        for place, row in enumerate(rows[: steps - first]):
            began = time.process_time()
            detector.push(START_S + (first + place) * step_s, row)
            took.append(time.process_time() - began)
    timed = np.array(took[int(warm_weeks * WEEK_S / step_s) :]) * 1e3
    return {
        "slices": slices,
        "step_s": step_s,
        "median_ms": round(float(np.median(timed)), 2),
        "p99_ms": round(float(np.percentile(timed, 99)), 2),
        "most_ms": round(float(timed.max()), 1),
        "bytes_per_slice": round(_bytes(detector, set()) / slices),
        "total_s": round(sum(took), 1),
    }


def nested(name: str, *, weeks: int = 16) -> dict[str, object]:
    """CPU milliseconds a bucket of all of detect in the second half of the weeks; ``beyond``: the share above 2 ms."""
    cell = next(one for one in CELLS if one.name == name)
    workspace = Workspace(name="null", bucket_s=cell.bucket_s, dimensions=DIMENSIONS, budget_per_week=1.0)
    detector = Detector(workspace, "contacts", SETTINGS)
    took: list[float] = []
    for bucket in buckets(cell, 0, weeks):
        began = time.process_time()
        detector.judge(bucket)
        took.append(time.process_time() - began)
    timed = np.array(took[len(took) // 2 :]) * 1e3
    return {
        "slices": len(detector.known.watched.slices),
        "median_ms": round(float(np.median(timed)), 2),
        "p95_ms": round(float(np.percentile(timed, 95)), 2),
        "p99_ms": round(float(np.percentile(timed, 99)), 2),
        "most_ms": round(float(timed.max()), 1),
        "beyond": round(float(np.mean(timed > 2.0)), 3),
    }


def _bytes(thing: object, seen: set[int]) -> int:
    """Bytes of all arrays that can be reached from here."""
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        base: NDArray[np.float64] | None = thing.base if isinstance(thing.base, np.ndarray) else None
        return thing.nbytes if base is None else _bytes(base, seen)
    if isinstance(thing, (list, tuple)):
        return sum(_bytes(part, seen) for part in thing)
    return sum(_bytes(part, seen) for part in vars(thing).values()) if hasattr(thing, "__dict__") else 0


def main() -> None:
    """Measure the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--weeks", type=float, default=3.0)
    parser.add_argument("--step", type=int, default=3600)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--nested", metavar="CELL")
    args = parser.parse_args()
    if args.nested is not None:
        print(json.dumps(nested(args.nested)))
        return
    for slices in args.slices:
        row = measure(slices=slices, weeks=args.weeks, step_s=args.step, warm_weeks=0.0 if args.all else 2.0)
        print(json.dumps(row) if args.json else ROW.format(**row), flush=True)


if __name__ == "__main__":
    main()
