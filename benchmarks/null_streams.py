"""Null streams as somebody else would write them: is the budget of ``whence detect`` kept on them too?

    python -m benchmarks.null_streams [--cell NAME] [--runs 0] [--seed 0] [--begins 0] [--json]

Files of 1 to 1,000 series in steps of five minutes to a week, nothing but chance in them: Poisson, over-dispersed in both
usual ways, zero-inflated, with shapes soft and sharp, growing, wandering, of all volumes, late and with holes. The judge
behind the command reads them (``--through-csv``: the command's own reading, writing and naming; slower, the same figures).
Seeded. Where ``--runs`` is 0, as many as make thirty false spikes expected. ``--begins``: the weekday on which files begin, 0 a Monday.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from benchmarks.series_budget import wandering
from stats.dated import DatedDetector
from stats.flat import FlatDetector
from whence.detect import run_detect

Floats = NDArray[np.float64]
HOUR_S, DAY_S, WEEK_S = 3_600, 86_400, 604_800
START_S = 1_704_067_200
YEAR_D = 365.25
EXPECTED = 30.0
MIN5, MIN15, HOUR6 = 300, 900, 21_600
WELL, NASTY = "well-behaved", "nasty, learnable"
HIGHEST = {WELL: 1.0, NASTY: 1.3}


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of file.

    ``mean`` is the lowest and highest count an hour over the series (a day, from days on), even in logs. Variance is ``phi`` times the mean
    or, with ``size``, the mean plus its square over ``size``; ``zeros`` is the share of steps emptied whatever happens.
    ``shape``: see :func:`shape_of`. ``grows`` a year, in logs. ``wander``: relative sd of an intensity that forgets in
    ``memory`` steps. ``late``: series begin in the first ten weeks; ``holes``: share of rows left out.
    ``weeks`` of history and judged; ``begins``: the weekday of the first step, 0 a Monday.
    """

    name: str
    step_s: int = HOUR_S
    series: int = 100
    mean: tuple[float, float] = (1.0, 100.0)
    phi: float = 1.0
    size: float = 0.0
    zeros: float = 0.0
    shape: str = "flat"
    grows: float = 0.0
    wander: float = 0.0
    memory: float = 20.0
    late: bool = False
    holes: float = 0.0
    budget: float = 1.0
    weeks: tuple[int, int] = (8, 8)
    kind: str = WELL
    begins: int = 0

    @property
    def start_s(self) -> int:
        """When the file begins."""
        return START_S + self.begins * DAY_S


