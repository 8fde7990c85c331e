"""Fits the map from evidence to probability on worlds of the families meant for it, and prints the constants.

    python -m benchmarks.attribution_worlds --families fit --worlds 20 --seed 1 --no-rivals --save fit.jsonl
    python -m benchmarks.attribution_calibration fit.jsonl

The sum of a candidate's weights in nats, divided by a temperature, goes through a softmax. Fitted by the likelihood of
the true causes (a false spike's are the nameless ones): the temperature, and what ``measurement`` and all named causes
gain against ``unknown``. Beside it an isotonic map of the largest probability alone. Each is judged on the family left
out; what ``streams/attribute/kinds.py`` holds is printed first. A file with a judged family is refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.attribution_worlds import Row, load
from benchmarks.worlds_judge import Answer
from benchmarks.worlds_report import calibration_error
from schemas.attribution import NAMELESS
from sources.stories.worlds import FIT_FAMILIES
from stats.posterior import posterior
from streams.attribute.kinds import CEILING, TEMPERATURE

Floats = NDArray[np.float64]
Map = tuple[float, float, float]
MILD = 0.05
"""Weight of the penalty on the two offsets, per nat squared and answer: a handful of answers moves nothing far."""


def scores_of(one: Answer, offsets: tuple[float, float]) -> Floats:
    """The candidates' summed weights with ``measurement`` and the named ones moved."""
    moved = {"measurement": offsets[0], "unknown": 0.0}
    return np.array([sum(named.lines.values()) + moved.get(named.kind, offsets[1]) for named in one.candidates])


def truth_of(one: Answer) -> NDArray[np.bool_]:
    """Which candidates are true."""
    return np.array([one.is_right(named.kind, named.key) for named in one.candidates])


def loss(answers: Sequence[Answer], mapped: Map) -> float:
    """Mean of minus the logarithm of the probability that the true causes get."""
    temperature, *offsets = mapped
    total = 0.0
    for one in answers:
        p = posterior(scores_of(one, (offsets[0], offsets[1])), temperature=temperature, ceiling=CEILING)
        total -= np.log(max(float(p[truth_of(one)].sum()), 1e-3))
    return total / max(len(answers), 1)


def fit(answers: Sequence[Answer], *, offsets: bool) -> Map:
    """The map that makes the true causes likeliest; the temperature alone, or the offsets with it."""

    def cost(x: Floats) -> float:
        moved = (float(x[1]), float(x[2])) if offsets else (0.0, 0.0)
        return loss(answers, (float(np.exp(x[0])), *moved)) + MILD * (moved[0] ** 2 + moved[1] ** 2)

    # The ceiling makes a plateau of low temperatures: begin beside it.
    start = min((np.array([np.log(t), 0.0, 0.0][: 3 if offsets else 1]) for t in (0.5, 1.0, 2.0, 4.0, 8.0)), key=cost)
    found = minimize(cost, start, method="Nelder-Mead", options={"xatol": 0.01, "fatol": 1e-5})
    moved = (float(found.x[1]), float(found.x[2])) if offsets else (0.0, 0.0)
    return float(np.exp(found.x[0])), *moved


def top_of(answers: Sequence[Answer], mapped: Map) -> tuple[Floats, NDArray[np.bool_]]:
    """Of each answer the largest probability under a map, and whether that cause is right."""
    said, right = [], []
    for one in answers:
        p = posterior(scores_of(one, mapped[1:]), temperature=mapped[0], ceiling=CEILING)
        said.append(float(p.max()))
        right.append(bool(truth_of(one)[int(p.argmax())]))
    return np.array(said), np.array(right)


def isotonic(said: Floats, right: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The rising step function nearest to the answers (pool adjacent violators): places and values."""
    order = np.argsort(said, kind="stable")
    blocks: list[list[float]] = []
    for place in order.tolist():
        blocks.append([float(said[place]), float(right[place]), 1.0])
        while len(blocks) > 1 and blocks[-2][1] >= blocks[-1][1]:
            low, high = blocks[-2], blocks.pop()
            number = low[2] + high[2]
            blocks[-1] = [low[0], (low[1] * low[2] + high[1] * high[2]) / number, number]
    return np.array([one[0] for one in blocks]), np.array([one[1] for one in blocks])


def left_out(rows: list[Row], fitted: Callable[[Sequence[Answer]], Map]) -> str:
    """Loss and calibration error on each family, the map fitted on the others."""
    losses, said, right = [], [], []
    for family in dict.fromkeys(row.family for row in rows):
        mine = [answer for row in rows if row.family == family for answer in row.answers]
        mapped = fitted([answer for row in rows if row.family != family for answer in row.answers])
        losses.append(loss(mine, mapped) * len(mine))
        one_said, one_right = top_of(mine, mapped)
        said.append(one_said)
        right.append(one_right)
    all_said, all_right = np.concatenate(said), np.concatenate(right)
    named = calibration_error(all_said, all_right)
    return f"loss {sum(losses) / all_said.size:.3f}, top-1 {all_right.mean():.3f}, error {named:.3f}"


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args()
    rows = [row for path in options.files for row in load(path)]
    if strangers := {row.family for row in rows} - set(FIT_FAMILIES):
        raise SystemExit(f"{', '.join(sorted(strangers))}: not for fitting; allowed are {', '.join(FIT_FAMILIES)}")
    answers = [answer for row in rows for answer in row.answers]
    held: Map = (TEMPERATURE, 0.0, 0.0)
    maps: dict[str, Callable[[Sequence[Answer]], Map]] = {
        "as held": lambda _: held,
        "temperature": lambda some: fit(some, offsets=False),
        "temperature and offsets": lambda some: fit(some, offsets=True),
    }
    print(
        f"{len(answers)} answers of {len(rows)} worlds, {sum(one.truth is None for one in answers)} of them on false spikes"
    )
    for name, fitted in maps.items():
        temperature, measurement, named = fitted(answers)
        print(
            f"{name}: temperature {temperature:.2f}, measurement {measurement:+.2f}, named {named:+.2f}; on the family left out: {left_out(rows, fitted)}"
        )
    said, right = top_of(answers, maps["temperature and offsets"](answers))
    places, values = isotonic(said, right)
    print(
        "isotonic map after it (from, probability): "
        + ", ".join(f"{place:.2f} {value:.2f}" for place, value in zip(places, values, strict=True))
    )
    for kind in ("named", "unknown", "measurement"):
        mine = [one for one in answers if (one.top.kind if one.top.kind in NAMELESS else "named") == kind]
        if mine:
            mean, share = np.mean([one.top.probability for one in mine]), np.mean([one.right for one in mine])
            print(f"{kind}: said {mean:.2f}, right {share:.2f} of {len(mine)}")


if __name__ == "__main__":
    main()
