"""The figures of the worlds: shares with intervals by drawing worlds anew, a reliability table, what each line brings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from benchmarks.worlds_judge import Answer, Cause, Named
from schemas.attribution import NAMELESS
from stats.posterior import posterior
from streams.attribute.kinds import CEILING, TEMPERATURE

Floats = NDArray[np.float64]
SURE = 0.8
EDGES = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
DRAWS = 500


class Pairs:
    """Yes and no by world, so that worlds can be drawn anew."""

    def __init__(self, pairs: Iterable[tuple[str, bool]]) -> None:
        by_world: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for world, yes in pairs:
            by_world[world][0] += bool(yes)
            by_world[world][1] += 1
        self._counts = np.array(list(by_world.values()) or [[0, 0]], dtype=np.float64)

    def __str__(self) -> str:
        yes, number = self._counts.sum(axis=0)
        if not number:
            return "none"
        rng = np.random.default_rng(1)
        drawn = self._counts[rng.integers(0, len(self._counts), (DRAWS, len(self._counts)))].sum(axis=1)
        low, high = np.quantile(drawn[:, 0] / np.maximum(drawn[:, 1], 1), (0.025, 0.975))
        return f"{yes / number:.3f} ({low:.3f}-{high:.3f}; {yes:.0f} of {number:.0f})"


def report(answers: list[Answer], causes: list[Cause]) -> None:
    """Print everything."""
    _found(answers, causes)
    _right(answers, causes)
    _calibration(answers)
    _coverage(answers)
    _rivals(answers, causes)
    _ablation(answers, causes)


def _found(answers: list[Answer], causes: list[Cause]) -> None:
    real = [one for one in causes if one.truth.cause_kind != "measurement"]
    below = sum(one.truth.ratio < 0.5 for one in real) / max(len(real), 1)
    print(f"{len(causes)} true spikes, {len(real)} of them with customers, {below:.0%} of these below +50%")
    print(
        f"found {Pairs((one.world, bool(one.spike)) for one in causes)}, inside another's {sum(one.shared and not one.spike for one in causes)}"
    )
    for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 1.0), (1.0, 99.0)):
        print(
            f"  of +{low:.0%} to +{high:.0%}: {Pairs((c.world, bool(c.spike)) for c in real if low <= c.truth.ratio < high)}"
        )
    false = sum(not one.parts for one in answers)
    print(
        f"{len(answers)} spikes found, {false} of them false, {sum(len(one.parts) > 1 for one in answers)} with more than one cause"
    )


def _best(answers: list[Answer], causes: list[Cause]) -> list[tuple[Answer, Cause]]:
    """Of every true spike found, the found one that has most of it."""
    by_spike = {(one.world, one.spike): one for one in answers}
    return [(by_spike[(cause.world, cause.spike)], cause) for cause in causes if cause.spike]


def _right(answers: list[Answer], causes: list[Cause]) -> None:
    best, true = _best(answers, causes), [one for one in answers if one.parts]
    print(
        f"top-1 of true spikes {Pairs((one.world, one.right) for one, _ in best)}, of all found true ones {Pairs((one.world, one.right) for one in true)}"
    )
    for kind in sorted({cause.truth.cause_kind for cause in causes}):
        print(f"  {kind:12} {Pairs((one.world, one.right) for one, cause in best if cause.truth.cause_kind == kind)}")
    for fault in sorted({cause.truth.fault for cause in causes if cause.truth.fault}):
        print(f"    {fault:12} {Pairs((one.world, one.right) for one, cause in best if cause.truth.fault == fault)}")
    sure = [one for one in answers if one.top.kind not in NAMELESS and one.top.probability >= SURE]
    print(f"named at {SURE} or more: right {Pairs((one.world, one.right) for one in sure)}")
    named = [one for one, cause in best if cause.truth.cause_kind not in NAMELESS]
    print(
        f"  of the spikes of a known change, named so {Pairs((one.world, one.top.kind not in NAMELESS and one.top.probability >= SURE) for one in named)}"
    )
    print(f"decoys blamed {Pairs((one.world, one.blamed) for one in true)}")


def _calibration(answers: list[Answer]) -> None:
    said, right = np.array([one.top.probability for one in answers]), np.array([one.right for one in answers])
    print(
        f"expected calibration error {calibration_error(said, right):.3f}; named answers alone {_named_error(answers):.3f}"
    )
    for low, high in pairwise(EDGES):
        mine = (said >= low) & (said < high)
        if mine.any():
            print(
                f"  said {low:.1f}-{min(high, 1.0):.1f}: mean {said[mine].mean():.2f}, right {right[mine].mean():.2f} of {mine.sum()}"
            )


def calibration_error(said: Floats, right: NDArray[np.bool_]) -> float:
    """Mean distance of what was said from what was right, over the bins, weighted by their answers."""
    bins = np.searchsorted(EDGES, said, side="right")
    gaps = [abs(said[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean() for one in np.unique(bins)]
    return float(sum(gaps))


def _named_error(answers: list[Answer]) -> float:
    named = [one for one in answers if one.top.kind not in NAMELESS]
    return (
        calibration_error(np.array([one.top.probability for one in named]), np.array([one.right for one in named]))
        if named
        else 0.0
    )


def _coverage(answers: list[Answer]) -> None:
    true = [one for one in answers if one.parts and all(part.kind != "measurement" for part in one.parts)]
    whole = Pairs((one.world, one.low <= sum(part.contacts for part in one.parts) <= one.high) for one in true)
    print(
        f"90% intervals, of spikes with customers: the spike's own excess {whole}; "
        f"a named cause's, right or wrong {Pairs(_promised(answers))}; a right answer's {Pairs(_covered(true))}"
    )


def _promised(answers: list[Answer]) -> Iterable[tuple[str, bool]]:
    """Whether the first cause's interval holds what it truly added: what is promised, also of one wrongly named (none)."""
    for one in answers:
        if one.top.key:
            added = sum(part.contacts for part in one.parts if (part.kind, part.key) == (one.top.kind, one.top.key))
            yield one.world, one.top.low <= added <= one.top.high


