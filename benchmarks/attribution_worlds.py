"""How often attribution is right on made-up worlds, how sure it says it is, and what simpler rules make of them.

    python -m benchmarks.attribution_worlds --families judged --worlds 67 --seed 1000 --jobs 2

Families: ``judged`` (used for no setting), ``fit``, ``all``, or names. ``--cache FOLDER`` keeps detection's output per
world, so that attribution alone can be run again in a third of the time; start with an empty folder when detection
or the worlds have changed. ``--save FILE`` writes every answer (one JSON object a line) for
``benchmarks.attribution_calibration`` and for a closer look; ``--load FILE …`` reports without running anything.
``--no-rivals`` leaves the rivals out. ``--show`` prints the wrong answers. Intervals are 95%, by drawing worlds anew.

Fit on ``--families fit`` alone. CPU: about 4 s a world, 2 s with the cache.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from multiprocessing import Pool
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.worlds_judge import Answer, Cause, judged
from benchmarks.worlds_report import report, show
from benchmarks.worlds_rivals import rivals_of
from benchmarks.worlds_run import run
from sources.stories.worlds import FAMILIES, FIT_FAMILIES, JUDGED_FAMILIES


class Row(Struct, frozen=True):
    """One world's line in the saved file."""

    family: str
    seed: int
    cpu_s: float
    answers: list[Answer]
    causes: list[Cause]


class Task(Struct, frozen=True):
    """One world to run."""

    family: str
    seed: int
    cache: Path | None
    rivals: bool


def one_world(task: Task) -> Row:
    """Make, run and judge one world."""
    began = time.process_time()
    found = run(task.family, task.seed, cache=task.cache)
    cpu_s = time.process_time() - began
    answers, causes = judged(found, rivals_of(found) if task.rivals else None)
    return Row(task.family, task.seed, cpu_s, answers, causes)


def families_of(names: Iterable[str]) -> list[str]:
    """The families meant by names or ``judged``, ``fit``, ``all``."""
    groups = {"judged": JUDGED_FAMILIES, "fit": FIT_FAMILIES, "all": tuple(FAMILIES)}
    return [family for name in names for family in groups.get(name, (name,))]


def load(path: Path) -> list[Row]:
    """The rows of a saved file."""
    return [msgspec.json.decode(line, type=Row) for line in path.read_bytes().splitlines()]


def main() -> None:
    """Run the worlds and print the figures that docs/attribution.md keeps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", default=["judged"])
    parser.add_argument("--worlds", type=int, default=5, help="of each family")
    parser.add_argument("--seed", type=int, default=1_000, help="the first world's")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--load", type=Path, nargs="+")
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    if options.load:
        rows = [row for path in options.load for row in load(path)]
    else:
        tasks = [
            Task(family, options.seed + number, options.cache, not options.no_rivals)
            for family in families_of(options.families)
            for number in range(options.worlds)
        ]
        with Pool(options.jobs) as pool:
            rows = list(pool.imap(one_world, tasks))
    if options.save:
        options.save.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    answers = [answer for row in rows for answer in row.answers]
    causes = [cause for row in rows for cause in row.causes]
    print(
        f"{len(rows)} worlds of {', '.join(dict.fromkeys(row.family for row in rows))}; {sum(row.cpu_s for row in rows) / len(rows):.1f} CPU s each"
    )
    report(answers, causes)
    if options.show:
        show(answers)


if __name__ == "__main__":
    main()
