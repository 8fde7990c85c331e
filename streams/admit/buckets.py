"""Open buckets of one workspace on one input partition, and the memory by which repeats are known.

Everything here is a function of the events and marks of the partition in the order of the log; the order of
events between two marks changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from schemas.slices import MISSING
from schemas.workspace import Workspace
from streams.admit.memory import Bools, Ints, Keys, Memory
from streams.admit.normalise import fold, spell
from streams.admit.samples import Tally
from streams.admit.spelling import Spelt

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = -(1 << 62)
_MANY_LEAVES = 200_000
_FEW_OF = 8
Leaf = tuple[str, ...]


class Cell:
    """One bucket: what is counted in it while it is open, and from where it can be rebuilt until it is forgotten.

    ``first`` is the offset of its first event and ``until`` the mark then in force: reading again begins there.
    ``heirs`` are later buckets that remember something of this one.
    """

    __slots__ = ("first", "handle", "handled", "heirs", "repeats", "tally", "until")

    def __init__(self, first: int, until: int, sample_k: int) -> None:
        self.first = first
        self.until = until
        self.heirs: set[int] = set()
        self.tally: Tally | None = Tally(sample_k)
        self.repeats = 0
        self.handle = 0
        self.handled = 0

    def reach_back(self, other: Cell) -> None:
        """Be rebuilt from where ``other`` is, if that is earlier."""
        if other.first < self.first:
            self.first, self.until = other.first, other.until

    def filled(self) -> bool:
        """Whether there is anything to tell of it."""
        return self.handled > 0 or self.repeats > 0 or (self.tally is not None and self.tally.filled())

    def close(self) -> None:
        """Forget the counts; the memory of repeats stays."""
        self.tally = None


class Book:
    """All that admit knows of one workspace on one input partition.

    ``until`` is the first open bucket's number; ``floor`` the first remembered one's. ``seen`` maps the hash of an
    event's id to half of that of its content; ``placed`` knows the contacts that were counted, ``open`` the rank and leaf
    of those that an open bucket counts, which is when they expire.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.width = timedelta(seconds=workspace.bucket_s)
        self.horizon = -(-workspace.repeat_horizon_s // workspace.bucket_s)
        self.keep = {name: frozenset(spell(name, value) for value in values) for name, values in workspace.keep.items()}
        self.until = NEVER
        self.floor = NEVER
        self.mark = EPOCH
        self.final = False
        self.seq = 0
        self.late = 0
        self.backfilled = 0
        self.skip_before = 0
        self.cells: dict[int, Cell] = {}
        self._oldest: tuple[int, int] | None = None
        self.seen = Memory(content=np.uint32)
        self.placed = Memory()
        self.open = Memory(rank=np.uint64, leaf=np.int32)
        self.leaves: list[Leaf] = []
        self._order: list[int] = []
        self._ranks: Ints = np.empty(0, np.int64)
        self._lacks: Bools = np.zeros((0, len(workspace.dimensions)), bool)
        self._leaf_numbers: dict[Leaf, int] = {}
        self._by_row: Ints = np.empty(0, np.int64)
        self._rows: list[tuple[str, ...]] = []

    def leaf_numbers(self, rows: Ints, spelt: Spelt, channel: str) -> Ints:
        """Numbers of the leaves that rows of spelt dimension values belong to."""
        if spelt.values is not self._rows:
            self._rows, self._by_row = spelt.values, np.empty(0, np.int64)
        if self._by_row.size < len(self._rows):
            more = 2 * len(self._rows) - self._by_row.size
            self._by_row = np.append(self._by_row, np.full(more, -1))
        numbers = self._by_row[rows]
        if numbers.size and numbers.min() < 0:
            for row in set(rows[numbers < 0].tolist()):
                self._by_row[row] = self._leaf_number(spelt.values[row], spelt.dimensions, channel)
            numbers = self._by_row[rows]
        return numbers

    def _leaf_number(self, values: tuple[str, ...], names: tuple[str, ...], channel: str) -> int:
        given = dict(zip(names, values, strict=True), channel=channel)
        leaf = tuple(fold(given.get(name, MISSING), self.keep.get(name)) for name in self.workspace.dimensions)
        number = self._leaf_numbers.setdefault(leaf, len(self.leaves))
        if number == len(self.leaves):
            self.leaves.append(leaf)
        return number

    def buckets(self, at_ms: Ints) -> Ints:
        """Numbers of the buckets that moments lie in."""
        return at_ms // (1_000 * self.workspace.bucket_s)

    def wants(self, at_ms: Ints, leaf: Ints, rank: Keys) -> Bools:
        """Which contacts may be among the samples of their buckets, as far as can be said so far."""
        wanted = np.ones(leaf.size, bool)
        buckets = self.buckets(at_ms)
        for bucket in set(buckets.tolist()) & self.cells.keys():
            tally = self.cells[bucket].tally
            here = buckets == bucket
            wanted[here] = tally.wanted(leaf[here], rank[here]) if tally is not None else False
        return wanted

    def remember(self, bucket: int, offset: int) -> Cell:
        """The cell of a bucket that is not older than the horizon."""
        cell = self.cells.get(bucket)
        if cell is None:
            cell = self.cells[bucket] = Cell(offset, self.until, self.workspace.sample_k)
        return cell

    def outlive(self, memory: Memory, row: int, bucket: int, offset: int) -> None:
        """Remember a row of ``seen`` or ``placed`` as long as ``bucket``, whose event it has just refused.

        Otherwise a restart, which begins at the first remembered event, would take the refused one for the first.
        """
        holder = int(memory.expires[row])
        if bucket <= holder:
            return
        memory.expires[row] = bucket
        self.inherit(holder, bucket, offset)

    def inherit(self, holder: int, bucket: int, offset: int) -> None:
        """Rebuild the cell ``bucket`` from where ``holder`` is rebuilt, now and when that has moved."""
        self.remember(bucket, offset).reach_back(self.cells[holder])
        self.cells[holder].heirs.add(bucket)
        self._oldest = None

    def begin(self, since: int | None) -> None:
        """Put the first mark back as it was; the memory is empty."""
        if since is not None:
            self.until = since
            self._forget(since - self.horizon)

    def oldest(self, offset: int) -> tuple[int, int]:
        """Where reading again has to begin, and the mark then in force; ``offset`` where nothing is remembered."""
        if self._oldest is None:
            self._oldest = min(((cell.first, cell.until) for cell in self.cells.values()), default=None)
        return self._oldest if self._oldest is not None else (offset, self.until)

    def advance(self, until: int) -> list[tuple[int, Cell]]:
        """Move the mark; the buckets that it closes and that hold something, in order."""
        closing = sorted(bucket for bucket in self.cells if self.until <= bucket < until)
        closed = [(bucket, self.cells[bucket]) for bucket in closing if self.cells[bucket].filled()]
        self.until = until
        self._forget(until - self.horizon)
        return closed

    def renumber(self) -> None:
        """Number the leaves anew where there are too many and none is in use."""
        if len(self.leaves) > _MANY_LEAVES and not any(cell.tally and cell.tally.used for cell in self.cells.values()):
            self.leaves, self._leaf_numbers, self._by_row = [], {}, np.empty(0, np.int64)
            self._order, self._lacks = [], self._lacks[:0]

    def _forget(self, floor: int) -> None:
        self.floor = self.seen.floor = self.placed.floor = floor
        self.open.floor = self.until
        for bucket in sorted(bucket for bucket in self.cells if bucket < floor):
            cell = self.cells.pop(bucket)
            for heir in cell.heirs & self.cells.keys():
                self.cells[heir].reach_back(cell)
            self._oldest = None

    def in_order(self, numbers: Ints) -> Ints:
        """Leaves by their numbers in the order of their values."""
        if _FEW_OF * numbers.size < len(self.leaves):
            return np.array(sorted(numbers.tolist(), key=self.leaves.__getitem__), np.int64)
        if len(self._order) < len(self.leaves):
            # Runs that are in order are merged, not sorted again.
            new = sorted(range(len(self._order), len(self.leaves)), key=self.leaves.__getitem__)
            self._order = sorted(self._order + new, key=self.leaves.__getitem__)
            self._ranks = np.empty(len(self._order), np.int64)
            self._ranks[self._order] = np.arange(len(self._order))
        return numbers[np.argsort(self._ranks[numbers])]

    def missing(self, counts: Ints) -> dict[str, int]:
        """Contacts without a value, by dimension; ``counts`` are those of the leaves, by their numbers."""
        flags = [[value == MISSING for value in leaf] for leaf in self.leaves[len(self._lacks) :]]
        if flags:
            self._lacks = np.concatenate([self._lacks, np.array(flags, bool).reshape(len(flags), -1)])
        without = (counts @ self._lacks[: counts.size]).tolist()
        return {name: some for name, some in sorted(zip(self.workspace.dimensions, without, strict=True)) if some}
