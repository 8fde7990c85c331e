"""Counts and expectations over several window lengths at once, kept as running sums over rings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats.errors import DomainError

Floats = NDArray[np.float64]
HOUR_S = 3_600
DAY_S = 86_400


class Windows:
    """The last ``keep`` steps of every slice, and the sums over the last ``lengths[i]`` of them.

    ``unit`` is the expectation at level one, so that a window can be judged by the level known before it began.
    """

    def __init__(self, lengths: tuple[int, ...], *, keep: int, slices: int) -> None:
        if keep <= max(lengths):
            raise DomainError("keep", keep, f"more than the longest window, {max(lengths)}")
        self.lengths = np.array(lengths, dtype=np.int64)
        self.keep = keep
        self.count = np.zeros((keep, slices))
        self.unit = np.zeros((keep, slices))
        self.count_sums = np.zeros((len(lengths), slices))
        self.unit_sums = np.zeros((len(lengths), slices))
        self.steps = 0

    def push(self, count: Floats, unit: Floats) -> None:
        """Take one step in; what lies ``keep`` steps back is forgotten."""
        gone = (self.steps - self.lengths) % self.keep
        self.count_sums += count - self.count[gone]
        self.unit_sums += unit - self.unit[gone]
        here = self.steps % self.keep
        self.count[here] = count
        self.unit[here] = unit
        self.steps += 1

    def rows(self, last: int, *, until: int = 0) -> NDArray[np.int64]:
        """Places in the ring of the last ``last`` steps, oldest first, leaving out the newest ``until``."""
        last = min(last, self.keep - 1, self.steps)
        return np.arange(self.steps - last, self.steps - until, dtype=np.int64) % self.keep

    def resum(self) -> None:
        """Sums anew from the ring: after the ring was changed, and to forget rounding."""
        for ring, sums in ((self.count, self.count_sums), (self.unit, self.unit_sums)):
            until, whole = self.steps, np.zeros(ring.shape[1])
            for place in np.argsort(self.lengths):
                since = self.steps - int(self.lengths[place])
                whole = whole + _sum_rows(ring, since, until)
                sums[place], until = whole, since

    def replace(self, rows: NDArray[np.int64], one: int, level: float) -> None:
        """Put what was expected at ``level`` in place of these steps of a slice (nothing at level 0)."""
        if level == 0.0:
            self.unit[rows, one] = 0.0
        self.count[rows, one] = self.unit[rows, one] * level
        for place, length in enumerate(self.lengths.tolist()):
            recent = self.rows(length)
            self.count_sums[place, one] = self.count[recent, one].sum()
            self.unit_sums[place, one] = self.unit[recent, one].sum()

    def blank(self, rows: NDArray[np.int64], columns: NDArray[np.bool_]) -> None:
        """Make these steps say nothing about these slices: no count and no expectation."""
        place = np.ix_(rows, np.flatnonzero(columns))
        self.count[place] = 0.0
        self.unit[place] = 0.0
        self.resum()


def _sum_rows(ring: Floats, since: int, until: int) -> Floats:
    """Sum of the ring's steps from ``since`` to before ``until``, without copying them."""
    first, many = since % len(ring), until - since
    whole = ring[first : first + many].sum(axis=0)
    return np.asarray(whole + ring[: max(first + many - len(ring), 0)].sum(axis=0))


def ladder(step_s: int, *, longest_s: int, shortest_s: int = 0) -> tuple[int, ...]:
    """Window lengths in steps, about threefold apart, from one step (or more than ``shortest_s``) to ``longest_s``.

    >>> ladder(3600, longest_s=7 * 86400)
    (1, 3, 8, 24, 72, 168)
    >>> ladder(60, longest_s=1800)
    (1, 3, 10, 30)
    """
    wanted: tuple[int, ...] = (1, 3, 8, 24, 72, 168) if step_s == HOUR_S else (1, 3, 10, 30, 90, 180)
    if step_s >= DAY_S:
        wanted = (1, 3, 7)
    fitting = tuple(length for length in wanted if shortest_s < length * step_s <= longest_s)
    return fitting or wanted[:1]
