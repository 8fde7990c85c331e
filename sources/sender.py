"""A replay's producer: in order, idempotent, with what the broker refuses told at once."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.broker import Broker, client_config
from schemas.catalog import RAW_TOPICS
from schemas.errors import FatalError, RetryableError
from sources.keys import PARTITIONER

TIMEOUT_S = 20.0
NOW = 0
_KEPT_DAYS = 5
_POLL_EVERY = 500
_LOGGER = logging.getLogger("whence.broker")
log = structlog.get_logger("whence.replay")


class Sender:
    """Hands messages to the broker; ``waiting`` and ``waiting_bytes`` were handed over since the last :meth:`flush`."""

    def __init__(self, broker: Broker, stop: threading.Event) -> None:
        self._broker, self._stop = broker, stop
        compression = "none" if broker.embedded else "lz4"
        self._producer = Producer(
            client_config(
                broker,
                enable_idempotence=True,
                partitioner=PARTITIONER,
                linger_ms=20,
                compression_type=compression,
                delivery_timeout_ms=120_000,
            ),
            logger=_LOGGER,
        )
        self._stamped: bool | None = None
        self._refused: KafkaError | None = None
        self.waiting = self.waiting_bytes = 0

    def partitions(self) -> dict[str, list[int]]:
        """Partitions of every raw topic.

        Raises:
            RetryableError: the broker does not answer.
        """
        try:
            return {topic.name: self._partitions_of(topic.name) for topic in RAW_TOPICS}
        except KafkaException as error:
            raise RetryableError(
                f"no Kafka broker answers at {self._broker.servers} ({error.args[0].str()})", retry_after_s=2.0
            ) from error

    def _partitions_of(self, name: str) -> list[int]:
        return sorted(self._producer.list_topics(name, timeout=TIMEOUT_S).topics[name].partitions)

    def send(self, topic: str, key: bytes, value: bytes, at: datetime, *, partition: int = -1) -> bool:
        """Hand one message over, with ``at`` as its Kafka time; whether it was small enough for the broker.

        Raises:
            RetryableError, FatalError: an earlier message was refused.
        """
        stamp = int(at.timestamp() * 1_000) if self._from_input(at) else NOW
        while not self._stop.is_set():
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._delivered, timestamp=stamp)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    self._refused = self._refused if self._refused is not None else error.args[0]
                    break
                log.warning("event_too_large", topic=topic, bytes=len(value), key=key.decode("utf-8", "replace"))
                return False
            else:
                self._count(len(key) + len(value))
                break
        self._raise_refused()
        return True

    def _count(self, size: int) -> None:
        self.waiting += 1
        self.waiting_bytes += size
        if self.waiting % _POLL_EVERY == 0:
            # Each poll gives the interpreter away, which costs milliseconds beside a busy agent.
            self._producer.poll(0)

    def _from_input(self, at: datetime) -> bool:
        """Decided once, by the first event: Kafka deletes by message time, and a replay may be years old."""
        if self._stamped is None:
            self._stamped = self._broker.embedded or at > datetime.now(UTC) - timedelta(days=_KEPT_DAYS)
        return self._stamped

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and self._refused is None:
            self._refused = error

    def _raise_refused(self) -> None:
        if self._refused is None:
            return
        text = f"the Kafka broker at {self._broker.servers} did not take a message ({self._refused.str()})"
        if self._refused.retriable() or self._refused.code() == KafkaError._MSG_TIMED_OUT:
            raise RetryableError(text, retry_after_s=5.0)
        raise FatalError(
            text[0].upper() + text[1:],
            remedy="See whence doctor; then start the replay again, what has arrived is recognised.",
        )

    def serve(self) -> None:
        """Let the client work while we wait."""
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait for the broker's word on everything; two seconds at most once asked to stop.

        Raises:
            RetryableError, FatalError: a message was refused.
        """
        while not self._stop.is_set() and self._producer.flush(0.2):
            self._raise_refused()
        if self._stop.is_set():
            self._producer.flush(2.0)
        self.waiting = self.waiting_bytes = 0
        self._raise_refused()