def _covered(true: list[Answer]) -> Iterable[tuple[str, bool]]:
    for one in true:
        for part in one.parts:
            mine = [named for named in one.candidates if (named.kind, named.key) == (part.kind, part.key)]
            if mine and one.right and mine[0] is one.top:
                yield one.world, mine[0].low <= part.contacts <= mine[0].high


def _rivals(answers: list[Answer], causes: list[Cause]) -> None:
    names = sorted({name for one in answers for name in one.rivals})
    for name in names:
        said = Pairs((one.world, one.is_right(*one.rivals[name])) for one, _ in _best(answers, causes))
        blamed = Pairs((one.world, one.rivals[name][1] in one.must_not_blame) for one in answers if one.parts)
        print(f"rival {name:22} top-1 {said}, decoys blamed {blamed}")


def _ablation(answers: list[Answer], causes: list[Cause]) -> None:
    drift = max((abs(one.top.probability - again(one, frozenset()).top.probability) for one in answers), default=0.0)
    print(
        f"without one line of evidence (recomputed from the weights; nothing left out changes a probability by up to {drift:.3f}):"
    )
    for line in sorted({name for one in answers for named in one.candidates for name in named.lines}):
        without = [again(one, frozenset({line})) for one in answers]
        best = [one for one, _ in _best(without, causes)]
        sure = [one for one in without if one.top.kind not in NAMELESS and one.top.probability >= SURE]
        said, right = np.array([one.top.probability for one in without]), np.array([one.right for one in without])
        print(
            f"  {line:9} top-1 {Pairs((one.world, one.right) for one in best)}, named at {SURE} right {_share(one.right for one in sure)}, "
            f"decoys {_share(one.blamed for one in without if one.parts)}, error {calibration_error(said, right):.3f}"
        )


def _share(of: Iterable[bool]) -> str:
    found = list(of)
    return f"{sum(found) / max(len(found), 1):.3f} of {len(found)}"


def again(one: Answer, dropped: frozenset[str], *, mapped: Callable[[Floats], Floats] | None = None) -> Answer:
    """An answer with its probabilities made anew from the weights of its lines, some of them left out."""
    scores = np.array(
        [sum(weight for line, weight in named.lines.items() if line not in dropped) for named in one.candidates]
    )
    p = posterior(scores, temperature=TEMPERATURE, ceiling=CEILING) if mapped is None else mapped(scores)
    named = [_with(candidate, float(share)) for candidate, share in zip(one.candidates, p, strict=True)]
    return replace(one, candidates=tuple(sorted(named, key=lambda each: -each.probability)))


def _with(candidate: Named, probability: float) -> Named:
    return replace(candidate, probability=probability)


def show(answers: list[Answer]) -> None:
    """Print the wrong answers: what was true, what was said, with the lines of both."""
    for one in answers:
        if not one.right:
            truth = f"{one.truth.kind} {one.truth.key} ({one.truth.contacts})" if one.truth else "nothing"
            meant = [c for c in one.candidates if one.truth and (c.kind, c.key) == (one.truth.kind, one.truth.key)]
            print(
                f"{one.world} {one.slice} {one.excess:+.0f}: true {truth}; said {_line(one.top)}; true one: {', '.join(map(_line, meant)) or 'absent'}"
            )


def _line(named: Named) -> str:
    lines = " ".join(f"{line} {weight:+.1f}" for line, weight in named.lines.items())
    return f"{named.kind} {named.key} {named.probability:.2f} [{lines}]"
