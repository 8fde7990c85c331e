"""A small made-up table of daily counts with four spikes in it, to try ``whence detect`` on.

python -m benchmarks.series_example COUNTS.csv [--seed 3]
"""

from __future__ import annotations

import argparse
import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

START = date(2025, 9, 1)
DAYS = 240
# Queue, usual contacts a day, first day and length of its spike, how many times as many.
QUEUES = (
    ("app", 60, 170, 6, 1.8),
    ("billing", 14, 200, 3, 2.6),
    ("delivery", 140, 150, 21, 1.25),
    ("login", 3, 185, 4, 4.0),
    ("shop", 35, 0, 0, 1.0),
)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", type=Path)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    day = np.arange(DAYS)
    with args.counts.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("queue", "time", "count"))
        for queue, usual, first, long, times in QUEUES:
            mean = usual * np.where(day % 7 >= 5, 0.55, 1.15) * np.exp(0.0005 * day)
            mean[first : first + long] *= times
            counts = random.poisson(random.gamma(mean / 0.4) * 0.4)
            writer.writerows((queue, START + timedelta(days=int(at)), int(counts[at])) for at in day)


if __name__ == "__main__":
    main()
