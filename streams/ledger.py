"""Which record of a sequence comes next: repeats are told from holes by ``seq`` alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from msgspec import Struct

from schemas.base import Sequenced

Verdict = Literal["next", "repeat", "hole"]


class Series(NamedTuple):
    """What ``seq`` counts within."""

    topic: str
    workspace: str
    origin: str


class Head(Struct, frozen=True, kw_only=True):
    """The few fields of a sequenced record that say where it belongs; decoding them alone is quick."""

    workspace: str
    origin: str
    seq: int


class Ledger:
    """The last ``seq`` of every series."""

    def __init__(self, entries: Iterable[tuple[Series, int]] = ()) -> None:
        self._last: dict[Series, int] = dict(entries)

    def entries(self) -> list[tuple[Series, int]]:
        """Every series with its last ``seq``."""
        return sorted(self._last.items())

    def last(self, series: Series) -> int:
        """The last one entered; 0 before the first."""
        return self._last.get(series, 0)

    def verdict(self, series: Series, seq: int) -> Verdict:
        """What a record with this ``seq`` is to us now."""
        last = self.last(series)
        if seq <= last:
            return "repeat"
        return "next" if seq == last + 1 else "hole"

    def enter(self, series: Series, seq: int) -> None:
        """Note that the record was dealt with.

        Raises:
            ValueError: it was not the next one.
        """
        if seq != self.last(series) + 1:
            raise ValueError(
                f"{series.topic} of {series.workspace} from {series.origin}: {seq} after {self.last(series)}"
            )
        self._last[series] = seq

    def jump(self, series: Series, seq: int) -> None:
        """Let this one be the next, whatever is missing before it."""
        self._last[series] = max(self.last(series), seq - 1)


def series_of(topic: str, record: Sequenced | Head) -> Series:
    """The series a record of that topic belongs to."""
    return Series(topic, record.workspace, record.origin)
