"""One open bucket's counts and samples per leaf, in arrays and packed runs.

What is kept of a sampled contact waits here for minutes, as the bytes that its frame will have. Packed, a batch's
samples are one object instead of hundreds between the short-lived ones of every batch, which would spread those over
the heap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.admit.memory import Bools, Ints, Keys

Whole = npt.NDArray[np.signedinteger[Any]]
Places = npt.NDArray[np.intp]
SPARE = 8
SAMPLE_BYTES = 200  # what a sample takes in a frame beside its words, at most
_TOP = np.uint64(2**64 - 1)
_FEW = 10_000
_MOST = 0.8
_RUN = 8_192  # large enough to go back to the system (see heap.py)


class Said(NamedTuple):
    """What is kept of sampled contacts: their bytes in JSON, of each its ``event_id`` and then all that follows the
    leaf; from ``begins`` to ``cuts`` and on to ``ends``. ``sizes``: bytes that each takes in a frame at most."""

    packed: bytes | bytearray
    begins: Whole
    cuts: Whole
    ends: Whole
    sizes: Whole

    def where(self, places: Places) -> Said:
        """Of the contacts at these places; the bytes of the others stay too."""
        return Said(self.packed, *(column[places] for column in self[1:]))

    def alone(self) -> Said:
        """The same for keeping: without the bytes of others, unless they are few."""
        few = (self.ends - self.begins).sum() > _MOST * len(self.packed)
        return Said(self.packed, *_narrow(len(self.packed), *self[1:])) if few else gathered([self])

    def spans(self) -> Iterator[memoryview]:
        """The bytes of all contacts, in one piece where they lie one after another."""
        view, new = memoryview(self.packed), np.ones(self.ends.size, bool)
        new[1:] = self.begins[1:] != self.ends[:-1]
        firsts = np.flatnonzero(new)
        lasts = np.append(firsts[1:], new.size)[: firsts.size] - 1
        for begin, end in zip(self.begins[firsts].tolist(), self.ends[lasts].tolist(), strict=True):
            yield view[begin:end]


def gathered(lots: Iterable[Said]) -> Said:
    """What is kept of one or more lots of contacts, one after another, without the bytes of others.

    A lot is not looked at again once the next one is asked for.
    """
    packed, columns = bytearray(), []
    for lot in lots:
        lengths = lot.ends - lot.begins
        ends = np.cumsum(lengths, dtype=np.int64) + len(packed)
        begins = ends - lengths
        columns.append((begins, begins + (lot.cuts - lot.begins), ends, lot.sizes))
        packed += b"".join(lot.spans())
    return Said(packed, *_narrow(len(packed), *map(np.concatenate, zip(*columns, strict=True))))


def _narrow(size: int, *columns: Whole) -> Iterator[Whole]:
    """Columns of places among so many bytes, in as few bits as hold them."""
    kind = np.int32 if size < 1 << 31 else np.int64
    return (column.astype(kind, copy=False) for column in columns)


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
    """Sampled contacts."""

    leaf: Whole
    rank: Keys
    said: Said

    def where(self, chosen: Places) -> Sampled:
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
        self._runs.append(Sampled(leaf.astype(np.int32), rank, said.alone()))
        self._kept += leaf.size
        if self._kept > self._crowd:
            leaf, rank, order = self._smallest(self._size)
            last = order[_positions(leaf[order]) == self._size - 1]
            self._bars[leaf[last]] = rank[last]
            self._runs = list(_merged(self._parts(np.sort(order))))
            self._kept = order.size
            self._crowd = _FEW + self._kept * 5 // 4

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
        """The sampled contacts, by leaf and hash; they are kept no longer."""
        leaf, rank, order = self._smallest(self._size if self._gone else self._size - SPARE)
        if not self._runs:
            return Sampled(leaf, rank, said_of((), (), ()))
        places = np.sort(order)
        said = gathered(part.said for part in self._parts(places))
        self._kept = 0
        smallest = Sampled(leaf[order], rank[order], said.where(np.searchsorted(places, order)))
        if not self._gone:
            return smallest
        pairs = zip(smallest.leaf.tolist(), smallest.rank.tolist(), strict=True)
        left = np.flatnonzero([pair not in self._gone for pair in pairs])
        return smallest.where(left[_positions(smallest.leaf[left]) < self._size - SPARE])

    def _smallest(self, size: int) -> tuple[Whole, Keys, Places]:
        """Leaf and hash of all contacts kept, and the places of each leaf's ``size`` smallest hashes, in order."""
        leaf = np.concatenate([np.zeros(0, np.int32), *[run.leaf for run in self._runs]])
        rank = np.concatenate([np.zeros(0, np.uint64), *[run.rank for run in self._runs]])
        order = _by_leaf_and_rank(leaf, rank)
        return leaf, rank, order[_positions(leaf[order]) < size]

    def _parts(self, places: Places) -> Iterator[Sampled]:
        """Of each run the contacts at these places, which ascend over all runs; runs go as they are taken."""
        firsts = np.cumsum([0, *[run.leaf.size for run in self._runs]])
        here = np.split(places, np.searchsorted(places, firsts[1:-1]))
        runs, self._runs = self._runs[::-1], []
        for first, mine in zip(firsts.tolist(), here, strict=False):
            yield runs.pop().where(mine - first)


def _merged(parts: Iterable[Sampled]) -> Iterator[Sampled]:
    """Runs of some thousands, without the bytes of others: one run of all would be held twice while it is made."""
    some: list[Sampled] = []
    size = 0
    for part in parts:
        some.append(part)
        size += part.leaf.size
        if size >= _RUN:
            yield _one(some)
            some, size = [], 0
    if size:
        yield _one(some)


def _one(runs: Sequence[Sampled]) -> Sampled:
    leaf, rank = (np.concatenate(columns) for columns in list(zip(*runs, strict=True))[:2])
    return Sampled(leaf, rank, gathered(run.said for run in runs))


def _by_leaf_and_rank(leaf: Whole, rank: Keys) -> Places:
    """The order by leaf, then by rank; by one number made of both where that tells all apart, which is faster."""
    if leaf.max(initial=0) < 1 << 24:
        both = leaf.astype(np.uint64) << np.uint64(40) | rank >> np.uint64(24)
        order = np.argsort(both)
        if (np.diff(both[order]) > 0).all():
            return order
    return np.lexsort((rank, leaf))


def _positions(leaf: Whole) -> Places:
    """How many of the same leaf come before each; ``leaf`` is sorted."""
    starts = np.flatnonzero(np.diff(leaf, prepend=-1))
    return np.arange(leaf.size) - np.repeat(starts, np.diff(starts, append=leaf.size))
