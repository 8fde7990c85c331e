"""What every event of a story needs to know."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from schemas.catalog import Topic
from schemas.raw import RawEvent
from sources.stories.plot import Plot
from sources.stories.world import Company, Seconds

Arrival = tuple[Seconds, Topic, RawEvent]


class Setting(Struct, frozen=True):
    """What every event of the story needs: who, from when on, for how long."""

    workspace: str
    start: datetime
    company: Company
    plot: Plot
    days: int

    def moment(self, at: Seconds) -> datetime:
        """Event time of a story second, to the millisecond."""
        return self.start + timedelta(milliseconds=round(at * 1000.0))
