"""How often is the exact slice named? One to three true slices among chance and decoys, beside RiskLoc on the same cases.

    python -m benchmarks.localisation [--cases 30] [--seed 1] [--stratum NAME] [--json]

Every case: four dimensions of 10 to 20 values, uneven shares, leaf means around the stratum's, one to three true slices
of one to three dimensions, none inside another, each raised by a factor of 1.5 to 4 (log-uniform). Counts are negative
binomial (variance 1 to 2 times the mean). Decoys: six slices whose forecast is wrong (by 5% sd), three single leaves
hit by something of their own (up to +20 sd). F1 is over all slices of all cases, a slice right when it is exactly a true one.
"riskloc_told" is spared guessing whether leaves rose or fell. "bound" is the share of true slices whose own excess, place and ratio known, lies beyond the price of naming it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmarks.riskloc import riskloc
from stats.placing import MARGIN, Evidence, Lattice, place

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Slice = tuple[tuple[int, int], ...]
STRATA = (("0.1", 0.1), ("0.3", 0.3), ("1", 1.0), ("5", 5.0), ("20", 20.0), ("100", 100.0), ("1000", 1000.0))
DIMENSIONS = 4
FORECAST_SD = 0.05
DECOY_SLICES = 6
DECOY_LEAVES = 3


@dataclass(frozen=True, slots=True)
class Case:
    """Leaves' codes, counts, expectations, the dispersion of counts, and the true slices with their ratios."""

    codes: Ints
    count: Floats
    mean: Floats
    dispersion: float
    truth: dict[Slice, float]


def made(leaf_mean: float, seed: int) -> Case:
    """One case."""
    random = np.random.default_rng((seed, round(1000 * leaf_mean)))
    sizes = random.integers(10, 21, DIMENSIONS)
    codes = np.stack([grid.ravel() for grid in np.indices(tuple(sizes.tolist()))], axis=1)
    share = np.ones(len(codes))
    for dim, size in enumerate(sizes):
        share *= random.gamma(4.0, 0.25, size)[codes[:, dim]]
    share *= random.gamma(4.0, 0.25, len(codes))
    mean = leaf_mean * share / share.mean()
    actual = mean.copy()
    for _ in range(DECOY_SLICES):
        actual[_inside(codes, _slice(sizes, random, 1))] *= np.exp(FORECAST_SD * random.normal())
    truth: dict[Slice, float] = {}
    for _ in range(int(random.integers(1, 4))):
        pairs = _slice(sizes, random, 1)
        while any(set(pairs) <= set(old) or set(old) <= set(pairs) for old in truth):
            pairs = _slice(sizes, random, 1)
        truth[pairs] = float(np.exp(random.uniform(np.log(1.5), np.log(4.0))))
        actual[_inside(codes, pairs)] *= truth[pairs]
    dispersion = float(random.uniform(1.0, 2.0))
    rate = random.gamma(actual / (dispersion - 1.0)) * (dispersion - 1.0)
    count = random.poisson(rate).astype(np.float64)
    for leaf in random.integers(len(codes), size=DECOY_LEAVES):
        count[leaf] += random.poisson(random.uniform(5, 20) * np.sqrt(mean[leaf]))
    return Case(codes, count, mean, dispersion, truth)


def _slice(sizes: Ints, random: np.random.Generator, least: int) -> Slice:
    dims = np.sort(random.choice(len(sizes), size=int(random.integers(least, 4)), replace=False))
    return tuple((int(dim), int(random.integers(sizes[dim]))) for dim in dims)


def _inside(codes: Ints, pairs: Slice) -> NDArray[np.bool_]:
    return np.asarray(np.logical_and.reduce([codes[:, dim] == value for dim, value in pairs]))


def ours(case: Case) -> set[Slice]:
    """What :func:`stats.placing.place` names."""
    evidence = Evidence(case.count, case.mean, dispersion=case.dispersion, spread2=2 * FORECAST_SD**2)
    found = place(Lattice(case.codes), evidence, at_most=4)
    return {one.pairs for one in found}


def visible(case: Case) -> int:
    """True slices whose expected gain exceeds the price of naming one of their depth."""
    seen = 0
    for pairs, ratio in case.truth.items():
        mean = float(case.mean[_inside(case.codes, pairs)].sum())
        sizes = case.codes.max(axis=0) + 1.0
        cells = sum(np.prod(sizes[list(dims)]) for dims in combinations(range(DIMENSIONS), len(pairs)))
        seen += mean * (ratio * np.log(ratio) - ratio + 1) / case.dispersion > np.log(cells) + MARGIN
    return seen


@dataclass(slots=True)
class Tally:
    """Named and right, named and wrong, true and not named; seconds of CPU."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    seconds: float = 0.0

    def take(self, case: Case, find: Callable[[Case], set[Slice]]) -> None:
        """Run one method on one case."""
        began = time.process_time()
        named = find(case)
        self.seconds += time.process_time() - began
        self.right += len(named & case.truth.keys())
        self.wrong += len(named - case.truth.keys())
        self.missed += len(case.truth.keys() - named)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall over all slices."""
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)


def measure(name: str, leaf_mean: float, *, cases: int, seed: int) -> dict[str, object]:
    """Both methods on one stratum."""
    methods: dict[str, Callable[[Case], set[Slice]]] = {
        "whence": ours,
        "riskloc": lambda case: set(riskloc(case.codes, case.count, case.mean)),
        "riskloc_told": lambda case: set(riskloc(case.codes, case.count, case.mean, told_rising=True)),
    }
    tallies = {method: Tally() for method in methods}
    true, seen = 0, 0
    for number in range(cases):
        case = made(leaf_mean, 1000 * seed + number)
        true, seen = true + len(case.truth), seen + visible(case)
        for method, find in methods.items():
            tallies[method].take(case, find)
    row: dict[str, object] = {"leaf_mean": name, "cases": cases, "true": true, "bound": round(seen / true, 2)}
    for method, tally in tallies.items():
        row |= {
            f"{method}_f1": round(tally.f1, 3),
            f"{method}_precision": round(tally.right / max(tally.right + tally.wrong, 1), 2),
            f"{method}_recall": round(tally.right / true, 2),
            f"{method}_s": round(tally.seconds / cases, 2),
        }
    return row


def main() -> None:
    """Measure the strata asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stratum", default="")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for name, leaf_mean in STRATA:
        if args.stratum in ("", name):
            row = measure(name, leaf_mean, cases=args.cases, seed=args.seed)
            print(json.dumps(row) if args.json else "  ".join(f"{k} {v}" for k, v in row.items()), flush=True)


if __name__ == "__main__":
    main()
