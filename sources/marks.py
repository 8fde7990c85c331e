"""When a replay says how far it is: progress marks, from the input alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from schemas.catalog import Topic
from schemas.raw import Progress, RawEvent
from schemas.workspace import Workspace

HISTORY_CADENCE_S = 21_600
MOST_EVENTS = 5_000
LOOK_AHEAD = 16
_DAY_S = 86_400.0


class Sent(NamedTuple):
    """An event to send; ``at`` is the replay's clock, which plays Kafka's time."""

    at: datetime
    topic: Topic
    event: RawEvent


class Mark(NamedTuple):
    """A mark to send to every partition of every raw topic."""

    at: datetime
    progress: Progress


def with_marks(
    events: Iterable[tuple[Topic, RawEvent]],
    workspace: Workspace,
    *,
    every_s: float | None = None,
    live_from: datetime | None = None,
    final: bool = True,
) -> Iterator[Sent | Mark]:
    """The events, and between them marks of progress: the same for the same input, however fast it is sent.

    The replay's clock is event time as the input's order tells it: an event dated ahead of those that follow it does
    not move it, one dated back is late. A mark says ``until`` = clock less lateness, on bucket borders: every
    ``every_s`` of event time, or as soon as a border was passed and 5,000 events have gone since the last mark; from
    ``live_from`` on at every border. The last one closes everything.

    Args:
        events: In order of arrival.
        workspace: Gives bucket width, lateness and name.
        every_s: Event time between marks, seconds; by default six hours or a bucket, whichever is longer.
        live_from: From here on every bucket has its mark.
        final: Whether the input ends here.
    """
    clock = _Clock(workspace, every_s, live_from)
    coming = iter(events)
    window = deque(islice(coming, LOOK_AHEAD))
    times = deque(event.occurred_at.timestamp() for _, event in window)
    while window:
        clock.tell(min(times))
        yield from clock.marks()
        topic, event = window.popleft()
        clock.sent(times.popleft())
        yield Sent(clock.at, topic, event)
        if (following := next(coming, None)) is not None:
            window.append(following)
            times.append(following[1].occurred_at.timestamp())
    if final:
        yield clock.last()


class _Clock:
    """The replay's clock and the border of its last mark, in seconds since 1970."""

    def __init__(self, workspace: Workspace, every_s: float | None, live_from: datetime | None) -> None:
        self._workspace = workspace
        self._bucket_s = workspace.bucket_s
        self._every_s = max(HISTORY_CADENCE_S if every_s is None else every_s, self._bucket_s)
        self._live_s = float("inf") if live_from is None else live_from.timestamp()
        self._now = float("-inf")
        self._until: float | None = None
        self._latest = float("-inf")
        self._since = 0

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self._now, UTC)

    def tell(self, lowest_ahead: float) -> None:
        self._now = max(self._now, lowest_ahead)

    def sent(self, occurred_s: float) -> None:
        self._latest = max(self._latest, occurred_s)
        self._since += 1

    def marks(self) -> Iterator[Mark]:
        """Marks that are due before the next event: one in history, one per border in live time."""
        reached = self._border(self._now - self._workspace.lateness_s)
        if self._until is None:
            self._until = reached
        live = self._now >= self._live_s
        history = min(reached, self._border(self._live_s)) if live else reached
        due = history - self._until >= self._every_s or ((self._since >= MOST_EVENTS or live) and history > self._until)
        if due:
            yield self._mark(history)
        while live and self._until + self._bucket_s <= reached:
            yield self._mark(self._until + self._bucket_s)

    def _border(self, second: float) -> float:
        return second if second == float("inf") else second // self._bucket_s * self._bucket_s

    def _mark(self, until: float) -> Mark:
        self._until, self._since = until, 0
        due = min(until + self._workspace.lateness_s, self._now)
        return Mark(datetime.fromtimestamp(due, UTC), self._progress(until))

    def last(self) -> Mark:
        """The mark that closes the last bucket; nothing a day or more ahead of the clock counts for it."""
        latest = min(self._latest, self._now + _DAY_S)
        until = 0.0 if latest == float("-inf") else self._border(latest) + self._bucket_s
        at = datetime.fromtimestamp(max(until, 0.0), UTC) if self._now == float("-inf") else self.at
        return Mark(at, self._progress(until, final=True))

    def _progress(self, until: float, *, final: bool = False) -> Progress:
        return Progress(workspace=self._workspace.name, until=datetime.fromtimestamp(until, UTC), final=final)
