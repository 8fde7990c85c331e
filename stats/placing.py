"""Which one to three slices explain an excess: leaf counts against leaf expectations, every combination of dimensions.

Model: a leaf's count has mean ``mean * product of the ratios of the chosen slices that hold it`` and variance
``dispersion * mean``; ratios are fitted jointly by maximum likelihood. A set of slices is worth its quasi-log-likelihood
ratio less a price per slice, the description length of naming it among all slices of its depth (Rissanen 1978;
Barron and Cover 1991) and a margin. Sets are found by beam search over all slices and polished by choosing each
anew given the others. A slice counts only when it is raised beyond the forecast's own error (negative binomial), and
inside another that was chosen only when it is raised more than that one's parts may differ (``UNLIKE``).

Of the published methods (Adtributor, HotSpot, Squeeze, AutoRoot, RiskLoc) all take the forecast as truth and compare
relative deviations of leaves; where leaf counts are small those are mostly chance. Sums over slices are not.

Errors: with nothing raised, a slice is named in about 1% of cases; given a true one, a further one is named about as often
(``tests/stats/test_placing.py``). ``python -m benchmarks.localisation`` measures the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from stats.errors import DomainError
from stats.localise import rise_gain, sure_gain

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Cell = tuple[int, int]
WIDTH = 3
MARGIN = 3.0
ROUNDS = 3
UNLIKE = 0.5
FIT_STEPS = 12
ROOMY = 4


@dataclass(frozen=True, slots=True)
class Placed:
    """A raised slice: pairs of dimension and value code (empty: everywhere), how many times its expectation it is,
    and how much worse (nats, price taken off) the explanation is without it."""

    pairs: tuple[tuple[int, int], ...]
    ratio: float
    gain: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the leaves in the judged span.

    ``count``: contacts. ``mean``: expected ones, 0 or more. ``dispersion``: variance of a count over its mean, 1 or more.
    ``spread2``: variance of a slice's forecast relative to its square: a rise within it is no slice's. ``worth``: contacts
    that each leaf's expectation rests on (as many as you like where None).
    """

    count: Floats
    mean: Floats
    dispersion: float = 1.0
    spread2: float = 0.0
    worth: Floats | None = None


class Lattice:
    """All slices of up to ``max_order`` dimensions over some leaves; a cell is a cuboid's place and a number in it.

    ``codes[leaf, dimension]`` numbers the leaf's value from 0; negative where it is missing, which no slice holds.
    """

    def __init__(self, codes: Ints, *, max_order: int = 3) -> None:
        if codes.ndim != 2:
            raise DomainError("codes", codes.ndim, "one row per leaf, one column per dimension")
        self.codes = codes
        self.dims: list[tuple[int, ...]] = []
        self.cell: list[Ints] = []
        self.size: list[int] = []
        for order in range(min(max_order, codes.shape[1]) + 1):
            for dims in combinations(range(codes.shape[1]), order):
                self._add(dims)

    def _add(self, dims: tuple[int, ...]) -> None:
        number = np.zeros(len(self.codes), dtype=np.int64)
        many = 1
        for dim in dims:
            values = int(self.codes[:, dim].max(initial=-1)) + 1
            number, many = number * values + self.codes[:, dim], many * values
        missing = np.any(self.codes[:, list(dims)] < 0, axis=1)
        if many > ROOMY * len(self.codes):
            kept, number = np.unique(np.where(missing, -1, number), return_inverse=True)
            many = len(kept)
        number[missing] = many
        self.dims.append(dims)
        self.cell.append(number)
        self.size.append(many)

    def sums(self, values: Floats) -> list[Floats]:
        """Sums of leaf values per cell, cuboid by cuboid."""
        return [
            np.asarray(np.bincount(cell, weights=values, minlength=size + 1)[:size], dtype=np.float64)
            for cell, size in zip(self.cell, self.size, strict=True)
        ]

    def inside(self, cell: Cell) -> NDArray[np.bool_]:
        """Which leaves a cell holds."""
        return np.asarray(self.cell[cell[0]] == cell[1])

    def find(self, pairs: tuple[tuple[int, int], ...]) -> Cell | None:
        """The cell of a slice; None where no leaf lies in it or it has too many dimensions."""
        dims = tuple(dim for dim, _ in sorted(pairs))
        if dims not in self.dims or not len(self.codes):
            return None
        inside = np.all([self.codes[:, dim] == code for dim, code in pairs], axis=0)
        place = self.dims.index(dims)
        return (place, int(self.cell[place][np.argmax(inside)])) if np.any(inside) else None

    def pairs(self, cell: Cell) -> tuple[tuple[int, int], ...]:
        """A cell's dimensions and value codes."""
        dims = self.dims[cell[0]]
        first = int(np.argmax(self.inside(cell)))
        return tuple((dim, int(self.codes[first, dim])) for dim in dims)


