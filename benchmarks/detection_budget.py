"""Is the budget kept? False spikes a week on series without any, divided by the budget stated.

    python -m benchmarks.detection_budget [--runs 1] [--budget 5] [--cell NAME] [--series 1000] [--seed 0] [--json]

Every cell is a set of made-up series: eight weeks of history, then eight weeks judged, nothing but chance in either,
unless said. All levels, shapes, dispersions and forecast errors are estimated by the detector itself. Seeded.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from stats.flat import FlatDetector

Floats = NDArray[np.float64]
WEEK_H = 168
HISTORY_W = JUDGED_W = 8
START_S = 1_704_067_200
CHUNK = 1_680


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of null series. ``level`` contacts an hour (None: from 0.01 to 10,000, even in logs).

    ``wander``: relative sd of an intensity that forgets in 36 hours, of every series (``together``: of all at once);
    ``own_shape``: relative size of every series' own daily wave; ``spread``: dispersions differ by that much;
    ``past``: outbreaks per series in the history, of +30% to +200% over 3 to 72 hours; ``gaps``: one per series there, of
    2 hours to 10 days; ``holidays``: days without two thirds of their contacts, told to the detector; ``surprise_holiday``:
    one in the judged weeks that it is not told; ``shift``: factor from the middle of the judged weeks on.
    """

    name: str
    level: float | None
    dispersion: float = 1.0
    seasonal: bool = True
    weekly_trend: float = 0.0
    wander: float = 0.0
    together: bool = False
    own_shape: float = 0.0
    spread: float = 0.0
    past: int = 0
    gaps: bool = False
    holidays: tuple[int, ...] = ()
    surprise_holiday: int | None = None
    shift: float = 1.0
    step_s: int = 3600
    kind: str = "well-behaved"


NASTY, HOPELESS = "nasty, learnable", "not learnable"
CELLS = (
    Cell("poisson flat 0.01", 0.01, seasonal=False),
    Cell("poisson flat 1", 1.0, seasonal=False),
    Cell("poisson flat 30", 30.0, seasonal=False),
    Cell("poisson flat 10,000", 10_000.0, seasonal=False),
    Cell("poisson seasonal 0.1", 0.1),
    Cell("poisson seasonal 1", 1.0),
    Cell("poisson seasonal 30", 30.0),
    Cell("poisson seasonal 10,000", 10_000.0),
    Cell("poisson seasonal mixed", None),
    Cell("over-dispersed flat 30", 30.0, dispersion=2.0, seasonal=False),
    Cell("over-dispersed seasonal 0.1", 0.1, dispersion=1.5),
    Cell("over-dispersed seasonal 30", 30.0, dispersion=2.0),
    Cell("over-dispersed seasonal mixed", None, dispersion=2.0),
    Cell("trending seasonal 30", 30.0, weekly_trend=0.01),
    Cell("trending seasonal 10,000", 10_000.0, weekly_trend=0.01),
    Cell("minute buckets 60 an hour", 60.0, step_s=60),
    Cell("minute buckets mixed", None, dispersion=1.5, step_s=60),
    Cell("own shapes 30", 30.0, own_shape=0.15, kind=NASTY),
    Cell("own shapes 1,000", 1_000.0, own_shape=0.15, kind=NASTY),
    Cell("wandering by 10%, 30", 30.0, wander=0.1, kind=NASTY),
    Cell("wandering by 10%, 10,000", 10_000.0, wander=0.1, kind=NASTY),
    Cell("wandering together, 30", 30.0, wander=0.1, together=True, kind=NASTY),
    Cell("dispersion differs, 30", 30.0, spread=1.0, kind=NASTY),
    Cell("past outbreaks, 30", 30.0, past=2, kind=NASTY),
    Cell("past gaps, 30", 30.0, gaps=True, kind=NASTY),
    Cell("holidays in the history, 30", 30.0, holidays=(17, 38, 80), kind=NASTY),
    Cell("a first holiday, not told, 30", 30.0, surprise_holiday=80, kind=HOPELESS),
    Cell("all shift by +30%, 30", 30.0, shift=1.3, kind=HOPELESS),
)


