"""Entries by 64-bit key, held in arrays: the memory by which repeats are known.

A Python dictionary would hold three objects per entry, which lie for hours between the short-lived objects of every
batch and spread those over the heap. Here an entry takes its columns, 12 bytes and an eighth of that in spare room, and a
batch is looked up in one go.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.admit.compiled import step

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Prints = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]
_SMALLEST = 64
_SPARE = 8  # rows that are settled for each one that may come before room is made again
_SLOTS_PER_ROW = 3  # keeps runs of taken slots short


class Memory:
    """Entries by key, each with the columns it was made with, until it has expired.

    The rows that were there when room was last made are settled: they lie in the order of their keys. Those that
    have come since follow in the order they came; a hash table of row numbers finds them. What has expired is no longer
    found, and leaves when room is made again. ``expires`` counts from 0 to 2**32 - 1: seconds until 2106.
    """

    def __init__(self, **columns: type[np.generic]) -> None:
        self.floor = -(1 << 62)
        self._step = step()
        self._rows = self._settled = 0
        self._keys: Keys = np.empty(0, np.uint64)
        self.expires: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
        self.columns: dict[str, npt.NDArray[Any]] = {name: np.empty(0, kind) for name, kind in columns.items()}
        self._slots: npt.NDArray[np.int32] = np.full(1, -1, np.int32)

    def __len__(self) -> int:
        """Entries that have not expired."""
        return int(np.count_nonzero(self.expires[: self._rows] >= self.floor))

    def find(self, keys: Keys) -> Ints:
        """The row of each key, -1 where there is none. Rows hold until the next :meth:`add`."""
        found = np.full(keys.size, -1, np.int64)
        if self._rows == 0:
            return found
        if self._settled:
            settled = self._keys[: self._settled]
            rows = np.minimum(np.searchsorted(settled, keys), self._settled - 1)
            there = settled[rows] == keys
            found[there] = rows[there]
        # A key that has expired may have come again since.
        if self._step is not None:
            later = np.full(keys.size, -1, np.int64)
            self._step.find(self._slots, self._keys, np.ascontiguousarray(keys), later)
            np.copyto(found, later, where=later >= 0)
        else:
            self._find(keys, found)
        found[self.expires[found] < self.floor] = -1
        return found

    def _find(self, keys: Keys, found: Ints) -> None:
        mask = self._slots.size - 1
        slots = (keys & np.uint64(mask)).astype(np.int64)
        places = np.arange(keys.size)
        while places.size:
            rows = self._slots[slots]
            taken = np.flatnonzero(rows >= 0)
            if taken.size < places.size:
                places, rows, slots, keys = places[taken], rows[taken], slots[taken], keys[taken]
            same = self._keys[rows] == keys
            found[places[same]] = rows[same]
            others = np.flatnonzero(~same)
            places, slots, keys = places[others], (slots[others] + 1) & mask, keys[others]

    def add(self, keys: Keys, expires: Ints, **columns: npt.NDArray[Any]) -> None:
        """Remember keys that are all different and not known."""
        if self._rows + keys.size > self._keys.size:
            self._make_room(keys.size)
        first, self._rows = self._rows, self._rows + keys.size
        self._keys[first : self._rows] = keys
        self.expires[first : self._rows] = expires
        for name, values in columns.items():
            self.columns[name][first : self._rows] = values
        self._place(first)

    def _make_room(self, more: int) -> None:
        """Let what has expired go, settle what is left, and hold an eighth as much again."""
        kept = np.flatnonzero(self.expires[: self._rows] >= self.floor)
        # Mostly in order already, which a stable sort makes use of.
        kept = kept[np.argsort(self._keys[kept], kind="stable")]
        spare = more + max(_SMALLEST, kept.size // _SPARE)
        size = kept.size + spare
        self._slots = np.full(1 << (_SLOTS_PER_ROW * spare).bit_length() - 1, -1, np.int32)
        self._keys = _moved(self._keys, kept, size)
        self.expires = _moved(self.expires, kept, size)
        for name in self.columns:
            self.columns[name] = _moved(self.columns[name], kept, size)
        self._rows = self._settled = kept.size

    def _place(self, first: int) -> None:
        """Enter the rows from ``first`` on into the table; an expired row gives its slot to its key's new one."""
        if self._step is not None:
            self._step.place(self._slots, self._keys, first, self._rows)
            return
        mask = self._slots.size - 1
        rows = np.arange(first, self._rows)
        keys = self._keys[rows]
        slots = (keys & np.uint64(mask)).astype(np.int64)
        while rows.size:
            there = self._slots[slots]
            free = np.flatnonzero((there < 0) | (self._keys[there] == keys))
            self._slots[slots[free]] = rows[free]
            # Of several that want one free slot the last has it; the others look on.
            others = np.flatnonzero(self._slots[slots] != rows)
            rows, keys, slots = rows[others], keys[others], (slots[others] + 1) & mask


def prints(hashes: Keys) -> Prints:
    """Half of each content's hash: enough for those that came under one id, of which two look the same once in 2**32."""
    return hashes.astype(np.uint32)


def _moved(column: npt.NDArray[Any], kept: Ints, size: int) -> npt.NDArray[Any]:
    moved = np.empty(size, column.dtype)
    np.take(column, kept, out=moved[: kept.size], mode="clip")  # without a copy between
    return moved