def place(
    lattice: Lattice, evidence: Evidence, *, at_most: int = 3, given: Sequence[tuple[tuple[int, int], ...]] = ()
) -> tuple[Placed, ...]:
    """The slices that explain what is above expectation, the one that says most first; none where chance explains it.

    ``given`` are slices known to be raised: their ratios are fitted with the others', and they are not named.

    Raises:
        DomainError: the leaves are not the lattice's, or an expectation or count is negative.
    """
    count, mean = evidence.count, evidence.mean
    if not len(lattice.codes) == len(count) == len(mean):
        raise DomainError("count", len(count), f"one per leaf, {len(lattice.codes)}")
    if len(count) == 0 or at_most < 1:
        return ()
    if float(min(count.min(), mean.min())) < 0:
        raise DomainError("count", float(min(count.min(), mean.min())), "0 or more")
    cells = (lattice.find(pairs) for pairs in given)
    search = _Search(lattice, evidence, tuple(sorted({cell for cell in cells if cell is not None})))
    return search.told(search.pruned(search.polished(search.beam(at_most))))


def weigh(
    lattice: Lattice,
    evidence: Evidence,
    slices: Sequence[tuple[tuple[int, int], ...]],
    *,
    given: Sequence[tuple[tuple[int, int], ...]] = (),
) -> float:
    """What these slices explain beside the given ones: log-likelihood ratio against none at all, prices taken off."""
    cells, others = (
        tuple(sorted({cell for pairs in some if (cell := lattice.find(pairs)) is not None})) for some in (slices, given)
    )
    return _Search(lattice, evidence, others).worth(cells)


