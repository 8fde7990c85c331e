"""Fields whose values repeat, spelt one way by looking each value up once."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from streams.admit.memory import Ints
from streams.admit.normalise import spell
from streams.admit.opening import Opened

_REMEMBERED = 100_000
Columns = dict[str, Sequence[Any]]


class Spelt(NamedTuple):
    """The values of the watched dimensions: event ``i`` has ``values[rows[i]]``."""

    rows: Ints
    values: list[tuple[str, ...]]
    dimensions: tuple[str, ...]


class Dimensions:
    """The watched dimensions of a kind, spelt together: whole combinations are looked up."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._known: dict[tuple[str, ...], int] = {}
        self.values: list[tuple[str, ...]] = []
        self._changes: dict[int, list[tuple[str, str]]] = {}

    def spell(self, events: Sequence[Opened], columns: Mapping[str, Sequence[Any]]) -> Spelt:
        """Spell the dimensions of every event."""
        missing = ("",) * len(events)
        given = list(zip(*(columns.get(name, missing) for name in self.names), strict=True)) or [()] * len(events)
        found: list[Any] = list(map(self._known.get, given))
        if None in found:
            found = self._learn(given)
        if self._changes and not self._changes.keys().isdisjoint(found):
            for event, row in zip(events, found, strict=True):
                for name, value in self._changes.get(row, ()):
                    setattr(event, name, value)
        return Spelt(np.array(found, np.int64), self.values, self.names)

    def rows_of(self, given: Sequence[tuple[str, ...]]) -> list[int]:
        """The rows of combinations; where too many are known, all are learnt anew, and ``values`` is another list."""
        return self._learn(given) if set(given).difference(self._known) else [self._known[values] for values in given]

    def _learn(self, given: Sequence[tuple[str, ...]]) -> list[int]:
        if len(self._known) > _REMEMBERED:
            self._known, self.values, self._changes = {}, [], {}
        for some in set(given).difference(self._known):
            # One object per value keeps what looking up touches small.
            values = tuple(map(sys.intern, some))
            row = self._known[values] = len(self.values)
            right = tuple(sys.intern(spell(*pair)) for pair in zip(self.names, values, strict=True))
            self.values.append(right)
            if right != values:
                pairs = zip(self.names, right, values, strict=True)
                self._changes[row] = [(name, new) for name, new, old in pairs if new != old]
        return [self._known[values] for values in given]


class Column:
    """One field that is not watched."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: set[str] = set()
        self._changes: dict[str, str] = {}

    def spell(self, events: Sequence[Opened], columns: Mapping[str, Sequence[Any]]) -> None:
        """Spell the field of every event."""
        values = set(columns.get(self._name, ()))
        if not self._known >= values:
            self._learn(values)
        if self._changes and not self._changes.keys().isdisjoint(values):
            for event, value in zip(events, columns[self._name], strict=True):
                setattr(event, self._name, self._changes.get(value, value))

    def _learn(self, values: set[str]) -> None:
        if len(self._known) > _REMEMBERED:
            self._known, self._changes = set(), {}
        for value in values - self._known:
            self._known.add(value)
            right = spell(self._name, value)
            if right != value:
                self._changes[value] = sys.intern(right)
