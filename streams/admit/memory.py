"""A table of 64-bit keys held in arrays: the memory by which repeats are known.

A Python dictionary would hold three objects per entry, which lie for hours between the short-lived objects of every
batch and spread those over the heap. Here an entry takes about 60 bytes, and a batch is looked up in one go.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.admit.compiled import step

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_SMALLEST = 64
_SLOTS_PER_ROW = 3  # keeps runs of taken slots short


class Memory:
    """Entries by key, each with the columns it was made with, until it has expired.

    Entries lie in rows in the order they came; a hash table of row numbers finds them. What has expired is no longer
    found, and leaves when its room is needed.
    """

    def __init__(self, **columns: type[np.generic]) -> None:
        self.floor = -(1 << 62)
        self._step = step()
        self._rows = 0
        self._keys: Keys = np.empty(0, np.uint64)
        self.expires: Ints = np.empty(0, np.int64)
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
        if self._step is not None:
            self._step.find(self._slots, self._keys, np.ascontiguousarray(keys), found)
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
        """Let what has expired go, and hold half as much again as is left."""
        kept = np.flatnonzero(self.expires[: self._rows] >= self.floor)
        size = max(_SMALLEST, (kept.size + more) * 3 // 2)
        self._keys, self.expires = _moved(self._keys, kept, size), _moved(self.expires, kept, size)
        self.columns = {name: _moved(column, kept, size) for name, column in self.columns.items()}
        self._rows = kept.size
        self._slots = np.full(1 << (_SLOTS_PER_ROW * size).bit_length() - 1, -1, np.int32)
        self._place(0)

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


def _moved(column: npt.NDArray[Any], kept: Ints, size: int) -> npt.NDArray[Any]:
    moved = np.empty(size, column.dtype)
    moved[: kept.size] = column[kept]
    return moved
