"""Open buckets of one workspace on one input partition, and the memory by which repeats are known.

Everything here is a function of the events and marks of the partition in the order of the log; the order of
events between two marks changes nothing.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from schemas.raw import Exposure
from schemas.slices import MISSING
from schemas.workspace import Workspace
from streams.admit.normalise import fold, spell

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = -(1 << 62)
SPARE = 8
_MANY_LEAVES = 200_000
_ALL = 1 << 64
Leaf = tuple[str, ...]
Kept = tuple[int, str, datetime, str, str, str, dict[str, Exposure]]


class LeafCount:
    """Contacts of one leaf in one bucket: how many, the smallest hashes with their words, and the largest that still
    gets in. A few more than ``sample_k`` are kept, for contacts that move to an earlier bucket."""

    __slots__ = ("bar", "count", "kept")

    def __init__(self) -> None:
        self.count = 0
        self.bar = _ALL
        self.kept: list[Kept] = []

    def thin(self, size: int) -> None:
        """Drop the samples that can no longer be among the ``size`` smallest."""
        self.prune(size + SPARE)
        self.bar = self.kept[-1][0]

    def drop(self, rank: int) -> None:
        """Take one contact out again."""
        self.count -= 1
        self.kept = [sample for sample in self.kept if sample[0] != rank]

    def prune(self, size: int) -> None:
        """Keep the ``size`` smallest, in order."""
        self.kept.sort()
        del self.kept[size:]


class Cell:
    """One bucket: what is remembered of it until the horizon, and what is counted in it while it is open.

    ``first`` is the offset of its first event and ``until`` the mark then in force: from there a restart can rebuild
    it. ``events`` and ``contacts`` are keys of the memory that leave with it.
    """

    __slots__ = ("contacts", "customers", "events", "first", "handle", "handled", "leaves", "repeats", "until")

    def __init__(self, first: int, until: int) -> None:
        self.first = first
        self.until = until
        self.events: list[int] = []
        self.contacts: list[int] = []
        self.leaves: dict[int, LeafCount] = {}
        self.customers: list[str] = []
        self.repeats = 0
        self.handle = 0
        self.handled = 0

    def reach_back(self, other: Cell) -> None:
        """Be rebuilt from where ``other`` is, if that is earlier."""
        if other.first < self.first:
            self.first, self.until = other.first, other.until

    def filled(self) -> bool:
        """Whether there is anything to tell of it."""
        return bool(self.leaves) or self.handled > 0 or self.repeats > 0

    def close(self) -> None:
        """Forget the counts; the memory of repeats stays."""
        self.leaves = {}
        self.customers = []


class Book:
    """All that admit knows of one workspace on one input partition.

    ``until`` is the first open bucket's number; ``floor`` the first remembered one's. ``seen`` maps the hash of an
    event's id to that of its content; ``placed`` a contact to the bucket, rank and leaf where it was counted.
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
        self.seen: dict[int, int] = {}
        self.placed: dict[int, int] = {}
        self.outliving: dict[int, int] = {}
        self.numbers: dict[tuple[str, ...], int] = {}
        self._leaf_numbers: dict[Leaf, int] = {}
        self.leaves: list[Leaf] = []

    def leaf_number(self, values: tuple[str, ...], names: tuple[str, ...], channel: str) -> int:
        """Number of the leaf that spelt ``values`` of the dimensions ``names`` belong to."""
        number = self.numbers.get(values)
        if number is None:
            given = dict(zip(names, values, strict=True), channel=channel)
            leaf = tuple(fold(given.get(name, MISSING), self.keep.get(name)) for name in self.workspace.dimensions)
            number = self.numbers[values] = self._leaf_numbers.setdefault(leaf, len(self.leaves))
            if number == len(self.leaves):
                self.leaves.append(leaf)
        return number

    def remember(self, bucket: int, offset: int) -> Cell:
        """The cell of a bucket that is not older than the horizon."""
        cell = self.cells.get(bucket)
        if cell is None:
            cell = self.cells[bucket] = Cell(offset, self.until)
        return cell

    def outlive(self, key: int, owner: int, bucket: int, offset: int) -> None:
        """Remember ``key`` of the cell ``owner`` as long as ``bucket``, whose event it has just refused.

        Otherwise a restart, which begins at the first remembered event, would take the refused one for the first.
        """
        holder = max(owner, self.outliving.get(key, NEVER))
        if bucket <= holder:
            return
        self.outliving[key] = bucket
        self.remember(bucket, offset).reach_back(self.cells[holder])
        self._oldest = None

    def begin(self, since: int | None) -> None:
        """Put the first mark back as it was; the memory is empty."""
        if since is not None:
            self.until, self.floor = since, since - self.horizon

    def oldest(self, offset: int) -> tuple[int, int]:
        """Where reading again has to begin, and the mark then in force; ``offset`` where nothing is remembered."""
        if self._oldest is None:
            self._oldest = min(((cell.first, cell.until) for cell in self.cells.values()), default=None)
        return self._oldest if self._oldest is not None else (offset, self.until)

    def advance(self, until: int) -> list[tuple[int, Cell]]:
        """Move the mark; the buckets that it closes and that hold something, in order."""
        closing = sorted(bucket for bucket in self.cells if self.until <= bucket < until)
        closed = [(bucket, self.cells[bucket]) for bucket in closing if self.cells[bucket].filled()]
        self.until, self.floor = until, until - self.horizon
        for bucket in sorted(bucket for bucket in self.cells if bucket < self.floor):
            self._forget(bucket, self.cells.pop(bucket))
            self._oldest = None
        if len(self.numbers) > _MANY_LEAVES and not any(cell.leaves for cell in self.cells.values()):
            self.numbers, self._leaf_numbers, self.leaves = {}, {}, []
        return closed

    def _forget(self, bucket: int, cell: Cell) -> None:
        for store, keys in ((self.seen, cell.events), (self.placed, cell.contacts)):
            for key in keys:
                later = self.outliving.get(key, NEVER) if self.outliving else NEVER
                if later > bucket and later in self.cells:
                    self._hand_on(key, later, cell, of_event=store is self.seen)
                else:
                    self.outliving.pop(key, None)
                    store.pop(key, None)

    def _hand_on(self, key: int, later: int, cell: Cell, *, of_event: bool) -> None:
        heir = self.cells[later]
        heir.reach_back(cell)
        (heir.events if of_event else heir.contacts).append(key)

    def missing(self, cell: Cell) -> dict[str, int]:
        """Contacts without a value, by dimension."""
        without: Counter[str] = Counter()
        for number, leaf in cell.leaves.items():
            for name, value in zip(self.workspace.dimensions, self.leaves[number], strict=True):
                if value == MISSING and leaf.count:
                    without[name] += leaf.count
        return dict(sorted(without.items()))
