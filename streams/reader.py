"""Bounded, ordered, committed reads of single partitions, beside Faust.

What a stage has missed or forgotten it reads here: from the place it has applied last to the end of what is
committed. No consumer group is involved.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.broker import Broker, client_config
from schemas.errors import RetryableError
from schemas.heard import Heard
from streams.topics import Admin

BATCH = 2_000
POLL_S = 0.5
SILENCE_S = 20.0
ANSWER_S = 2.0
_SILENCE = (KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT)
_LOGGER = logging.getLogger("whence.broker")


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Delivery(NamedTuple):
    """One message, wherever it came from. ``timestamp_ms`` is Kafka's."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


class End(NamedTuple):
    """The end of what is committed in a partition: ``offset`` is where the next message will be."""

    topic: str
    partition: int
    offset: int


class Bounds(NamedTuple):
    """The first offset that a partition keeps, and the one after its last committed message."""

    low: int
    high: int


class Reader:
    """One consumer for many bounded reads. Use it from one thread at a time; ``interrupted`` ends a read early."""

    def __init__(self, broker: Broker, *, interrupted: Callable[[], bool] = lambda: False) -> None:
        self._broker = broker
        self._interrupted = interrupted
        self._heard = Heard(broker)
        config: dict[str, Any] = client_config(
            broker,
            group_id="whence-reader",
            enable_auto_commit=False,
            enable_partition_eof=True,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_wait_max_ms=50,
        )
        self._consumer = Consumer({**config, "error_cb": self._heard}, logger=_LOGGER)

    def ends(self, places: list[Place]) -> dict[Place, int]:
        """The offset after the last committed message of each partition.

        Raises:
            RetryableError: the broker does not answer.
        """
        return {place: bounds.high for place, bounds in self.bounds(places).items()}

    def bounds(self, places: Collection[Place]) -> dict[Place, Bounds]:
        """The first offset kept, and the one after the last committed message, of each partition.

        Raises:
            RetryableError: the broker does not answer.
        """
        return {place: Bounds(*self._watermarks(place)) for place in places}

    def identities(self, topics: Collection[str]) -> dict[str, str]:
        """The broker's own ids of cluster and topic, as far as it tells them: they change when a topic is made again.

        Raises:
            RetryableError: the broker does not answer.
            FatalError: it refuses the user.
        """
        admin = Admin(self._broker)
        try:
            cluster = str(admin.list_topics(timeout=ANSWER_S).cluster_id)
        except KafkaException as error:
            raise admin.unanswered(error) from error
        ids = dict.fromkeys(topics, "") if self._broker.embedded else _topic_ids(admin, topics)
        return {name: f"{cluster}/{ids[name]}" if name in ids else "" for name in topics}

    def _watermarks(self, place: Place) -> tuple[int, int]:
        """In short waits, between which it can be interrupted."""
        deadline = time.monotonic() + ANSWER_S
        while True:
            try:
                low_high = self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=POLL_S)
            except KafkaException as error:
                if self._interrupted():
                    raise self._heard.away(error) from error
                if error.args[0].code() not in _SILENCE or time.monotonic() >= deadline:
                    raise self._away(error) from error
            else:
                if low_high is None:
                    raise self._away(f"no answer about {place.topic}/{place.partition}")
                self._heard.forget()
                return low_high

    def read(self, starts: Mapping[Place, int]) -> Iterator[Delivery | End]:
        """Every committed message from the offsets given to the end, in order of offset within each partition.

        Each partition's messages are followed by its :class:`End`.

        Raises:
            RetryableError: the broker fell silent.
        """
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in starts.items()])
        try:
            yield from self._until_ends(set(starts))
        finally:
            self._consumer.unassign()

    def _until_ends(self, unfinished: set[Place]) -> Iterator[Delivery | End]:
        heard = time.monotonic()
        while unfinished and not self._interrupted():
            messages = self._next_batch()
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_S:
                raise self._away(f"nothing from {min(unfinished)} for {SILENCE_S:g} s")
            for item in map(self._item, messages):
                if item is not None and (item.topic, item.partition) in unfinished:
                    yield item
                    if isinstance(item, End):
                        unfinished.discard(Place(item.topic, item.partition))

    def _next_batch(self) -> list[Message]:
        """Wait for one message, then take what has come with it: asked for many, the client waits for many."""
        first = self._consumer.consume(1, timeout=POLL_S)
        return [*first, *self._consumer.consume(BATCH, timeout=0.0)] if first else first

    def _item(self, message: Message) -> Delivery | End | None:
        """The message, the end of its partition, or nothing for an error from which the client recovers."""
        topic, partition, offset = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
        error = message.error()
        if error is None:
            return Delivery(topic, partition, offset, message.timestamp()[1], message.key(), message.value())
        if error.code() == KafkaError._PARTITION_EOF:
            return End(topic, partition, offset)
        if error.fatal():
            raise self._away(error)
        return None

    def _away(self, why: object) -> RetryableError:
        """Why, in the client's own words where it has any."""
        self._heard.listen(self._consumer.poll)
        return self._heard.away(why)

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()


def _topic_ids(admin: AdminClient, topics: Collection[str]) -> dict[str, str]:
    """Empty where the broker is too old for them, or does not let us ask."""
    try:
        asked = admin.describe_topics(TopicCollection(sorted(set(topics))), request_timeout=ANSWER_S)
        return {name: str(one.result(timeout=ANSWER_S).topic_id) for name, one in asked.items()}
    except (KafkaException, TimeoutError):
        return {}
