"""What admit holds of one input partition, and the shapes of what goes in and comes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import add
from typing import Any, NamedTuple, SupportsIndex, overload

from msgspec import Struct, field

from schemas.catalog import CHATS, CONTACT_TOPICS, SURVEYS, TICKETS, TIMELINE_TOPICS, Topic
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.frame import Frame, WatchedStream
from schemas.raw import Ticket
from schemas.timeline import TimelineEntry
from schemas.workspace import Workspace
from streams.admit.buckets import Book
from streams.admit.cleaning import cleaner
from streams.admit.frames import Place
from streams.admit.opening import Usual
from streams.admit.quick import way
from streams.admit.settings import AdmitSettings

CHANNELS = {TICKETS.name: "ticket", CHATS.name: "chat", SURVEYS.name: "survey"}


class RawMessage(NamedTuple):
    """One message of a raw topic as Kafka hands it over."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


class Batch(Sequence[RawMessage]):
    """Messages by columns: made, and taken apart again, without an object for each."""

    def __init__(
        self,
        offsets: tuple[int, ...],
        stamps: tuple[int, ...],
        keys: tuple[bytes | None, ...],
        values: tuple[bytes | None, ...],
    ) -> None:
        self.columns = (offsets, stamps, keys, values)

    def __len__(self) -> int:
        return len(self.columns[0])

    @overload
    def __getitem__(self, place: SupportsIndex) -> RawMessage: ...

    @overload
    def __getitem__(self, place: slice) -> Batch: ...

    def __getitem__(self, place: SupportsIndex | slice) -> RawMessage | Batch:
        offsets, stamps, keys, values = self.columns
        if isinstance(place, slice):
            return Batch(offsets[place], stamps[place], keys[place], values[place])
        return RawMessage(offsets[place], stamps[place], keys[place], values[place])

    def __add__(self, other: Batch) -> Batch:
        return Batch(*map(add, self.columns, other.columns))


def columns_of(batch: Sequence[RawMessage]) -> Iterable[tuple[Any, ...]]:
    """Offsets, time stamps, keys and values of at least one message."""
    return batch.columns if isinstance(batch, Batch) else zip(*batch, strict=True)


class Counters(Struct):
    """What a batch came to; ``late`` by workspace."""

    read: int = 0
    admitted: int = 0
    repeats: int = 0
    late: dict[str, int] = field(default_factory=dict)


class Admitted(Struct):
    """What one batch gives. ``contacts`` and ``written_frames`` are finished Kafka keys and values of
    :class:`schemas.contact.Contact` and :class:`schemas.frame.Frame`."""

    contacts: list[tuple[bytes, bytes]] = field(default_factory=list)
    written_frames: list[tuple[bytes, bytes]] = field(default_factory=list)
    timeline: list[TimelineEntry] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)

    @property
    def frames(self) -> list[Frame]:
        """The frames, read again from what was written."""
        return [decode(Frame, value) for _, value in self.written_frames]


class PartitionState:
    """All that admit knows of one input partition. :func:`admit` changes it in place and hands it back."""

    def __init__(
        self,
        topic: Topic,
        partition: int,
        partitions: Mapping[str, int],
        workspaces: tuple[Workspace, ...],
        settings: AdmitSettings,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.settings = settings
        self.counts = topic in CONTACT_TOPICS
        self.stream: WatchedStream = "low_scores" if topic is SURVEYS else "contacts"
        self.place = Place(
            origin=f"{topic.name}/{partition}",
            stream=self.stream,
            inputs=_inputs(self._siblings(), partitions),
            frame_bytes=settings.frame_bytes,
        )
        self.books = {workspace.name: Book(workspace) for workspace in workspaces}
        self.numbers = {name: number for number, name in enumerate(self.books)}
        self._numbered = tuple(self.books.values())
        dimensions = frozenset(name for workspace in workspaces for name in workspace.dimensions)
        self.cleaner = cleaner(topic.type if self.counts else Ticket, settings.customer_key, dimensions)
        self.usual = Usual(topic.type)
        self.way = way(topic.type, self.cleaner, tuple(self.books), settings.max_message_bytes)
        self.channel = CHANNELS.get(topic.name, "")

    def book(self, number: int) -> Book:
        """The book of a workspace by its number."""
        return self._numbered[number]

    def _siblings(self) -> tuple[Topic, ...]:
        if not self.counts:
            return TIMELINE_TOPICS
        return (SURVEYS,) if self.stream == "low_scores" else (TICKETS, CHATS)


def _inputs(topics: Sequence[Topic], partitions: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{topic.name}/{i}" for topic in topics for i in range(partitions[topic.name]))
