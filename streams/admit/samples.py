"""One open bucket's counts and samples per leaf, in arrays and packed runs.

What is kept of a sampled contact waits here for minutes. Packed, a batch's samples are one object instead of hundreds
between the short-lived ones of every batch, which would spread those over the heap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.raw import Exposure
from streams.admit.memory import Bools, Ints, Keys

SPARE = 8
_TOP = np.uint64(2**64 - 1)
_FEW = 10_000
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(list[list[Any]]).decode


class Said(NamedTuple):
    """What is kept of sampled contacts, by columns."""

    event_id: Sequence[str]
    occurred_at: Sequence[datetime]
    customer: Sequence[str]
    language: Sequence[str]
    text: Sequence[str]
    exposed: Sequence[dict[str, Exposure]]


def picked(columns: Iterable[Sequence[Any]], places: Sequence[int]) -> Said:
    """What is kept of the contacts at these places."""
    if len(places) < 2:
        return Said._make([column[place] for place in places] for column in columns)
    return Said._make(map(itemgetter(*places), columns))


# One sampled contact: its rank, and the fields of `Said` in their order.
Kept = tuple[int, str, datetime, str, str, str, dict[str, Exposure]]


class _Run(NamedTuple):
    leaf: Ints
    rank: Keys
    packed: bytes


class Tally:
    """Contacts of one bucket: how many per leaf, and of each leaf those with the smallest hashes (``rank``).

    The sample is taken from the ``size + SPARE`` smallest that were ever counted in a leaf, without those that moved
    to an earlier bucket since: a function of what came, whatever the order and the batches.
    """

    def __init__(self, size: int) -> None:
        self._size = size + SPARE
        self._counts: Ints = np.zeros(0, np.int64)
        self._bars: Keys = np.zeros(0, np.uint64)
        self._runs: list[_Run] = []
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
        self._runs.append(_Run(leaf, rank, _PACK(said)))
        self._kept += leaf.size
        if self._kept > self._crowd:
            leaf, rank, said = self._smallest(self._size)
            self._runs = [_Run(leaf, rank, _PACK(said))]
            self._kept = leaf.size
            self._crowd = _FEW + 2 * self._kept
            last = np.flatnonzero(_positions(leaf) == self._size - 1)
            self._bars[leaf[last]] = rank[last]

    def drop(self, leaf: int, rank: int, customer: str) -> None:
        """Take one contact out again."""
        self._counts[leaf] -= 1
        self._gone.add((leaf, rank))
        if customer in self.customers:
            self.customers.remove(customer)

    def counts(self) -> dict[int, int]:
        """Contacts by leaf, of leaves that have any."""
        leaves = np.flatnonzero(self._counts)
        return dict(zip(leaves.tolist(), self._counts[leaves].tolist(), strict=True))

    def samples(self) -> dict[int, list[Kept]]:
        """The sampled contacts by leaf, those with the smallest hashes first."""
        if not self._runs:
            return {}
        leaf, rank, said = self._smallest(self._size)
        kept: list[Kept] = list(zip(rank.tolist(), *said, strict=True))
        starts = np.flatnonzero(np.diff(leaf, prepend=-1))
        ends = [*starts[1:].tolist(), leaf.size]
        found = {
            number: kept[start : min(end, start + self._size - SPARE)]
            for number, start, end in zip(leaf[starts].tolist(), starts.tolist(), ends, strict=True)
        }
        for number in {number for number, _ in self._gone} & found.keys():
            start, end = np.searchsorted(leaf, (number, number + 1)).tolist()
            left = [one for one in kept[start:end] if (number, one[0]) not in self._gone]
            found[number] = left[: self._size - SPARE]
        return found

    def _smallest(self, size: int) -> tuple[Ints, Keys, Said]:
        """Of each leaf the ``size`` contacts with the smallest hashes, in order."""
        leaf = np.concatenate([run.leaf for run in self._runs])
        rank = np.concatenate([run.rank for run in self._runs])
        order = np.lexsort((rank, leaf))
        order = order[_positions(leaf[order]) < size]
        columns: list[list[Any]] = [[] for _ in Said._fields]
        for run in self._runs:
            for column, more in zip(columns, _UNPACK(run.packed), strict=True):
                column.extend(more)
        return leaf[order], rank[order], picked(columns, order.tolist())


def _positions(leaf: Ints) -> npt.NDArray[np.intp]:
    """How many of the same leaf come before each; ``leaf`` is sorted."""
    starts = np.flatnonzero(np.diff(leaf, prepend=-1))
    return np.arange(leaf.size) - np.repeat(starts, np.diff(starts, append=leaf.size))
