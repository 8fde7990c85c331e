"""Admit's steps called directly on events in order of time: no broker, one partition a topic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime

from schemas.catalog import RAW_TOPICS, Topic
from schemas.codec import encode
from schemas.dead_letter import DeadLetter
from schemas.frame import Frame
from schemas.raw import PROGRESS_KEY, RawEvent
from schemas.timeline import TimelineEntry
from schemas.workspace import Workspace
from sources.keys import encode_keyed
from sources.marks import Mark, Sent, with_marks
from streams.admit.settings import AdmitSettings
from streams.admit.state import RawMessage
from streams.admit.step import admit, start

MARK_EVERY_S = 86_400.0


class AdmitLine(ABC):
    """Every raw topic's only partition; what admit says of them goes to :meth:`follow`."""

    def __init__(self, workspace: Workspace, settings: AdmitSettings) -> None:
        self.workspace = workspace
        self.events = 0
        self.letters: list[DeadLetter] = []
        one_each = {topic.name: 1 for topic in RAW_TOPICS}
        self._partitions = {topic.name: start(topic, 0, one_each, (workspace,), settings) for topic in RAW_TOPICS}
        self._waiting: dict[str, list[RawMessage]] = {name: [] for name in one_each}
        self._offsets = dict.fromkeys(one_each, 0)

    def run(self, events: Iterable[tuple[Topic, RawEvent]], *, told: Callable[[int], object] = int) -> None:
        """Admit all events, which come in order of ``occurred_at``; ``told`` hears their number now and then."""
        for item in with_marks(events, self.workspace, every_s=MARK_EVERY_S):
            if isinstance(item, Mark):
                self._mark(item)
                told(self.events)
            else:
                self._take(item)

    @abstractmethod
    def follow(self, record: Frame | TimelineEntry) -> None:
        """What admit writes, in its order."""

    def hear(self, contacts: list[tuple[bytes, bytes]]) -> None:  # noqa: B027 - most let them go
        """Contacts as admit writes them, keys and values; here they are let go."""

    def _take(self, sent: Sent) -> None:
        """The next event; it is looked at when the next mark comes."""
        key, value = encode_keyed(sent.topic, sent.event)
        self._put(sent.topic.name, sent.at, key, value)
        self.events += 1

    def _mark(self, mark: Mark) -> None:
        """Admit what has been taken, and say on every partition how far the input is."""
        value = encode(mark.progress)
        # The quiet topics go first, so that the busiest one's buckets are not kept waiting for them.
        for name, messages in sorted(self._waiting.items(), key=lambda pair: len(pair[1])):
            self._put(name, mark.at, PROGRESS_KEY, value)
            self._partitions[name], admitted = admit(self._partitions[name], messages)
            messages.clear()
            self.letters += admitted.letters
            self.hear(admitted.contacts)
            for entry in admitted.timeline:
                self.follow(entry)
            for frame in admitted.frames:
                self.follow(frame)

    def _put(self, topic: str, at: datetime, key: bytes, value: bytes) -> None:
        offset = self._offsets[topic]
        self._offsets[topic] = offset + 1
        self._waiting[topic].append(RawMessage(offset, int(at.timestamp() * 1_000), key, value))
