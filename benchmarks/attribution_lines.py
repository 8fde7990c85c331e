"""Whether each line of evidence says what it should: how much more, or less, than its weight it is worth.

    python -m benchmarks.attribution_worlds --families fit --worlds 48 --seed 100 --no-rivals --save fit.jsonl
    python -m benchmarks.attribution_lines fit.jsonl

A conditional logit (McFadden, 1974) of the true cause among a spike's candidates on their lines' weights, by kind of
candidate. A slope of 1 says that a weight is worth what it says, below 1 that it says too much; an offset is what a kind
gains against ``unknown`` whatever its lines say. Slopes are held to 1 and offsets to 0 by a mild penalty. Beside it, on the family left
out: the loss of the plain sum, and of the sum with fitted slopes; where they differ little, nothing is left to be gained by weighing
the same lines otherwise. A file with a judged family is refused. CPU: seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.attribution_worlds import load
from benchmarks.worlds_judge import Answer
from sources.stories.worlds import FIT_FAMILIES

Floats = NDArray[np.float64]
LINES = ("prior", "time", "scope", "exposure", "words", "dose", "joint", "quality")
GROUPS = ("release", "other changes", "measurement")
NAMES = tuple(f"{group}: {line}" for group in GROUPS for line in ("offset", *LINES))
PLAIN = np.array([0.0 if name.endswith("offset") else 1.0 for name in NAMES])
HARD = -5.5
"""A line that rules a candidate out is not to be weighed otherwise."""
MILD = 5.0
"""Weight of the penalty on a slope's distance from 1, in nats: a handful of answers moves nothing far."""


class Case(NamedTuple):
    """One answer: weights by candidate and name, what is not to be weighed otherwise, and which candidates are true."""

    weights: Floats
    fixed: Floats
    true: NDArray[np.bool_]


def case_of(answer: Answer) -> Case:
    """An answer's candidates as rows of weights."""
    weights, fixed = np.zeros((len(answer.candidates), len(NAMES))), np.zeros(len(answer.candidates))
    for row, candidate in enumerate(answer.candidates):
        group = candidate.kind if candidate.kind in GROUPS else "" if candidate.kind == "unknown" else "other changes"
        for line, weight in (("offset", 1.0), *candidate.lines.items()):
            if (name := f"{group}: {line}") in NAMES and weight > HARD:
                weights[row, NAMES.index(name)] = weight
            elif line != "offset":
                fixed[row] += weight
    return Case(weights, fixed, np.array([answer.is_right(one.kind, one.key) for one in answer.candidates]))


def loss(cases: Sequence[Case], slopes: Floats) -> tuple[float, Floats]:
    """Sum of minus the logarithm of the probability that the true causes get, and its slope by each name."""
    total, gradient = 0.0, np.zeros(len(NAMES))
    for one in cases:
        if not one.true.any():
            continue
        scores = one.weights @ slopes + one.fixed
        p = np.exp(scores - scores.max())
        p /= p.sum()
        mine = p * one.true
        whole = max(float(mine.sum()), 1e-6)
        total -= np.log(whole)
        gradient += one.weights.T @ (p - mine / whole)
    return float(total), gradient


def fit(cases: Sequence[Case]) -> Floats:
    """The slopes that make the true causes likeliest."""

    def cost(x: Floats) -> tuple[float, Floats]:
        value, gradient = loss(cases, x)
        return value + MILD * float(((x - PLAIN) ** 2).sum()), gradient + 2 * MILD * (x - PLAIN)

    found: Floats = minimize(cost, PLAIN.copy(), jac=True, method="L-BFGS-B").x
    return found


def top_right(cases: Sequence[Case], slopes: Floats) -> int:
    """How many answers have a true cause first."""
    return sum(bool(one.true[int(np.argmax(one.weights @ slopes + one.fixed))]) for one in cases)


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args()
    rows = [row for path in options.files for row in load(path)]
    if strangers := {row.family for row in rows} - set(FIT_FAMILIES):
        raise SystemExit(f"{', '.join(sorted(strangers))}: not for fitting; allowed are {', '.join(FIT_FAMILIES)}")
    by_family = {
        family: [case_of(answer) for row in rows if row.family == family for answer in row.answers]
        for family in dict.fromkeys(row.family for row in rows)
    }
    every = [case for cases in by_family.values() for case in cases]
    slopes = fit(every)
    print(f"{len(every)} answers of {len(rows)} worlds")
    for group in GROUPS:
        said = [(line, slopes[NAMES.index(f"{group}: {line}")]) for line in ("offset", *LINES)]
        used = [f"{line} {slope:.2f}" for line, slope in said if _told(every, f"{group}: {line}")]
        print(f"{group}: {', '.join(used)}")
    ways: dict[str, Callable[[Sequence[Case]], Floats]] = {"plain sum": lambda _: PLAIN, "fitted slopes": fit}
    for name, weighed in ways.items():
        losses, right = 0.0, 0
        for family, cases in by_family.items():
            found = weighed([case for other, its in by_family.items() if other != family for case in its])
            losses += loss(cases, found)[0]
            right += top_right(cases, found)
        print(f"on the family left out, {name}: loss {losses / len(every):.3f}, top-1 {right / len(every):.3f}")


def _told(cases: Sequence[Case], name: str) -> bool:
    return any(case.weights[:, NAMES.index(name)].any() for case in cases)


if __name__ == "__main__":
    main()
