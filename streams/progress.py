"""How far a runner has come: states, ledgers and places, which only together are worth keeping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.ledger import Ledger
from streams.reader import Delivery, End, Place
from streams.told import Told


class Seam(NamedTuple):
    """The last record seen before a place: who goes on from there makes sure that it still lies there."""

    offset: int
    value: bytes


class Progress:
    """``applied``: records taken in. ``emitted``: what the stage has said, by its own count. ``written``: what surely lies
    on the output topics or has been handed to the producer. ``complete_to``: up to which offset, exclusive, everything has
    surely been applied; ``outputs_to``: up to where outputs have been read. ``told`` is of use where history was cut."""

    def __init__(self, reads: Iterable[Place], writes: Iterable[Place]) -> None:
        self.states: dict[str, object] = {}
        self.applied = Ledger()
        self.emitted = Ledger()
        self.written = Ledger()
        self.complete_to: dict[Place, int] = dict.fromkeys(reads, 0)
        self.outputs_to: dict[Place, int] = dict.fromkeys(writes, 0)
        self.seams: dict[Place, Seam] = {}
        self.told = Told()

    def passed(self, places: dict[Place, int], item: Delivery | End) -> None:
        """Everything up to this item has been dealt with."""
        place = Place(item.topic, item.partition)
        if isinstance(item, End):
            places[place] = item.offset
            return
        places[place] = item.offset + 1
        self.seams[place] = Seam(item.offset, item.value or b"")

    def begin_late(self, workspace: str) -> None:
        """The history of a workspace begins where retention has cut it: its outputs go on from what is there."""
        if workspace not in self.told.late:
            for series, seq in self.told.begin_late(workspace).items():
                self.written.jump(series, seq + 1)
