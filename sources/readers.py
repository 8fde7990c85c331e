"""How far the readers of a replay are behind it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from msgspec import Struct

from schemas.broker import Broker, client_config
from schemas.catalog import CONTACTS, EXPECTATIONS, FRAMES, RAW_TOPICS, SPIKES, TIMELINE
from schemas.errors import RetryableError

TIMEOUT_S = 10.0
EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_LOGGER = logging.getLogger("whence.broker")


class Follow(Struct, frozen=True, kw_only=True):
    """One reader to wait for: its consumer group, the topics it reads, and how many messages it may be behind on any
    one of their partitions."""

    group: str
    topics: tuple[str, ...]
    ahead: int


def followers(broker: Broker) -> tuple[Follow, ...]:
    """Admit, agents and sink under their usual names; on the embedded broker, which keeps some 5 MB a partition, so
    closely that nothing is dropped before all have read it."""
    raw, stages, stored = (300, 2_500, 2_500) if broker.embedded else (20_000, 20_000, 50_000)
    return (
        Follow(group="whence-admit", topics=tuple(topic.name for topic in RAW_TOPICS), ahead=raw),
        Follow(
            group="whence-agents",
            topics=tuple(topic.name for topic in (FRAMES, TIMELINE, SPIKES, EXPECTATIONS)),
            ahead=stages,
        ),
        Follow(group="whence-sink", topics=tuple(topic.name for topic in (CONTACTS, FRAMES, TIMELINE)), ahead=stored),
    )


class Readers:
    """Asks the broker how far each reader has committed. Close it at the end."""

    def __init__(self, broker: Broker, follow: Sequence[Follow]) -> None:
        self._broker = broker
        self._admin = AdminClient(client_config(broker), logger=_LOGGER)
        self._asked = [(one, Consumer(client_config(broker, group_id=one.group), logger=_LOGGER)) for one in follow]
        self._places: dict[str, list[TopicPartition]] = {}

    def behind(self) -> tuple[Follow, TopicPartition, int] | None:
        """The first reader that is further behind than it may be, where, and by how many messages.

        Raises:
            RetryableError: the broker does not answer.
        """
        try:
            ends = self._offsets(LATEST)
            return next((found for one, reader in self._asked if (found := self._behind(one, reader, ends))), None)
        except (KafkaException, TimeoutError) as error:
            raise RetryableError(
                f"the Kafka broker at {self._broker.servers} does not answer ({error})", retry_after_s=2.0
            ) from error

    def _behind(
        self, one: Follow, reader: Consumer, ends: Mapping[TopicPartition, int]
    ) -> tuple[Follow, TopicPartition, int] | None:
        for place in reader.committed([place for place in ends if place.topic in one.topics], timeout=TIMEOUT_S):
            lag = ends[place] - (place.offset if place.offset >= 0 else self._starts[place])
            if lag > one.ahead:
                return one, place, lag
        return None

    @cached_property
    def _starts(self) -> dict[TopicPartition, int]:
        """Where a reader begins that has committed nothing."""
        return self._offsets(EARLIEST)

    def _offsets(self, which: OffsetSpec) -> dict[TopicPartition, int]:
        names = {name for one, _ in self._asked for name in one.topics}
        asked = {place: which for name in sorted(names) for place in self._places_of(name)}
        futures = self._admin.list_offsets(asked, request_timeout=TIMEOUT_S)
        return {place: future.result(TIMEOUT_S).offset for place, future in futures.items()}

    def _places_of(self, name: str) -> list[TopicPartition]:
        if name not in self._places:
            found = self._admin.list_topics(name, timeout=TIMEOUT_S).topics[name].partitions
            self._places[name] = [TopicPartition(name, partition) for partition in found]
        return self._places[name]

    def close(self) -> None:
        """Leave the broker."""
        for _, consumer in self._asked:
            consumer.close()