class _Search:
    """One search: counts per cell and prices, which do not change while it lasts."""

    def __init__(self, lattice: Lattice, evidence: Evidence, given: tuple[Cell, ...]) -> None:
        self._lattice = lattice
        self._evidence = evidence
        self._given = given
        self._counts = lattice.sums(evidence.count)
        self._means = lattice.sums(evidence.mean)
        worth = [np.inf] * len(lattice.dims) if evidence.worth is None else lattice.sums(evidence.worth)
        self._spread2 = [evidence.spread2 + 1.0 / np.maximum(some, 0.5) for some in worth]
        depth = np.array([len(dims) for dims in lattice.dims])
        cells = np.array([np.count_nonzero(sums) for sums in self._means])
        of_depth = np.bincount(depth, weights=cells)
        self._price = np.log(np.maximum(of_depth, 1.0))[depth] + MARGIN

    def beam(self, at_most: int) -> tuple[Cell, ...]:
        """The best set found by adding the most telling slices one at a time, several sets side by side."""
        best: tuple[tuple[Cell, ...], float] = ((), self.worth(()))
        sets = dict([best])
        for _ in range(at_most):
            grown: dict[tuple[Cell, ...], float] = {}
            for chosen in sets:
                for cell in self._telling(chosen, WIDTH):
                    more = tuple(sorted((*chosen, cell)))
                    if more not in grown:
                        grown[more] = self.worth(more)
            ranked = sorted(grown.items(), key=lambda one: (-one[1], one[0]))[:WIDTH]
            if not ranked or ranked[0][1] <= best[1]:
                break
            best, sets = ranked[0], dict(ranked)
        return best[0]

    def polished(self, chosen: tuple[Cell, ...]) -> tuple[Cell, ...]:
        """Every slice chosen anew, or left out, given the others, until nothing is gained."""
        worth = self.worth(chosen)
        for _ in range(ROUNDS):
            before = chosen
            for cell in before:
                others = tuple(one for one in chosen if one != cell)
                if len(others) == len(chosen):
                    continue
                for some in (others, *(tuple(sorted((*others, one))) for one in self._telling(others, 1))):
                    better = self.worth(some)
                    if better > worth + 1e-9:
                        chosen, worth = some, better
            if chosen == before:
                break
        return chosen

    def told(self, chosen: tuple[Cell, ...]) -> tuple[Placed, ...]:
        """The set as slices, the most telling first."""
        ratios, _ = self._fit(chosen)
        worth = self.worth(chosen)
        placed = [
            Placed(self._lattice.pairs(cell), ratio, worth - self.worth(tuple(one for one in chosen if one != cell)))
            for cell, ratio in zip(chosen, ratios, strict=True)
        ]
        return tuple(sorted(placed, key=lambda one: (-one.gain, one.pairs)))

    def pruned(self, chosen: tuple[Cell, ...]) -> tuple[Cell, ...]:
        """Without what is not surely raised given the rest, the least sure first."""
        while chosen:
            margins = []
            for cell in chosen:
                _, fitted = self._fit(tuple(one for one in chosen if one != cell))
                leaves = self._lattice.inside(cell)
                mean = np.maximum(fitted[leaves].sum(keepdims=True), 1e-6)
                place, number = cell
                risen = mean - self._means[place][number]
                sure = self._sure(place, self._counts[place][[number]], mean, risen, number)
                margins.append(float(sure[0]) - self._price[place])
            if min(margins) > 0.0:
                break
            chosen = tuple(cell for cell in chosen if cell != chosen[int(np.argmin(margins))])
        return chosen

    def _telling(self, chosen: tuple[Cell, ...], many: int) -> list[Cell]:
        """Slices that would add most to a set, best first, among those surely raised beyond it."""
        _, fitted = self._fit(chosen)
        found: list[tuple[float, int, Cell]] = []
        for place, (count, sums) in enumerate(zip(self._counts, self._lattice.sums(fitted), strict=True)):
            mean = np.maximum(sums, 1e-6)
            worth = rise_gain(count, mean) / self._evidence.dispersion - self._price[place]
            sure = self._sure(place, count, mean, mean - self._means[place])
            worth[sure <= self._price[place]] = -np.inf
            for number in np.argsort(-worth, kind="stable")[:many].tolist():
                cell = (place, number)
                if worth[number] > 0.0 and cell not in chosen and cell not in self._given:
                    found.append((-float(worth[number]), place, cell))
        return [cell for _, _, cell in sorted(found)[:many]]

    def _sure(self, place: int, count: Floats, mean: Floats, risen: Floats, number: int | None = None) -> Floats:
        """How surely cells are raised beyond a fitted mean, of which a part has itself ``risen``."""
        spread2 = self._spread2[place]
        if number is not None and np.ndim(spread2):
            spread2 = spread2[[number]]
        part = np.maximum(risen, 0.0) / mean
        variance = self._evidence.dispersion * mean + (spread2 + (UNLIKE * part) ** 2) * mean**2
        return sure_gain(count, mean, variance)

    def worth(self, chosen: tuple[Cell, ...]) -> float:
        """Log-likelihood ratio of a set against no slice at all, less its price."""
        _, fitted = self._fit(chosen)
        count, mean = self._evidence.count, np.maximum(self._evidence.mean, 1e-9)
        moved = np.flatnonzero(fitted != self._evidence.mean)
        ratio = np.maximum(fitted[moved], 1e-9) / mean[moved]
        gain = float(np.sum(count[moved] * np.log(ratio)) - np.sum(fitted[moved] - self._evidence.mean[moved]))
        return gain / self._evidence.dispersion - float(sum(self._price[place] for place, _ in chosen))

    def _fit(self, chosen: tuple[Cell, ...]) -> tuple[list[float], Floats]:
        """Every slice's ratio and every leaf's fitted mean, by iterative proportional fitting."""
        fitted = self._evidence.mean.copy()
        cells = (*chosen, *(cell for cell in self._given if cell not in chosen))
        where = [np.flatnonzero(self._lattice.inside(cell)) for cell in cells]
        counts = [float(self._counts[place][number]) for place, number in cells]
        ratios = [1.0] * len(cells)
        for _ in range(FIT_STEPS if len(cells) > 1 else 1):
            furthest = 0.0
            for place, leaves in enumerate(where):
                step = max(counts[place], 1e-9) / max(float(fitted[leaves].sum()), 1e-9)
                fitted[leaves] *= step
                ratios[place] *= step
                furthest = max(furthest, abs(step - 1.0))
            if furthest < 1e-6:
                break
        return ratios[: len(chosen)], fitted
