"""Which slices are watched, and how a bucket's leaves add up to them.

Decided by what earlier closed buckets have shown, so it is the same for every partitioning. ``version`` is not watched:
its values take over from each other with every release, and adoption is not an excess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from schemas.slices import MISSING, OTHER, slice_text

Ints = NDArray[np.int64]
MIGRATING = frozenset({"version"})


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """``max_order``: dimensions a watched slice may fix (1 to 3). ``max_slices``: cap over all; ``max_values``: per
    dimension, the others fold into ``other``. ``min_single`` and ``min_joint``: contacts in the history a slice
    of one, of more dimensions needs."""

    max_order: int = 2
    max_slices: int = 300
    max_values: int = 20
    min_single: int = 30
    min_joint: int = 60


class Leaves:
    """Every leaf seen, numbered in order of appearance."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, ...], int] = {}
        self.values: list[tuple[str, ...]] = []

    def place(self, leaf: tuple[str, ...]) -> int:
        """The leaf's number, a new one if it is new."""
        here = self.places.get(leaf)
        if here is None:
            here = self.places[leaf] = len(self.values)
            self.values.append(leaf)
        return here


class Watched:
    """The watched slices (the first is everywhere) and every leaf's slices.

    ``kept`` holds per watched dimension the values told apart. A leaf's row of ``member`` holds the
    numbers of its slices, padded by ``len(slices)``.
    """

    def __init__(self, slices: tuple[tuple[tuple[str, str], ...], ...], kept: dict[str, frozenset[str]]) -> None:
        self.slices = slices
        self.kept = kept
        self.texts = tuple(slice_text(dict(pairs)) for pairs in slices)
        self.depth = np.array([len(pairs) for pairs in slices], dtype=np.int64)
        self.numbers = {pairs: number for number, pairs in enumerate(slices)}
        self.member: Ints = np.zeros((0, 1), dtype=np.int64)

    def extend(self, leaves: Leaves, dimensions: Sequence[str]) -> None:
        """Number the slices of leaves that are new."""
        known = len(self.member)
        if known == len(leaves.values):
            return
        rows = [self._row(leaf, dimensions) for leaf in leaves.values[known:]]
        width = max(self.member.shape[1], *(len(row) for row in rows))
        grown = np.full((len(leaves.values), width), len(self.slices), dtype=np.int64)
        grown[:known, : self.member.shape[1]] = self.member
        for place, row in enumerate(rows, start=known):
            grown[place, : len(row)] = row
        self.member = grown

    def add_up(self, places: Ints, counts: Ints | NDArray[np.float64]) -> NDArray[np.float64]:
        """Contacts per slice of these leaves."""
        member = self.member[places]
        weights = np.repeat(counts.astype(np.float64), member.shape[1])
        many = len(self.slices)
        return np.asarray(np.bincount(member.ravel(), weights=weights, minlength=many + 1)[:many], dtype=np.float64)

    def inside(self, number: int) -> NDArray[np.bool_]:
        """Which leaves lie in a slice."""
        return np.asarray(np.any(self.member == number, axis=1))

    def inside_of(self, number: int, other: int) -> bool:
        """Whether a slice fixes everything that another does."""
        return set(self.slices[other]) <= set(self.slices[number])

    def _row(self, leaf: tuple[str, ...], dimensions: Sequence[str]) -> list[int]:
        pairs = folded(leaf, dimensions, self.kept)
        found = [0]
        for order in range(1, int(self.depth.max(initial=0)) + 1):
            for some in combinations(pairs, order):
                number = self.numbers.get(some)
                if number is not None:
                    found.append(number)
        return found


def folded(
    leaf: Sequence[str], dimensions: Sequence[str], kept: dict[str, frozenset[str]]
) -> tuple[tuple[str, str], ...]:
    """A leaf's pairs in the watched dimensions, rare values as ``other``, missing ones left out, sorted by dimension."""
    pairs = (
        (name, value if value in kept[name] else OTHER)
        for name, value in zip(dimensions, leaf, strict=True)
        if name in kept and value != MISSING
    )
    return tuple(sorted(pairs))


def choose(
    leaves: Leaves,
    volume: NDArray[np.float64],
    dimensions: Sequence[str],
    settings: WatchSettings,
    pinned: tuple[tuple[tuple[str, str], ...], ...] = (),
) -> Watched:
    """The slices worth watching, given each leaf's contacts in the history; ``pinned`` ones in any case."""
    kept = _kept(leaves, volume, dimensions, settings)
    totals: dict[tuple[tuple[str, str], ...], float] = {}
    for leaf, contacts in zip(leaves.values, volume, strict=True):
        if contacts <= 0:
            continue
        pairs = folded(leaf, dimensions, kept)
        for order in range(1, settings.max_order + 1):
            for some in combinations(pairs, order):
                totals[some] = totals.get(some, 0.0) + float(contacts)
    enough = [
        (-contacts, pairs)
        for pairs, contacts in totals.items()
        if contacts >= (settings.min_single if len(pairs) == 1 else settings.min_joint)
    ]
    ordered = [pairs for _, pairs in sorted(enough)][: settings.max_slices - 1]
    ordered += [pairs for pairs in pinned if pairs and pairs not in ordered]
    watched = Watched(((), *ordered), kept)
    watched.extend(leaves, dimensions)
    return watched


def _kept(
    leaves: Leaves, volume: NDArray[np.float64], dimensions: Sequence[str], settings: WatchSettings
) -> dict[str, frozenset[str]]:
    kept: dict[str, frozenset[str]] = {}
    for place, name in enumerate(dimensions):
        if name in MIGRATING:
            continue
        totals: dict[str, float] = {}
        for leaf, contacts in zip(leaves.values, volume, strict=True):
            totals[leaf[place]] = totals.get(leaf[place], 0.0) + float(contacts)
        enough = sorted((-contacts, value) for value, contacts in totals.items() if contacts >= settings.min_single)
        kept[name] = frozenset(value for _, value in enough[: settings.max_values])
    return kept
