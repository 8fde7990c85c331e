"""Closed blocks of the past: sparse counts per leaf, from which any choice of slices can be counted again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from stats.baseline import History
from streams.detect.settings import DAY_S
from streams.detect.watch import Watched

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Sparse:
    """Contacts per leaf, of one bucket or block: leaves' numbers and their counts."""

    places: Ints
    counts: Ints


EMPTY = Sparse(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def added(parts: list[Sparse]) -> Sparse:
    """Several sparse counts as one."""
    if not parts:
        return EMPTY
    if len(parts) == 1:
        return parts[0]
    places = np.concatenate([part.places for part in parts])
    kept, inverse = np.unique(places, return_inverse=True)
    counts = np.bincount(inverse, weights=np.concatenate([part.counts for part in parts]), minlength=len(kept))
    return Sparse(kept, counts.astype(np.int64))


class Calendar:
    """Local hour and weekday of a moment; a holiday is a Sunday."""

    def __init__(self, timezone: str, holidays: tuple[date, ...]) -> None:
        self.zone = ZoneInfo(timezone)
        self.holidays = frozenset(holidays)

    def place(self, at_s: float) -> tuple[int, int]:
        """Hour and weekday at an epoch second."""
        local = datetime.fromtimestamp(at_s, tz=UTC).astimezone(self.zone)
        weekday = SUNDAY if local.date() in self.holidays else local.weekday()
        return local.hour, weekday


class Memory:
    """The last ``keep`` blocks that were no gap, oldest first."""

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.starts: list[int] = []
        self.hours: list[int] = []
        self.weekdays: list[int] = []
        self.blocks: list[Sparse] = []
        self.contacts: Floats = np.zeros(0)
        self.dense: Floats = np.zeros((0, 0))
        self.filled = 0

    def append(self, start_s: int, place: tuple[int, int], block: Sparse, counts: Floats | None) -> None:
        """Take a closed block in; ``counts`` are its contacts per watched slice, if any are watched."""
        self.starts.append(start_s)
        self.hours.append(place[0])
        self.weekdays.append(place[1])
        self.blocks.append(block)
        self._count(block, 1.0)
        if counts is not None:
            self._append_dense(counts)
        if len(self.starts) > self.keep:
            self._count(self.blocks[0], -1.0)
            for column in (self.starts, self.hours, self.weekdays, self.blocks):
                del column[0]

    def drop_since(self, start_s: int) -> None:
        """Forget the blocks from ``start_s`` on: they turned out to be a gap."""
        while self.starts and self.starts[-1] >= start_s:
            self._count(self.blocks[-1], -1.0)
            for column in (self.starts, self.hours, self.weekdays, self.blocks):
                column.pop()
            self.filled = max(self.filled - 1, 0)

    def volume(self, leaves: int) -> Floats:
        """Contacts per leaf over all blocks."""
        return np.append(self.contacts, np.zeros(max(leaves - len(self.contacts), 0)))

    def recount(self, watched: Watched, kept: Ints | None = None) -> None:
        """Count every block anew for another choice of slices; slice ``i`` was ``kept[i]`` and holds the same leaves, or is counted."""
        many, rows = len(watched.slices), len(self.blocks)
        old = self.counts()
        fresh = np.arange(many) if kept is None else np.flatnonzero(kept < 0)
        dense = np.zeros((2 * self.keep, many))
        if kept is not None:
            dense[:rows, kept >= 0] = old[:, kept[kept >= 0]]
        if len(fresh):
            dense[:rows, fresh] = self._counted(watched, fresh)
        self.dense, self.filled = dense, rows

    def _counted(self, watched: Watched, fresh: Ints) -> Floats:
        """Contacts per block in some watched slices."""
        column = np.full(len(watched.slices) + 1, len(fresh))
        column[fresh] = np.arange(len(fresh))
        lengths = [len(block.places) for block in self.blocks]
        places = np.concatenate([block.places for block in self.blocks])
        weights = np.concatenate([block.counts for block in self.blocks]).astype(np.float64)
        member = column[watched.member[places]]
        cell = np.repeat(np.arange(len(lengths)), lengths)[:, None] * (len(fresh) + 1) + member
        flat = np.bincount(
            cell.ravel(), weights=np.repeat(weights, member.shape[1]), minlength=(len(fresh) + 1) * len(lengths)
        )
        return np.asarray(flat.reshape(len(lengths), -1)[:, :-1])

    def counts(self) -> Floats:
        """Contacts per block and watched slice."""
        return self.dense[self.filled - len(self.starts) : self.filled]

    def history(self, count: Floats, use: Floats) -> History:
        """What a baseline is fitted on: contacts per block and slice, and which of them teach."""
        starts = np.array(self.starts, dtype=np.int64)
        day = starts // DAY_S
        return History(
            count=count,
            use=use,
            hour=np.array(self.hours, dtype=np.int64),
            weekday=np.array(self.weekdays, dtype=np.int64),
            day=day - day[0],
        )

    def _count(self, block: Sparse, times: float) -> None:
        """Keep the contacts per leaf (whole numbers, so that nothing is lost by adding and taking away)."""
        if len(block.places):
            self.contacts = self.volume(int(block.places.max()) + 1)
            self.contacts[block.places] += times * block.counts

    def _append_dense(self, counts: Floats) -> None:
        if self.filled == len(self.dense):
            tail = self.dense[self.filled - self.keep : self.filled].copy()
            self.dense[: self.keep] = tail
            self.filled = self.keep
        self.dense[self.filled] = counts
        self.filled += 1
