"""How often ``whence impact`` sees an effect where there is none, and how often its interval holds the true one.

``python -m benchmarks.impact_rates [--runs N] [--seed S]``: made-up daily counts over twelve weeks and the days after,
thin to thick, flat to wandering, with and without a control that wanders along; the effect is nought, or a steady
share of the contacts. Prints, per kind of stream, the share of 90% intervals that leave out nought (both sides, upper
side), the share that hold the planted effect, and their median width relative to what was expected.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats.effect import Effect, effect

Floats = NDArray[np.float64]
HISTORY_D = 84
WEEK = np.array([1.2, 1.15, 1.1, 1.05, 1.0, 0.7, 0.6])


class Kind(NamedTuple):
    """Contacts a day, how its level wanders (sd of a day's step), its over-dispersion, whether a control is there."""

    mean: float
    wander: float
    dispersion: float
    control: bool = False

    def __str__(self) -> str:
        return f"{self.mean:g} a day, wander {self.wander:.0%}, dispersion {self.dispersion:g}" + (
            ", control" if self.control else ""
        )


KINDS = tuple(
    Kind(mean, wander, dispersion, control)
    for mean in (0.3, 3.0, 30.0, 300.0, 3_000.0)
    for wander, dispersion in ((0.0, 1.0), (0.02, 1.5), (0.04, 3.0))
    for control in ((False, True) if mean == 300.0 else (False,))
)


def stream(rng: np.random.Generator, kind: Kind, days: int, lift: float) -> tuple[Floats, Floats | None, float]:
    """Counts, the control's, and the contacts that the lift added after the history."""
    common = np.exp(np.cumsum(rng.normal(0.0, kind.wander, days)))
    rate = kind.mean * common * WEEK[(np.arange(days) + rng.integers(7)) % 7]
    counts = _counts(rng, rate, kind.dispersion)
    added = rng.poisson(np.where(np.arange(days) >= HISTORY_D, lift * rate, 0.0)).astype(float)
    control = _counts(rng, 3 * rate, kind.dispersion) if kind.control else None
    return counts + added, control, float(added.sum())


def _counts(rng: np.random.Generator, rate: Floats, dispersion: float) -> Floats:
    if dispersion <= 1:
        return rng.poisson(rate).astype(float)
    return rng.negative_binomial(rate / (dispersion - 1), 1 / dispersion).astype(float)


def judged(kind: Kind, *, days: int, runs: int, seed: int, lift: float) -> list[tuple[Effect, float]]:
    """Effects found, with the true ones."""
    rng = np.random.default_rng([seed, days, *map(ord, str(kind))])
    found: list[tuple[Effect, float]] = []
    for _ in range(runs):
        counts, control, added = stream(rng, kind, HISTORY_D + days, lift)
        found.append((effect(counts, start=HISTORY_D, control=control), added))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("| stream | days | false, both sides | false, upper | holds +30% | width |")
    print("|---|---|---|---|---|---|")
    every: list[bool] = []
    for kind in KINDS:
        for days in (3, 14):
            null = judged(kind, days=days, runs=options.runs, seed=options.seed, lift=0.0)
            lifted = judged(kind, days=days, runs=options.runs, seed=options.seed + 1, lift=0.3)
            wrong = [one.low > 0 or one.high < 0 for one, _ in null]
            every += wrong
            upper = np.mean([one.low > 0 for one, _ in null])
            held = np.mean([one.low <= added <= one.high for one, added in lifted])
            width = np.median([(one.high - one.low) / max(one.expected, 1e-9) for one, _ in null])
            print(f"| {kind} | {days} | {np.mean(wrong):.3f} | {upper:.3f} | {held:.2f} | {width:.2f} |", flush=True)
    print(f"\nfalse, all {len(every)} null streams: {np.mean(every):.3f}")


if __name__ == "__main__":
    main()
