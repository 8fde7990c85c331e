"""How far the readers of a replay are behind it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition
from msgspec import Struct

from schemas.broker import Broker, client_config
from schemas.catalog import CONTACTS, EXPECTATIONS, FRAMES, RAW_TOPICS, SPIKES, TIMELINE
from schemas.errors import RetryableError

TIMEOUT_S = 10.0
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
    raw, stages, stored = (1_500, 2_500, 2_000) if broker.embedded else (20_000, 20_000, 50_000)
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
        self._asked = [(one, Consumer(client_config(broker, group_id=one.group), logger=_LOGGER)) for one in follow]
        self._places: dict[str, list[TopicPartition]] = {}

    def behind(self) -> tuple[Follow, TopicPartition, int] | None:
        """The first reader that is further behind than it may be, where, and by how many messages.

        Raises:
            RetryableError: the broker does not answer.
        """
        try:
            return next((found for one, consumer in self._asked if (found := self._behind(one, consumer))), None)
        except KafkaException as error:
            raise RetryableError(
                f"the Kafka broker at {self._broker.servers} does not answer ({error.args[0]})", retry_after_s=2.0
            ) from error

    def _behind(self, one: Follow, consumer: Consumer) -> tuple[Follow, TopicPartition, int] | None:
        for place in consumer.committed(self._places_of(one, consumer), timeout=TIMEOUT_S):
            low, high = consumer.get_watermark_offsets(TopicPartition(place.topic, place.partition), timeout=TIMEOUT_S)
            lag = high - max(place.offset, low if place.offset < 0 else 0)
            if lag > one.ahead:
                return one, place, lag
        return None

    def _places_of(self, one: Follow, consumer: Consumer) -> list[TopicPartition]:
        for name in one.topics:
            if name not in self._places:
                found = consumer.list_topics(name, timeout=TIMEOUT_S).topics[name].partitions
                self._places[name] = [TopicPartition(name, partition) for partition in found]
        return [place for name in one.topics for place in self._places[name]]

    def close(self) -> None:
        """Leave the broker."""
        for _, consumer in self._asked:
            consumer.close()