def intensity(cell: Cell, series: int, random: np.random.Generator) -> Iterator[Floats]:
    """Expected contacts per step and series, some weeks at a time."""
    per_h = 3600 / cell.step_s
    level = 10 ** random.uniform(-2, 4, series) if cell.level is None else np.full(series, cell.level)
    phase = random.uniform(0, 24, series)
    many = 1 if cell.together else series
    keep = np.exp(-1 / (36 * per_h))
    away = random.normal(size=many)
    steps = int((HISTORY_W + JUDGED_W) * WEEK_H * per_h)
    for first in range(0, steps, CHUNK):
        hours = np.arange(first, min(first + CHUNK, steps)) / per_h
        usual = np.ones((len(hours), 1))
        if cell.seasonal:
            daily = np.exp(0.9 * np.sin((hours % 24 - 9) / 24 * 2 * np.pi)) / 1.213
            usual = (daily * np.where(hours // 24 % 7 >= 5, 0.5, 1.0) / 0.857)[:, None]
        usual = usual * _days(cell, hours)[:, None] * np.exp(cell.weekly_trend * hours / WEEK_H)[:, None]
        if cell.own_shape:
            usual = usual * (1 + cell.own_shape * np.sin((hours[:, None] - phase) / 24 * 2 * np.pi))
        if cell.wander:
            path = np.empty((len(hours), many))
            for place in range(len(hours)):
                away = keep * away + np.sqrt(1 - keep**2) * random.normal(size=many)
                path[place] = away
            usual = usual * np.exp(cell.wander * path)
        yield np.asarray(usual * level / per_h)


def _days(cell: Cell, hours: Floats) -> Floats:
    """What holidays and a shift of regime make of every hour."""
    day = hours // 24
    off = np.isin(day, [*cell.holidays, *([] if cell.surprise_holiday is None else [cell.surprise_holiday])])
    later = hours >= (HISTORY_W + JUDGED_W / 2) * WEEK_H
    return np.asarray(np.where(off, 1 / 3, 1.0) * np.where(later, cell.shift, 1.0))


def counts(cell: Cell, series: int, seed: int) -> Iterator[Floats]:
    """The series' contacts, step by step; NaN where not collected."""
    random = np.random.default_rng((seed, CELLS.index(cell)))
    dispersion = np.full(series, cell.dispersion) + cell.spread * random.exponential(1.0, series)
    history = int(HISTORY_W * WEEK_H * 3600 / cell.step_s)
    begin = random.integers(0, history - 250 if cell.past or cell.gaps else 1, (max(cell.past, 1), series))
    length = random.integers(2 if cell.gaps else 3, 240 if cell.gaps else 72, begin.shape)
    times = random.uniform(1.3, 3.0, begin.shape)
    step = 0
    for mean in intensity(cell, series, random):
        at = np.arange(step, step + len(mean))[:, None]
        raised = mean
        for one in range(cell.past):
            raised = raised * np.where((at >= begin[one]) & (at < begin[one] + length[one]), times[one], 1.0)
        if np.any(dispersion > 1):
            raised = random.gamma(raised / (dispersion - 1 + 1e-9)) * (dispersion - 1 + 1e-9)
        rows = random.poisson(raised).astype(np.float64)
        if cell.gaps:
            rows[(at >= begin[0]) & (at < begin[0] + length[0])] = np.nan
        yield from rows
        step += len(mean)


def false_spikes(cell: Cell, *, series: int, budget: float, seed: int) -> tuple[int, int]:
    """Spikes opened in the history and in the judged weeks of one run."""
    holidays = frozenset(START_S // 86_400 + day for day in cell.holidays)
    detector = FlatDetector(series=series, step_s=cell.step_s, budget_per_week=budget, holidays=holidays)
    judged_s, before, highest = START_S + HISTORY_W * 7 * 86_400, -1, -1
    for step, row in enumerate(counts(cell, series, seed)):
        start_s = START_S + step * cell.step_s
        highest = max(highest, int(detector.push(start_s, row).spike.max()))
        if start_s < judged_s:
            before = highest
    return before + 1, highest - before


def measure(cell: Cell, *, series: int, budget: float, runs: int, seed: int = 0) -> dict[str, object]:
    """The ratio of one cell with its spread by chance."""
    began = time.process_time()
    pairs = [false_spikes(cell, series=series, budget=budget, seed=seed + run) for run in range(runs)]
    found, stated = sum(late for _, late in pairs), runs * JUDGED_W * budget
    return {
        "cell": cell.name,
        "kind": cell.kind,
        "budget": budget,
        "found": found,
        "stated": stated,
        "ratio": round(found / stated, 2),
        "sd": round(max(found, 1) ** 0.5 / stated, 2),
        "history": round(sum(early for early, _ in pairs) / (runs * HISTORY_W * budget), 2),
        "cpu_s": round(time.process_time() - began, 1),
    }


def main() -> None:
    """Measure the cells asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--budget", type=float, default=5.0)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--cell", default="")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the first run; 0 is what is reported, others are for choosing"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    cells = [cell for cell in CELLS if args.cell in cell.name or args.cell == cell.kind]
    with Progress(transient=True) as progress:
        for cell in progress.track(cells):
            row = measure(cell, series=args.series, budget=args.budget, runs=args.runs, seed=args.seed)
            text = "| {cell} | {kind} | {budget} | {found} of {stated} | {ratio} ± {sd} | {history} | {cpu_s} |"
            progress.console.print(json.dumps(row) if args.json else text.format(**row), soft_wrap=True)


if __name__ == "__main__":
    main()
