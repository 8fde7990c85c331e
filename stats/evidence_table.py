"""How often does chance alone reach an evidence? Read from a table that the method's own simulation made.

``python -m benchmarks.evidence_table`` makes ``evidence_table.csv``: independent negative binomial counts of known
mean and dispersion, judged by :class:`stats.evidence.Evidence`. Beyond the simulation's reach the chance falls like
``exp(-evidence)``, which Markov's inequality allows for: a bound, not an estimate.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats.errors import DomainError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MEANS = (0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0, 2.0, 4.0, 12.0, 100.0, 1000.0)
DISPERSIONS = (1.0, 1.5, 3.0, 8.0, 30.0)
LEVELS = tuple(level / 2 for level in range(-2, 17))
THIN = 3.0
CAUTION = 1.1
"""``CAUTION`` is the variance that evidence is weighed with, over the best estimate of it; the table is made with it."""


class Chance(NamedTuple):
    """Per step: that evidence reaches a value (``step``), and that a run of such steps begins (``clump``)."""

    step: Floats
    clump: Floats


class EvidenceTable:
    """Natural logarithms of both chances: means x dispersions x levels of evidence."""

    def __init__(self, step: Floats, clump: Floats) -> None:
        shape = (len(MEANS), len(DISPERSIONS), len(LEVELS))
        if step.shape != shape or clump.shape != shape:
            raise DomainError("step", step.shape, f"{shape}, as clump")
        self.step, self.clump = step, clump

    def chance(self, evidence: Floats, *, mean: Floats, dispersion: Floats) -> Chance:
        """Chances per series, by interpolation; never 0.

        Thin counts reach only a few values of evidence, so theirs is the chance of the level below.
        """
        levels = np.array(LEVELS)
        left, part = _place(evidence, levels)
        at = (left, np.where((mean < THIN) & (part < 1.0), 0.0, part))
        beyond = np.maximum(evidence - LEVELS[-1], 0.0)
        row = _place(np.log(np.maximum(mean, 1e-9)), np.log(MEANS))
        column = _place(np.log(np.maximum(dispersion, 1.0)), np.log(DISPERSIONS))
        read = (np.exp(np.maximum(_read(table, row, column, at) - beyond, -600.0)) for table in (self.step, self.clump))
        return Chance(*(np.where(evidence < LEVELS[0], 1.0, one) for one in read))


@cache
def table_of(kind: str) -> EvidenceTable:
    """The committed table of ``weekly`` or ``daily`` evidence.

    Raises:
        DomainError: there is none of that kind.
    """
    with files("stats").joinpath("evidence_table.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == kind]
    if not rows:
        raise DomainError("kind", kind, "weekly or daily")
    shape = (len(MEANS), len(DISPERSIONS), len(LEVELS))
    step, clump = (np.array([float(row[name]) for row in rows]).reshape(shape) for name in ("step", "clump"))
    return EvidenceTable(step, clump)


def _place(value: Floats, grid: Floats) -> tuple[Ints, Floats]:
    """Left neighbour on the grid, and how far to the right one."""
    inside = np.clip(value, grid[0], grid[-1])
    left = np.clip(np.searchsorted(grid, inside, side="right") - 1, 0, len(grid) - 2)
    return left, (inside - grid[left]) / (grid[left + 1] - grid[left])


def _read(table: Floats, row: tuple[Ints, Floats], column: tuple[Ints, Floats], at: tuple[Ints, Floats]) -> Floats:
    total = np.zeros(len(at[0]))
    for down in (0, 1):
        for right in (0, 1):
            for deep in (0, 1):
                weight = abs(1 - down - row[1]) * abs(1 - right - column[1]) * abs(1 - deep - at[1])
                total += weight * table[row[0] + down, column[0] + right, at[0] + deep]
    return total
