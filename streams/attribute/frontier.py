"""How far all inputs of attribute are, in event time, and which spike revisions they cover.

A decision at time T is taken when every input has said that nothing before T can still come. That, and the
order of decisions by time, makes outputs independent of how origins and topics interleave.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from schemas.spike import Expectation, Spike
from schemas.timeline import TimelineEntry
from streams.merge import Merger

END = datetime.max.replace(tzinfo=UTC)
PATIENCE = timedelta(hours=1)


@dataclass(slots=True)
class StreamProgress:
    """Progress of one watched stream: its frames, and detect's judgements of them.

    ``spikes`` holds revisions that no expectation has covered yet, ``marks`` expectations that wait for spikes.
    """

    merger: Merger
    first: datetime | None = None
    until: datetime | None = None
    ended: bool = False
    closed: datetime | None = None
    judged: datetime | None = None
    spike_seq: int = 0
    spikes: deque[Spike] = field(default_factory=deque)
    marks: deque[Expectation] = field(default_factory=deque)


@dataclass(slots=True)
class TimelineProgress:
    """Progress of the timeline's input partitions."""

    inputs: tuple[str, ...] = ()
    until: dict[str, datetime] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)


def covered(stream: StreamProgress) -> list[tuple[datetime, Spike]]:
    """Spike revisions that the expectations seen so far cover, each with the time of its decision.

    A revision is decided when the bucket that brought it has been judged; one that came with the end of the
    input is decided at :data:`END`.
    """
    ready: list[tuple[datetime, Spike]] = []
    while stream.marks and stream.marks[0].spike_seq <= stream.spike_seq:
        mark = stream.marks.popleft()
        until = END if mark.final else mark.until
        while stream.spikes and stream.spikes[0].seq <= mark.spike_seq:
            spike = stream.spikes.popleft()
            ready.append((max(spike.as_of, until), spike))
        stream.judged = until if stream.judged is None else max(stream.judged, until)
    return ready


def stream_frontier(stream: StreamProgress) -> datetime | None:
    """Until when a stream is complete; ``None`` before any of its buckets is judged.

    A stream without a closed bucket has nothing to judge; one whose closed buckets are all judged is as far as
    its frames.
    """
    if stream.until is None:
        return None
    limit = END if stream.ended else stream.until
    if stream.closed is None or stream.judged is None:
        return limit if stream.closed is None else None
    if not stream.ended and stream.judged >= stream.closed:
        return limit
    return min(limit, stream.judged)


def timeline_frontier(timeline: TimelineProgress) -> datetime | None:
    """Until when the timeline is complete; ``None`` while an input has not spoken."""
    if not timeline.inputs or any(name not in timeline.until for name in timeline.inputs):
        return None
    if timeline.ended.issuperset(timeline.inputs):
        return END
    return min(timeline.until[name] for name in timeline.inputs if name not in timeline.ended)


def note_timeline(timeline: TimelineProgress, entry: TimelineEntry) -> datetime | None:
    """Apply an entry's progress; return how far its input had been before (an entry cannot be known earlier)."""
    before = timeline.until.get(entry.origin)
    timeline.inputs = entry.inputs
    timeline.until[entry.origin] = max(entry.until, before) if before is not None else entry.until
    if entry.final:
        timeline.ended.add(entry.origin)
    return before


def frontier(
    contacts: StreamProgress, surveys: StreamProgress, timeline: TimelineProgress, *, by_clock: bool
) -> datetime | None:
    """Until when everything is complete.

    Marks reach every partition, so every stream speaks; still, surveys that never do are not waited for for ever:
    on a live stream until contacts are an hour ahead of their own first word, on a replay until they have ended.
    """
    times = [timeline_frontier(timeline), stream_frontier(contacts)]
    if (
        surveys.until is not None
        or surveys.marks
        or surveys.judged is not None
        or not _waited_enough(contacts, by_clock)
    ):
        times.append(stream_frontier(surveys))
    known = [time for time in times if time is not None]
    return min(known) if len(known) == len(times) else None


def _waited_enough(contacts: StreamProgress, by_clock: bool) -> bool:
    if contacts.ended:
        return True
    if contacts.first is None or contacts.until is None:
        return False
    return by_clock and contacts.until - contacts.first >= PATIENCE
