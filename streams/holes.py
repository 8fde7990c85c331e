"""Records that came before their turn even in the topic: waited for as long as a writer's restart takes."""

from __future__ import annotations

import msgspec
import structlog
from msgspec import Struct

from schemas.errors import FatalError
from streams.ledger import Series

log = structlog.get_logger("whence.agents")
PATIENCE_S = 60.0


class Hole(Struct, frozen=True):
    """``seq`` came where ``expected`` should have been."""

    since_s: float
    offset: int
    expected: int
    seq: int


class Holes:
    """The first hole of every series of one partition that has one."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._holes: dict[Series, Hole] = {}

    def __bool__(self) -> bool:
        return bool(self._holes)

    def note(self, series: Series, hole: Hole) -> None:
        """Said once."""
        if series not in self._holes:
            self._holes[series] = hole
            log.warning("hole", **series._asdict(), partition=self._partition, **msgspec.structs.asdict(hole))

    def fill(self, series: Series) -> None:
        """What was missing has come."""
        self._holes.pop(series, None)

    def stop_on_one_that_stays(self, now_s: float) -> None:
        """See :data:`PATIENCE_S`.

        Raises:
            FatalError: a record is missing for longer than that.
        """
        for series, hole in self._holes.items():
            if now_s - hole.since_s > PATIENCE_S:
                raise FatalError(
                    f"{series.topic}/{self._partition} of workspace {series.workspace} from {series.origin} lacks the "
                    f"record {hole.expected}: at offset {hole.offset} comes {hole.seq}",
                    remedy="Was a part of the topic deleted, or was it written to by somebody else? Restore it, or replay "
                    "into a new workspace",
                )
