"""Alarms on weekly reference series, in the form that the yardstick's scorer reads.

    python -m benchmarks.noufaily42 SERIES.csv.gz ALARMS.csv[.gz]
    python -m benchmarks.noufaily42 --fresh 96 [--seed 7]      scores series of the recipe that nobody has seen
    python -m benchmarks.noufaily42 --calibrate                the threshold, from the method's own simulation

Weeks 1 to 572 are history; weeks 576 to 624 are judged one at a time, each by what came before, with the present
outbreak in the data and, on its own, with it taken out. The method is that of ``whence detect``; the alarm is raised
where the evidence reaches ``THRESHOLD``: its 99% point on simulated series of the recipe (``--calibrate``, a seed of its own).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.noufaily_weekly import FIRST_JUDGED, WEEKS, make, scenarios
from stats.dated import DatedDetector
from stats.evidence import WEEKLY, Evidence

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Key = tuple[int, int]
YEAR_D = 364.0
NOMINAL = 0.0102
THRESHOLD = 1.955
CALIBRATED_ON = 2042
TAUGHT = FIRST_JUDGED - 4
TOGETHER = 500


class Score(NamedTuple):
    """As the yardstick's scorer defines them; outbreak weeks are those with a case of the present outbreak."""

    fpr: float
    pod: float
    sensitivity: float
    ppv: float
    f1: float


def evidence(counts: Floats) -> Floats:
    """Evidence per series and judged week, from counts of weeks 1 to 624 by series."""
    parts = [_evidence(counts[at : at + TOGETHER]) for at in range(0, len(counts), TOGETHER)]
    return np.concatenate(parts)


def _evidence(counts: Floats) -> Floats:
    detector = DatedDetector(series=len(counts), step_d=7, budget_per_week=1.0, year_d=YEAR_D)
    detector.teach([7 * week for week in range(1, TAUGHT + 1)], counts[:, :TAUGHT])
    told = []
    for week in range(TAUGHT + 1, WEEKS + 1):
        detector.push(7 * week, counts[:, week - 1])
        told.append(detector.evidence)
    return np.stack(told[FIRST_JUDGED - TAUGHT - 1 :], axis=1)


def score(alarm: Bools, clean: Bools, outbreak: Bools) -> Score:
    """All per judged week, series x weeks."""
    hit = int((alarm & outbreak).sum())
    wrong, missed = int((alarm & ~outbreak).sum()), int((~alarm & outbreak).sum())
    return Score(
        fpr=float(clean.mean()),
        pod=float((alarm & outbreak).any(axis=1).mean()),
        sensitivity=hit / max(hit + missed, 1),
        ppv=hit / max(hit + wrong, 1),
        f1=2 * hit / max(2 * hit + wrong + missed, 1),
    )


def fresh(replicates: int, *, seed: int) -> dict[str, Score]:
    """Scores on that many fresh series of each scenario: ours, and the same evidence with mean and dispersion known."""
    series = make(replicates, seed=seed)
    clean = (series.background + series.past).astype(np.float64)
    counts = clean + series.current
    outbreak = series.current[:, FIRST_JUDGED - 1 :] > 0
    ours = score(evidence(counts) >= THRESHOLD, evidence(clean) >= THRESHOLD, outbreak)
    with_it, without = (_knowing(one, series.scenario) for one in (counts, clean))
    cut = float(np.quantile(without, 1 - ours.fpr))
    return {"ours": ours, "knowing the truth, at the same fpr": score(with_it >= cut, without >= cut, outbreak)}


def _knowing(counts: Floats, scenario: NDArray[np.int64]) -> Floats:
    weigher, recipe = Evidence(WEEKLY), scenarios()
    mean = np.array([one.mean() for one in recipe])[scenario - 1]
    variance = mean * np.array([one.phi for one in recipe])[scenario - 1][:, None]
    weeks = (slice(last - weigher.steps, last) for last in range(FIRST_JUDGED, WEEKS + 1))
    return np.stack([weigher.weigh(counts[:, one], mean[:, one], variance[:, one]) for one in weeks], axis=1)


def calibrate(replicates: int = 60) -> float:
    """The evidence that a share ``NOMINAL`` of weeks reaches on simulated series without present outbreak."""
    series = make(replicates, seed=CALIBRATED_ON)
    return float(np.quantile(evidence((series.background + series.past).astype(np.float64)), 1 - NOMINAL))


def read(path: Path) -> tuple[list[Key], Floats, Floats]:
    """Series of a file: their keys, counts without and with the present outbreak, by week."""
    rows: dict[Key, tuple[Floats, Floats]] = {}
    with opened(path, "rt") as file:
        for row in csv.DictReader(file):
            key = (int(row["scenario"]), int(row["replicate"]))
            clean, counts = rows.setdefault(key, (np.zeros(WEEKS), np.zeros(WEEKS)))
            week = int(row["week"]) - 1
            clean[week] = int(row["background"]) + int(row["past_outbreaks"])
            counts[week] = clean[week] + int(row["current_outbreak"])
    return list(rows), np.array([one for one, _ in rows.values()]), np.array([one for _, one in rows.values()])


def opened(path: Path, mode: str) -> IO[Any]:
    """A text file, gzipped or plain by its name."""
    if path.suffix == ".gz":
        return cast(IO[Any], gzip.open(path, mode, newline="", encoding="utf-8"))
    return path.open(mode.rstrip("t"), newline="", encoding="utf-8")


def judge(series: Path, alarms: Path) -> None:
    """Write the alarms of a file of series."""
    keys, clean, counts = read(series)
    began = time.process_time()
    with_it, without = evidence(counts) >= THRESHOLD, evidence(clean) >= THRESHOLD
    spent_ms = 1e3 * (time.process_time() - began) / (2 * with_it.size)
    with opened(alarms, "wt") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("scenario", "replicate", "week", "alarm", "alarm_clean"))
        for key, one, other in zip(keys, with_it, without, strict=True):
            writer.writerows((*key, FIRST_JUDGED + at, int(one[at]), int(other[at])) for at in range(len(one)))
    print(f"{len(keys)} series, {2 * with_it.size} judged weeks, {spent_ms:.3f} ms of CPU each")


def main() -> None:
    """Judge a file, or score fresh series, or find the threshold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", type=Path, nargs="?")
    parser.add_argument("alarms", type=Path, nargs="?")
    parser.add_argument("--fresh", type=int, default=0, metavar="REPLICATES")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--calibrate", action="store_true")
    args = parser.parse_args()
    if args.calibrate:
        print(f"THRESHOLD = {calibrate():.3f}")
    elif args.fresh:
        for name, told in fresh(args.fresh, seed=args.seed).items():
            print(name, " ".join(f"{field}={value:.4f}" for field, value in told._asdict().items()))
    elif args.series is not None and args.alarms is not None:
        judge(args.series, args.alarms)
    else:
        parser.error("name SERIES and ALARMS, or --fresh, or --calibrate")


if __name__ == "__main__":
    main()