ALL = (0.01, 10_000.0)
CELLS = (
    Cell("hour, 1 series, flat 30", series=1, mean=(30.0, 30.0)),
    Cell("hour, 1 series, office 30", series=1, mean=(30.0, 30.0), shape="office"),
    Cell("hour, 1 series, wave 1,000, phi 5", series=1, mean=(1e3, 1e3), shape="wave", phi=5.0),
    Cell("hour, 1 series, wave 1, 0.2 a week", series=1, mean=(1.0, 1.0), shape="wave", budget=0.2),
    Cell("hour, 10 series, wave mixed", series=10, mean=ALL, shape="wave"),
    Cell("hour, 10 series, own mixed, phi 2", series=10, mean=ALL, shape="own", phi=2.0, kind=NASTY),
    Cell("hour, 10 series, office 100, phi 3", series=10, mean=(100.0, 100.0), shape="office", phi=3.0),
    Cell("hour, 10 series, flat 5, 0.2 a week", series=10, mean=(5.0, 5.0), budget=0.2),
    Cell("hour, 100 series, flat 1 to 100"),
    Cell("hour, 100 series, wave, phi 5", shape="wave", phi=5.0),
    Cell("hour, 100 series, wave, phi 10", shape="wave", phi=10.0),
    Cell("hour, 100 series, flat, size 1", size=1.0),
    Cell("hour, 100 series, wave, size 3", size=3.0, shape="wave"),
    Cell("hour, 100 series, office", shape="office"),
    Cell("hour, 100 series, office, phi 5", shape="office", phi=5.0),
    Cell("hour, 100 series, shops mixed, phi 2", shape="shops", mean=ALL, phi=2.0, kind=NASTY),
    Cell("hour, 100 series, own shapes", shape="own", kind=NASTY),
    Cell("hour, 100 series, zero-inflated", mean=(0.1, 2.0), zeros=0.7),
    Cell("hour, 100 series, zero-inflated thick", mean=(10.0, 100.0), zeros=0.3, kind=NASTY),
    Cell("hour, 100 series, growing", grows=2.0, shape="wave"),
    Cell("hour, 100 series, late mixed", late=True, mean=ALL, shape="wave", kind=NASTY),
    Cell("hour, 100 series, holes", holes=0.05, shape="wave"),
    Cell("hour, 100 series, wandering 10%", wander=0.1, shape="wave", kind=NASTY),
    Cell("hour, 100 series, wandering 5%, thick", wander=0.05, memory=5.0, mean=(1e3, 1e4), shape="wave", kind=NASTY),
    Cell("hour, 1,000 series, wave mixed", series=1000, mean=ALL, shape="wave"),
    Cell("hour, 1,000 series, office mixed, phi 2", series=1000, mean=ALL, shape="office", phi=2.0),
    Cell("hour, 1,000 series, thin, phi 5", series=1000, mean=(0.01, 1.0), phi=5.0),
    Cell("hour, 1,000 series, flat 5, 5 a week", series=1000, mean=(5.0, 5.0), budget=5.0),
    Cell("hour, 1,000 series, flat 5, 0.2 a week", series=1000, mean=(5.0, 5.0), budget=0.2),
    Cell("5 min, 10 series, wave 60, phi 2", MIN5, 10, (60.0, 60.0), phi=2.0, shape="wave"),
    Cell("5 min, 100 series, office mixed", MIN5, 100, ALL, shape="office", budget=5.0),
    Cell("15 min, 1 series, wave 200", MIN15, 1, (200.0, 200.0), shape="wave"),
    Cell("15 min, 100 series, wave mixed, phi 5", MIN15, 100, ALL, phi=5.0, shape="wave"),
    Cell("15 min, 100 series, shops", MIN15, 100, shape="shops", phi=1.5, kind=NASTY),
    Cell("6 hours, 1 series, wave 50", HOUR6, 1, (50.0, 50.0), shape="wave"),
    Cell("6 hours, 10 series, flat", HOUR6, 10),
    Cell("6 hours, 100 series, wave mixed, phi 2", HOUR6, 100, ALL, phi=2.0, shape="wave"),
    Cell("6 hours, 1,000 series, wave thin", HOUR6, 1000, (0.01, 1.0), shape="wave", budget=5.0),
    Cell("day, 1 series, week 50", DAY_S, 1, (50.0, 50.0), shape="wave", weeks=(17, 35)),
    Cell("day, 1 series, flat 1,000, phi 5", DAY_S, 1, (1e3, 1e3), phi=5.0, weeks=(17, 35)),
    Cell("day, 10 series, week mixed, phi 2", DAY_S, 10, ALL, phi=2.0, shape="wave", weeks=(17, 35)),
    Cell("day, 100 series, week", DAY_S, 100, shape="wave", weeks=(17, 26)),
    Cell("day, 100 series, eight weeks and eight", DAY_S, 100, ALL, phi=2.0, shape="wave"),
    Cell("day, 100 series, shut at weekends", DAY_S, 100, shape="office", phi=2.0, weeks=(17, 26)),
    Cell("day, 100 series, week, phi 10", DAY_S, 100, ALL, phi=10.0, shape="wave", weeks=(17, 26)),
    Cell("day, 100 series, size 3", DAY_S, 100, (0.1, 1e3), size=3.0, weeks=(17, 26)),
    Cell("day, 100 series, zero-inflated", DAY_S, 100, (0.1, 5.0), zeros=0.7, weeks=(17, 26)),
    Cell("day, 100 series, wandering 10%", DAY_S, 100, wander=0.1, shape="wave", weeks=(17, 26), kind=NASTY),
    Cell("day, 100 series, late with holes", DAY_S, 100, ALL, holes=0.05, late=True, shape="wave", weeks=(17, 26)),
    Cell("day, 100 series, growing", DAY_S, 100, grows=0.7, shape="wave", weeks=(17, 26)),
    Cell("day, 1,000 series, week, 5 a week", DAY_S, 1000, ALL, phi=1.5, shape="wave", weeks=(17, 26), budget=5.0),
    Cell("day, 1,000 series, week, 0.2 a week", DAY_S, 1000, phi=1.5, shape="wave", weeks=(17, 35), budget=0.2),
    Cell("week, 1 series, flat 100, phi 2", WEEK_S, 1, (14.0, 14.0), phi=2.0, weeks=(104, 104)),
    Cell("week, 10 series, flat", WEEK_S, 10, weeks=(104, 104)),
    Cell("week, 100 series, phi 5", WEEK_S, 100, (0.01, 100.0), phi=5.0, weeks=(104, 104)),
    Cell("week, 100 series, yearly, size 10", WEEK_S, 100, size=10.0, shape="yearly", weeks=(208, 104)),
    Cell("week, 100 series, zero-inflated", WEEK_S, 100, (0.02, 0.5), zeros=0.6, weeks=(104, 104)),
    Cell("week, 100 series, eight weeks and eight", WEEK_S, 100, phi=2.0),
    Cell("week, 1,000 series, mixed", WEEK_S, 1000, (0.01, 1000.0), phi=1.5, weeks=(104, 104), budget=5.0),
)


