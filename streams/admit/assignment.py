"""Which input partitions are ours now, and the state of each, rebuilt from what was committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.broker import Broker
from schemas.catalog import BY_NAME
from schemas.errors import RetryableError
from schemas.workspace import Workspace
from streams.admit.places import load, rewind, save, settle
from streams.admit.settings import AdmitSettings
from streams.admit.state import PartitionState, RawMessage
from streams.admit.step import admit, start
from streams.reader import End, Place, Reader

_CHUNK = 5_000
_TIMEOUT_S = 30.0


class Committed(NamedTuple):
    """An offset and what was committed beside it."""

    offset: int
    metadata: str


class Assignment:
    """States by input partition. ``kept`` holds what was committed where the broker cannot (the embedded one keeps no
    transaction's offsets); it lives as long as its log, in this process."""

    def __init__(
        self,
        broker: Broker,
        settings: AdmitSettings,
        workspaces: tuple[Workspace, ...],
        partitions: Mapping[str, int],
        *,
        kept: dict[Place, Committed],
        interrupted: Callable[[], bool],
    ) -> None:
        self._broker, self._settings, self._workspaces, self._partitions = broker, settings, workspaces, partitions
        self._kept = kept
        self._interrupted = interrupted
        self.states: dict[Place, PartitionState] = {}
        self.next: dict[Place, int] = {}

    def take(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Rebuild newly assigned partitions; where the consumer has to go on in each.

        Where ``interrupted`` says so, reading again ends early, and the states are good for nothing.

        Raises:
            RetryableError: the broker does not say what is committed, or falls silent.
        """
        for place, committed in self._committed(consumer, partitions).items():
            self.states[place] = self._rebuilt(place, committed)
            self.next[place] = committed.offset
        return [TopicPartition(p.topic, p.partition, self.next[Place(p.topic, p.partition)]) for p in partitions]

    def drop(self, partitions: Sequence[TopicPartition]) -> None:
        """Forget partitions that are somebody else's now."""
        for partition in partitions:
            self.states.pop(Place(partition.topic, partition.partition), None)
            self.next.pop(Place(partition.topic, partition.partition), None)

    def offsets(self, places: Sequence[Place]) -> list[TopicPartition]:
        """What to commit for these partitions: the next offset and what a restart needs beside it."""
        return [
            TopicPartition(*place, self.next[place], metadata=save(self.states[place], self.next[place]))
            for place in places
        ]

    def keep(self, offsets: Sequence[TopicPartition]) -> None:
        """Remember what was committed, where the broker does not."""
        if self._broker.embedded:
            for offset in offsets:
                place = Place(offset.topic, offset.partition)
                self._kept[place] = Committed(offset.offset, offset.metadata or "")

    def _committed(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> dict[Place, Committed]:
        if self._broker.embedded:
            places = [Place(p.topic, p.partition) for p in partitions]
            return {place: self._kept.get(place, Committed(0, "")) for place in places}
        try:
            found = consumer.committed(list(partitions), timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise _untold(error.args[0]) from error
        for partition in found:
            if partition.error is not None:
                # Its offset says nothing then; taken for "nothing committed" the partition would be admitted again.
                raise _untold(partition.error)
        return {Place(p.topic, p.partition): Committed(max(0, p.offset), p.metadata or "") for p in found}

    def _rebuilt(self, place: Place, committed: Committed) -> PartitionState:
        state = start(BY_NAME[place.topic], place.partition, self._partitions, self._workspaces, self._settings)
        saved = load(committed.metadata)
        first = rewind(state, saved, committed.offset)
        if first < committed.offset:
            state = self._read_again(place, state, first, committed.offset)
        settle(state, saved)
        return state

    def _read_again(self, place: Place, state: PartitionState, first: int, end: int) -> PartitionState:
        """Take the messages from ``first`` up to ``end`` in once more and drop what comes of it."""
        reader = Reader(self._broker, interrupted=self._interrupted)
        chunk: list[RawMessage] = []
        try:
            for item in reader.read({place: first}):
                if isinstance(item, End) or item.offset >= end:
                    break
                chunk.append(RawMessage(item.offset, item.timestamp_ms, item.key, item.value))
                if len(chunk) >= _CHUNK:
                    state, _ = admit(state, chunk)
                    chunk = []
        finally:
            reader.close()
        return admit(state, chunk)[0]


def _untold(error: KafkaError) -> RetryableError:
    return RetryableError(f"Kafka does not say what was committed ({error.str()})", retry_after_s=2.0)
