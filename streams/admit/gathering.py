"""How admit reads: many messages at a time from its client, sorted by the partition they came from."""

from __future__ import annotations

import logging
from collections.abc import Collection, Container, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, Message

from schemas.broker import Broker, client_config
from schemas.errors import FatalError
from streams.admit.settings import AdmitSettings
from streams.admit.state import Batch
from streams.reader import Place
from streams.turns import Turns

log = structlog.get_logger("whence.admit")
_LOGGER = logging.getLogger("whence.broker")
_POLL_S = 0.25
_SECOND = itemgetter(1)


class Gathering:
    """The client's messages, a batch at a time; what is told of each partition goes to ``turns``."""

    def __init__(self, consumer: Consumer, turns: Turns, settings: AdmitSettings) -> None:
        self._consumer, self._turns, self._settings = consumer, turns, settings
        self._renewed: set[Place] = set()
        self._failure: Exception | None = None

    def next(self) -> list[Message]:
        """Wait for one message, then gather what comes within ``batch_wait_s``.

        Raises:
            FatalError: the client cannot go on.
        """
        first = self._consume(1, _POLL_S)
        if not first:
            return []
        self._renewed.clear()
        rest = self._consume(self._settings.batch_size - 1, self._settings.batch_wait_s)
        # A partition that went and came back meanwhile is read from what was committed on.
        messages = [message for message in first if _place(message) not in self._renewed] + rest
        errors = set(map(Message.error, messages))
        return messages if errors == {None} else [message for message in messages if self._is_message(message)]

    def came(self, places: Collection[Place]) -> None:
        """Partitions were assigned: what was taken of them before is dropped."""
        self._renewed.update(places)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep what goes wrong within a callback of the client, which would garble it, for after ``consume``."""
        try:
            yield
        except Exception as error:
            self._failure = error

    def _consume(self, count: int, timeout_s: float) -> list[Message]:
        messages = self._consumer.consume(count, timeout=timeout_s)
        if self._failure is not None:
            raise self._failure
        return messages

    def _is_message(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._turns.end(_place(message), int(message.offset() or 0))
            return False
        if error.fatal():
            raise FatalError(
                f"The consumer cannot go on ({error.str()})", remedy="See Kafka's log, then start admit again"
            )
        log.warning("consumer_error", error=error.str())
        return False

    def by_place(self, messages: Sequence[Message], ours: Container[Place]) -> dict[Place, Batch]:
        """Messages by input partition; those of partitions that are no longer ours are somebody else's to admit."""
        stamps = map(_SECOND, map(Message.timestamp, messages))
        columns = (map(Message.offset, messages), stamps, map(Message.key, messages), map(Message.value, messages))
        whole: Batch = Batch(*map(tuple, columns))
        batches: dict[Place, Batch] = {}
        # The client hands over runs of one partition's messages.
        places = zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)
        first = 0
        for (topic, partition), run in groupby(places):
            end = first + len(list(run))
            place, batch = Place(str(topic), int(partition or 0)), whole[first:end]
            batches[place] = batches[place] + batch if place in batches else batch
            first = end
        found = {place: batch for place, batch in batches.items() if place in ours}
        for place, batch in found.items():
            self._turns.read(place, len(batch), batch[0].timestamp_ms, batch[-1].timestamp_ms, batch[-1].offset + 1)
        return found


def group_member(broker: Broker, settings: AdmitSettings) -> Consumer:
    """A consumer of admit's group that commits nothing by itself, not yet subscribed."""
    config: dict[str, Any] = client_config(
        broker,
        group_id=settings.group,
        enable_auto_commit=False,
        enable_partition_eof=True,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        partition_assignment_strategy="cooperative-sticky",
        session_timeout_ms=settings.session_timeout_s * 1_000,
        heartbeat_interval_ms=1_000,
        max_poll_interval_ms=900_000,
        fetch_wait_max_ms=50,
        queued_min_messages=5_000,
        queued_max_messages_kbytes=4_096,
        fetch_message_max_bytes=1 << 20,
        fetch_queue_backoff_ms=50,
    )
    return Consumer(config, logger=_LOGGER)


def _place(message: Message) -> Place:
    return Place(str(message.topic()), int(message.partition() or 0))
