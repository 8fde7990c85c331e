"""One open bucket's counts and samples per leaf, in arrays and packed runs.

What is kept of a sampled contact waits here for minutes, as the bytes that its frame will have. Packed, a batch's
samples are one object instead of hundreds between the short-lived ones of every batch, which would spread those over
the heap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.admit.memory import Bools, Ints, Keys

SPARE = 8
SAMPLE_BYTES = 200  # what a sample takes in a frame beside its words, at most
_TOP = np.uint64(2**64 - 1)
_FEW = 10_000
_MOST = 0.8
_AT_ONCE = 4_096  # pieces that are Python's objects at a time


class Said(NamedTuple):
    """What is kept of sampled contacts: their bytes in JSON, of each its ``event_id`` and then all that follows the
    leaf; from ``begins`` to ``cuts`` and on to ``ends``. ``sizes``: bytes that each takes in a frame at most."""

    packed: bytes
    begins: Ints
    cuts: Ints
    ends: Ints
    sizes: Ints

    def where(self, places: npt.NDArray[np.intp]) -> Said:
        """Of the contacts at these places; the bytes of the others stay too."""
        return Said(self.packed, *(column[places] for column in self[1:]))

    def alone(self) -> Said:
        """The same without the bytes of others, unless they are few."""
        lengths = self.ends - self.begins
        if lengths.sum() > _MOST * len(self.packed):
            return self
        ends = np.cumsum(lengths)
        shift = ends - self.ends
        return Said(
            b"".join([self._span(first, first + _AT_ONCE) for first in range(0, lengths.size, _AT_ONCE)]),
            self.begins + shift,
            self.cuts + shift,
            ends,
            self.sizes,
        )

    def _span(self, first: int, end: int) -> bytes:
        spans = zip(self.begins[first:end].tolist(), self.ends[first:end].tolist(), strict=True)
        return b"".join([self.packed[begin:end] for begin, end in spans])


def said_of(ids: Sequence[bytes], rests: Sequence[bytes], sizes: Sequence[int]) -> Said:
    """What is kept of contacts, from the two parts of each."""
    pieces = [piece for pair in zip(ids, rests, strict=True) for piece in pair]
    ends = np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)))
    begins = np.append(np.zeros(1, np.int64), ends)
    return Said(b"".join(pieces), begins[:-1:2], ends[::2], ends[1::2], np.array(sizes, np.int64))


def together(parts: Sequence[Said]) -> Said:
    """What is kept of several lots of contacts, one after another."""
    if len(parts) == 1:
        return parts[0]
    shifts = np.cumsum([0, *[len(part.packed) for part in parts]])[:-1]
    moved = [
        part._replace(begins=part.begins + at, cuts=part.cuts + at, ends=part.ends + at)
        for part, at in zip(parts, shifts, strict=True)
    ]
    columns = list(zip(*moved, strict=True))
    return Said(b"".join(columns[0]), *map(np.concatenate, columns[1:]))


class Sampled(NamedTuple):
    """Sampled contacts, sorted by leaf and rank."""

    leaf: Ints
    rank: Keys
    said: Said

    def where(self, chosen: npt.NDArray[np.intp]) -> Sampled:
        """Those at these places."""
        return Sampled(self.leaf[chosen], self.rank[chosen], self.said.where(chosen))


class Tally:
    """Contacts of one bucket: how many per leaf, and of each leaf those with the smallest hashes (``rank``).

    The sample is taken from the ``size + SPARE`` smallest that were ever counted in a leaf, without those that moved
    to an earlier bucket since: a function of what came, whatever the order and the batches.
    """

    def __init__(self, size: int) -> None:
        self._size = size + SPARE
        self._counts: Ints = np.zeros(0, np.int64)
        self._bars: Keys = np.zeros(0, np.uint64)
        self._runs: list[Sampled] = []
        self._kept = 0
        self._crowd = _FEW
        self._gone: set[tuple[int, int]] = set()
        self.customers: list[str] = []

    @property
    def used(self) -> bool:
        """Whether anything was ever counted here."""
        return self._counts.size > 0

    def filled(self) -> bool:
        """Whether any contact counts here."""
        return bool(self._counts.any())

    def count(self, leaf: Ints, customers: Sequence[str]) -> None:
        """Count contacts, one per leaf given."""
        top = int(leaf.max()) + 1
        if top > self._counts.size:
            more = 2 * top - self._counts.size
            self._counts = np.append(self._counts, np.zeros(more, np.int64))
            self._bars = np.append(self._bars, np.full(more, _TOP))
        np.add.at(self._counts, leaf, 1)
        self.customers += customers

    def wanted(self, leaf: Ints, rank: Keys) -> Bools:
        """Which contacts may be among the samples."""
        if not self._bars.size:
            return np.ones(leaf.size, bool)
        known = np.minimum(leaf, self._bars.size - 1)
        return (rank <= self._bars[known]) | (known < leaf)

    def keep(self, leaf: Ints, rank: Keys, said: Said) -> None:
        """Keep the contacts that are wanted."""
        self._runs.append(Sampled(leaf, rank, said.alone()))
        self._kept += leaf.size
        if self._kept > self._crowd:
            run = self._smallest(self._size)
            self._runs = []  # not held beside its copy
            run = run._replace(said=run.said.alone())
            self._runs = [run]
            self._kept = run.leaf.size
            self._crowd = _FEW + self._kept * 5 // 4
            last = np.flatnonzero(_positions(run.leaf) == self._size - 1)
            self._bars[run.leaf[last]] = run.rank[last]

    def drop(self, leaf: int, rank: int, customer: str) -> None:
        """Take one contact out again."""
        self._counts[leaf] -= 1
        self._gone.add((leaf, rank))
        if customer in self.customers:
            self.customers.remove(customer)

    def counts(self) -> Ints:
        """Contacts by leaf, up to the last one that has any."""
        return self._counts[: np.flatnonzero(self._counts).max(initial=-1) + 1]

    def samples(self) -> Sampled:
        """The sampled contacts; they are kept no longer."""
        smallest = self._smallest(self._size if self._gone else self._size - SPARE)
        self._runs, self._kept = [], 0
        if not self._gone:
            return smallest
        pairs = zip(smallest.leaf.tolist(), smallest.rank.tolist(), strict=True)
        left = np.flatnonzero([pair not in self._gone for pair in pairs])
        return smallest.where(left[_positions(smallest.leaf[left]) < self._size - SPARE])

    def _smallest(self, size: int) -> Sampled:
        """Of each leaf the ``size`` contacts with the smallest hashes, in order."""
        if not self._runs:
            return Sampled(np.zeros(0, np.int64), np.zeros(0, np.uint64), said_of((), (), ()))
        leaf = np.concatenate([run.leaf for run in self._runs])
        rank = np.concatenate([run.rank for run in self._runs])
        order = _by_leaf_and_rank(leaf, rank)
        order = order[_positions(leaf[order]) < size]
        return Sampled(leaf[order], rank[order], together([run.said for run in self._runs]).where(order))


def _by_leaf_and_rank(leaf: Ints, rank: Keys) -> npt.NDArray[np.intp]:
    """The order by leaf, then by rank; by one number made of both where that tells all apart, which is faster."""
    if leaf.max(initial=0) < 1 << 24:
        both = leaf.astype(np.uint64) << np.uint64(40) | rank >> np.uint64(24)
        order = np.argsort(both)
        if (np.diff(both[order]) > 0).all():
            return order
    return np.lexsort((rank, leaf))


def _positions(leaf: Ints) -> npt.NDArray[np.intp]:
    """How many of the same leaf come before each; ``leaf`` is sorted."""
    starts = np.flatnonzero(np.diff(leaf, prepend=-1))
    return np.arange(leaf.size) - np.repeat(starts, np.diff(starts, append=leaf.size))
