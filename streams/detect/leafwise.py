"""Leaves as detect sees them: rare values folded, counted over a stretch of time, with what was expected of each.

Slices of three dimensions are not all watched; what any slice holds is known from its leaves. A leaf's expectation is
its share of the history, pulled to what its values' own shares make likely, and scaled until the leaves of every watched
slice of one dimension add up to that slice's expectation. Asked for only when something alarms or is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.slices import MISSING, OTHER
from stats.placing import Evidence, Lattice, Placed, place, weigh
from streams.detect.episode import Episode
from streams.detect.known import Floats, Ints, Known
from streams.detect.ladder import Ladder
from streams.detect.memory import EMPTY, Sparse, added
from streams.detect.watch import Watched

Pairs = tuple[tuple[str, str], ...]
PULL = 0.5
RAKES = 2
LEAST_FACTOR, MOST_FACTOR = 0.2, 5.0


class Folds:
    """Leaves with their rare values folded: a row of ``codes`` per different one, ``group[leaf]`` its place there."""

    def __init__(self, known: Known) -> None:
        self.watched: Watched = known.watched
        self.leaves = len(known.leaves.values)
        self.dims = tuple(sorted(self.watched.kept))
        column = [known.dimensions.index(name) for name in self.dims]
        self.names = [[*sorted(self.watched.kept[name] - {MISSING, OTHER}), OTHER] for name in self.dims]
        number = [{name: code for code, name in enumerate(names)} for names in self.names]
        rows = [
            [
                -1 if leaf[at] == MISSING else codes.get(leaf[at], codes[OTHER])
                for at, codes in zip(column, number, strict=True)
            ]
            for leaf in known.leaves.values
        ]
        codes = np.array(rows, dtype=np.int64).reshape(self.leaves, len(self.dims))
        if self.dims:
            self.codes, group = np.unique(codes, axis=0, return_inverse=True)
        else:
            self.codes, group = np.zeros((1, 0), dtype=np.int64), np.zeros(self.leaves, dtype=np.int64)
        self.group: Ints = np.asarray(group, dtype=np.int64).reshape(-1)
        self.lattice = Lattice(self.codes)

    def coded(self, pairs: Pairs) -> tuple[tuple[int, int], ...]:
        """A slice's pairs as dimension and code; a value that is no longer told apart has none."""
        return tuple(
            (self.dims.index(name), self.names[self.dims.index(name)].index(value))
            if name in self.dims and value in self.names[self.dims.index(name)]
            else (0, -2)
            for name, value in pairs
        )

    def named(self, pairs: tuple[tuple[int, int], ...]) -> Pairs:
        """The names of coded pairs, sorted by dimension."""
        return tuple((self.dims[dim], self.names[dim][code]) for dim, code in pairs)

    def inside(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Which groups lie in a slice."""
        here = np.ones(len(self.codes), dtype=bool)
        for dim, code in self.coded(pairs):
            here &= self.codes[:, dim] == code if code >= 0 else False
        return here

    def sums(self, places: Ints, values: Floats | Ints) -> Floats:
        """Leaf values added up per group."""
        return np.asarray(np.bincount(self.group[places], weights=values, minlength=len(self.codes)), dtype=np.float64)


def usual(known: Known, pairs: Pairs) -> float:
    """Contacts of the history in a slice, pulled to what its values make likely."""
    some = folds(known)
    return float(_usual(some, _mass(known, some))[some.inside(pairs)].sum())


def folds(known: Known) -> Folds:
    """The leaves of now, folded; kept until slices are chosen anew or a new leaf appears."""
    kept = known.folds
    if not isinstance(kept, Folds) or kept.watched is not known.watched or kept.leaves != len(known.leaves.values):
        kept = known.folds = Folds(known)
    return kept


def inside(known: Known, pairs: Pairs) -> NDArray[np.bool_]:
    """Which leaves lie in a slice, watched or not."""
    some = folds(known)
    return np.asarray(some.inside(pairs)[some.group])


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time leaf by leaf (groups of :class:`Folds`): contacts, expectation, what that rests on."""

    folds: Folds
    evidence: Evidence

    def placed(self, given: list[Pairs], at_most: int = 3) -> list[tuple[Pairs, Placed]]:
        """The slices that explain it beside the given ones, the most telling first."""
        coded = [self.folds.coded(pairs) for pairs in given]
        found = place(self.folds.lattice, self.evidence, at_most=at_most, given=coded)
        return [(self.folds.named(one.pairs), one) for one in found]

    def worth(self, pairs: Pairs, given: list[Pairs]) -> float:
        """How well one slice explains it beside the given ones, in nats with its price taken off."""
        coded = [self.folds.coded(some) for some in given]
        return weigh(self.folds.lattice, self.evidence, [self.folds.coded(pairs)], given=coded)

    def excess(self, *slices: Pairs) -> float:
        """Contacts above expectation where all of these slices meet."""
        here = np.all([self.folds.inside(pairs) for pairs in slices], axis=0)
        return float(self.evidence.count[here].sum() - self.evidence.mean[here].sum())


def stretch(
    known: Known, rungs: Ladder, window: int, rows: Ints, *, raised: tuple[Pairs, float] | None = None
) -> Stretch:
    """The steps in ``rows`` leaf by leaf, expected as the windows of length ``window`` expect.

    ``raised``: a slice and the factor by which it is taken to be raised already.
    """
    some = folds(known)
    count = _left(known, some, rungs, rows)
    slices = np.maximum(rungs.windows.unit[rows].sum(axis=0) * rungs.level[window], 1e-9)
    mass = _mass(known, some)
    mean = _raked(known, some, _usual(some, mass), slices)
    if raised is not None:
        mean = np.where(some.inside(raised[0]), mean * raised[1], mean)
    return Stretch(
        some,
        Evidence(
            count=count,
            mean=mean,
            dispersion=float(rungs.dispersion[0]),
            spread2=float(rungs.spread2[window, 0]),
            worth=mass,
        ),
    )


def leaves_of(known: Known, rungs: Ladder, rows: Ints) -> list[Sparse]:
    """Contacts per leaf of steps in the ring, given by their places."""
    if not len(rows):
        return []
    back = ((rungs.windows.steps - 1 - rows) % rungs.windows.keep).tolist()
    if rungs is known.fine:
        found = [known.recent[-1 - step] if step < len(known.recent) else EMPTY for step in back]
    else:
        last_s = known.last_end_s(rungs) - known.block_s
        blocks = dict(zip(known.memory.starts, known.memory.blocks, strict=True))
        if known.block_ends():
            blocks.setdefault(last_s, added(known.open_block))
        found = [blocks.get(last_s - step * known.block_s, EMPTY) for step in back]
    judged = (rungs.windows.unit[rows, 0] > 0.0).tolist()
    return [part if here else EMPTY for part, here in zip(found, judged, strict=True)]


def remaining(known: Known, rungs: Ladder, rows: Ints, *, before: Episode | None = None) -> list[Sparse]:
    """Contacts per leaf of these steps without what spikes that have closed (``before`` this one closed) added to them."""
    parts = leaves_of(known, rungs, rows)
    begin_s = known.last_end_s(rungs) - len(rows) * rungs.step_s
    closed = [one for one in known.episodes if one.state == "closed" and not one.teaches and one is not before]
    for one in sorted(closed, key=lambda one: one.closed_s):
        if one.end_s is None or one.end_s <= begin_s or (before is not None and one.closed_s >= before.closed_s):
            continue
        within = inside(known, one.pairs)
        for step, part in enumerate(parts):
            at_s = begin_s + step * rungs.step_s
            if one.onset_s - rungs.step_s < at_s < one.end_s and len(part.places):
                here = within[part.places]
                usually = float(rungs.windows.unit[rows[step], one.number]) * one.level
                less = np.where(here, min(usually / max(float(part.counts[here].sum()), 1e-9), 1.0), 1.0)
                parts[step] = Sparse(part.places, np.asarray(part.counts * less, dtype=np.float64))
    return parts


def _left(known: Known, some: Folds, rungs: Ladder, rows: Ints) -> Floats:
    """The same added up per group."""
    parts = remaining(known, rungs, rows)
    places = np.concatenate([part.places for part in parts] or [EMPTY.places])
    return some.sums(places, np.concatenate([part.counts for part in parts] or [EMPTY.counts]))


def _mass(known: Known, some: Folds) -> Floats:
    mass = np.zeros(some.leaves)
    mass[: len(known.leaf_mass)] = known.leaf_mass
    return some.sums(np.arange(some.leaves), mass)


def _usual(some: Folds, mass: Floats) -> Floats:
    """Usual contacts per group: its own, pulled to what its values' shares make likely (gamma-Poisson of shape ``PULL``)."""
    total = max(float(mass.sum()), 1.0)
    likely = np.full(len(mass), total)
    for dim in range(some.codes.shape[1]):
        code = some.codes[:, dim] + 1
        likely *= (np.bincount(code, weights=mass)[code] + PULL) / total
    likely = np.maximum(likely, 1e-6)
    return np.asarray((mass + PULL) / (1.0 + PULL / likely))


def _raked(known: Known, some: Folds, usual: Floats, slices: Floats) -> Floats:
    """Group expectations that add up to those of everywhere and of the watched slices of one dimension."""
    mean = usual * (slices[0] / max(float(usual.sum()), 1e-9))
    for _ in range(RAKES):
        for dim, name in enumerate(some.dims):
            code = some.codes[:, dim] + 1
            have = np.bincount(code, weights=mean, minlength=len(some.names[dim]) + 1)
            want = have.copy()
            for row, value in enumerate(some.names[dim], start=1):
                number = known.watched.numbers.get(((name, value),))
                if number is not None:
                    want[row] = slices[number]
            mean = mean * np.clip(want / np.maximum(have, 1e-9), LEAST_FACTOR, MOST_FACTOR)[code]
    return np.asarray(mean)