def shape_of(cell: Cell, random: np.random.Generator) -> Floats:
    """What makes a step more or less usual, steps x series (or x 1), about 1 in the mean.

    ``wave``: a soft day, weekends half; ``office``: nothing at night and at weekends; ``shops``: every series opens and
    shuts at its own hour, on its own days; ``own``: every series has its own hours and weekdays; ``yearly``: a season.
    """
    steps = sum(cell.weeks) * WEEK_S // cell.step_s
    fine = max(cell.step_s // HOUR_S, 1) if cell.step_s < DAY_S else 1
    hours = (np.arange(steps * fine) * (cell.step_s / fine) / HOUR_S)[:, None] + cell.begins * 24
    clock, day = hours % 24, hours // 24 % 7
    days = cell.step_s >= DAY_S
    usual: Floats = np.ones((len(hours), 1))
    if cell.shape == "wave":
        wave = 1.0 if days else np.exp(0.9 * np.sin((clock - 9) / 24 * 2 * np.pi)) / 1.213
        usual = wave * np.where(day >= 5, 0.5, 1.0) / 0.857
    if cell.shape == "office":
        usual = (day < 5) * (1.4 if days else ((clock >= 9) & (clock < 18)) * 3.73)
    if cell.shape == "shops":
        opens, shuts = random.integers(6, 12, cell.series), random.integers(16, 23, cell.series)
        rest = random.integers(0, 7, cell.series)
        usual = np.where((clock >= opens) & (clock < shuts), 2.0, 0.02) * np.where(day == rest, 0.05, 1.0)
    if cell.shape == "own":
        by_hour = np.exp(random.normal(0, 0.5, (24, cell.series)))
        by_day = np.exp(random.normal(0, 0.3, (7, cell.series)))
        usual = by_hour[clock[:, 0].astype(int)] * by_day[day[:, 0].astype(int)]
    if cell.shape == "yearly":
        phase = random.uniform(0, 1, cell.series)
        usual = np.exp(0.5 * np.sin(2 * np.pi * (hours / 24 / YEAR_D + phase)))
    return np.asarray(usual.reshape(steps, fine, -1).mean(axis=1))


def counts_of(cell: Cell, *, seed: int) -> Floats:
    """Steps x series; NaN where there is no row."""
    random = np.random.default_rng((seed, 6, *cell.name.encode()))
    shape = shape_of(cell, random)
    steps = len(shape)
    low, high = np.log(cell.mean)
    level = np.exp(random.uniform(low, high, cell.series)) * cell.step_s / min(HOUR_S, cell.step_s)
    level *= min(cell.step_s, HOUR_S) / (DAY_S if cell.step_s >= DAY_S else HOUR_S)
    mean = level * shape * np.exp(cell.grows * np.arange(steps) * cell.step_s / DAY_S / YEAR_D)[:, None]
    if cell.wander:
        mean = mean * np.exp(cell.wander * wandering(cell.series, steps, cell.memory, random).T)
    if cell.phi > 1:
        mean = random.gamma(mean / (cell.phi - 1) + 1e-12) * (cell.phi - 1)
    if cell.size:
        mean = mean * random.gamma(cell.size, 1 / cell.size, mean.shape)
    counts: Floats = random.poisson(mean).astype(np.float64)
    counts[random.random(counts.shape) < cell.zeros] = 0.0
    counts[random.random(counts.shape) < cell.holes] = np.nan
    if cell.late:
        begin = random.integers(0, 10 * WEEK_S // cell.step_s, cell.series)
        counts[np.arange(steps)[:, None] < begin] = np.nan
    return counts


def false_spikes(cell: Cell, *, seed: int) -> tuple[int, int]:
    """Spikes that begin in the history and in the judged weeks of one file."""
    counts = counts_of(cell, seed=seed)
    days = cell.step_s >= DAY_S
    args = {"series": cell.series, "budget_per_week": cell.budget}
    detector = (
        DatedDetector(step_d=cell.step_s // DAY_S, **args) if days else FlatDetector(step_s=cell.step_s, **args)  # type: ignore[arg-type]
    )
    unit_s, judged = DAY_S if days else 1, cell.weeks[0] * WEEK_S // cell.step_s
    begun: dict[tuple[int, int], int] = {}
    for at, row in enumerate(counts):
        spike = detector.push((cell.start_s + at * cell.step_s) // unit_s, row).spike
        for one in np.flatnonzero((spike >= 0) & ~np.isnan(row)).tolist():
            begun.setdefault((one, int(spike[one])), at)
    late = sum(at >= judged for at in begun.values())
    return len(begun) - late, late


def through_csv(cell: Cell, *, seed: int) -> tuple[int, int]:
    """The same by the command itself: a table written, ``whence detect`` run, different spike ids counted."""
    counts = counts_of(cell, seed=seed)
    judged_s = cell.start_s + cell.weeks[0] * WEEK_S
    with tempfile.TemporaryDirectory() as folder:
        read, told = Path(folder) / "counts.csv", Path(folder) / "alarms.csv"
        with read.open("w", encoding="utf-8") as file:
            file.write("name,time,count\n")
            for at, one in zip(*np.nonzero(~np.isnan(counts)), strict=True):
                moment = datetime.fromtimestamp(cell.start_s + int(at) * cell.step_s, tz=UTC)
                file.write(f"series {one},{moment:%Y-%m-%dT%H:%M},{counts[at, one]:.0f}\n")
        run_detect(read, budget=cell.budget, out=told, plot=None, holidays=None, panels=6, as_json=True)
        first: dict[str, datetime] = {}
        with told.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["spike_id"]:
                    first.setdefault(row["spike_id"], datetime.fromisoformat(row["time"]).replace(tzinfo=UTC))
    late = sum(moment.timestamp() >= judged_s for moment in first.values())
    return len(first) - late, late


def measure(cell: Cell, *, runs: int, seed: int, csv_too: bool = False) -> dict[str, object]:
    """The ratio of one cell with its spread by chance; in the history what it makes of the weeks judged there."""
    began = time.process_time()
    runs = runs or math.ceil(EXPECTED / (cell.budget * cell.weeks[1]))
    count = through_csv if csv_too else false_spikes
    pairs = [count(cell, seed=seed + run) for run in range(runs)]
    found, stated = sum(late for _, late in pairs), runs * cell.weeks[1] * cell.budget
    return {
        "cell": cell.name,
        "kind": cell.kind,
        "budget": cell.budget,
        "found": found,
        "stated": round(stated, 1),
        "ratio": round(found / stated, 2),
        "sd": round(max(found, 1) ** 0.5 / stated, 2),
        "history": round(sum(early for early, _ in pairs) / (runs * cell.weeks[0] * cell.budget), 2),
        "cpu_s": round(time.process_time() - began, 1),
    }


def main() -> None:
    """Measure the cells asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0, help="of the first run; 0 is what is reported")
    parser.add_argument("--begins", type=int, choices=range(7), default=0)
    parser.add_argument("--cell", default="")
    parser.add_argument("--through-csv", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    cells = [replace(cell, begins=args.begins) for cell in CELLS if args.cell in cell.name]
    with Progress(transient=True) as progress:
        for cell in progress.track(cells):
            row = measure(cell, runs=args.runs, seed=args.seed, csv_too=args.through_csv)
            text = "| {cell} | {kind} | {budget} | {found} of {stated} | {ratio} ± {sd} | {history} | {cpu_s} |"
            progress.console.print(json.dumps(row) if args.json else text.format(**row), soft_wrap=True)


if __name__ == "__main__":
    main()
