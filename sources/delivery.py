"""Messages handed to the broker, and its word awaited."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivered

from schemas.broker import Broker, client_config
from schemas.errors import RetryableError
from sources.keys import PARTITIONER

_LOGGER = logging.getLogger("whence.broker")
_RETRY_S = 5.0


class Message(NamedTuple):
    """One message to send."""

    topic: str
    key: bytes
    value: bytes


class Delivery:
    """A producer for many threads; it starts with the first message. ``wait_s``: how long the broker may take."""

    def __init__(self, broker: Broker, *, wait_s: float) -> None:
        self._broker = broker
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._producer: Producer | None = None

    def send(self, messages: Sequence[Message]) -> None:
        """Return when the broker has acknowledged every message.

        Raises:
            RetryableError: it did not, or not in time; some may have arrived.
        """
        producer, waiting = self._started(), _Waiting(len(messages))
        deadline = time.monotonic() + self._wait_s
        for message in messages:
            self._hand_over(producer, message, waiting, deadline)
        while waiting.left and time.monotonic() < deadline:
            producer.poll(0.02)
        if waiting.left:
            raise self._away(f"{waiting.left} of {len(messages)} not acknowledged within {self._wait_s:g} s")
        if waiting.refused is not None:
            raise self._failed(waiting.refused)

    def _hand_over(self, producer: Producer, message: Message, waiting: _Waiting, deadline: float) -> None:
        while True:
            try:
                producer.produce(message.topic, message.value, message.key, on_delivery=waiting.delivered)
            except BufferError as error:
                if time.monotonic() > deadline:
                    raise self._away("its queue is full") from error
                producer.poll(0.05)
            except KafkaException as error:
                raise self._failed(error.args[0]) from error
            else:
                return

    def _started(self) -> Producer:
        with self._lock:
            if self._producer is None:
                timeout_ms = int(self._wait_s * 1_000)
                self._producer = Producer(
                    client_config(
                        self._broker,
                        enable_idempotence=True,
                        partitioner=PARTITIONER,
                        linger_ms=5,
                        delivery_timeout_ms=timeout_ms,
                        message_max_bytes=2_000_000,
                    ),
                    logger=_LOGGER,
                )
            return self._producer

    def _failed(self, error: KafkaError) -> RetryableError:
        """A producer that cannot go on is replaced at the next request."""
        if error.fatal():
            with self._lock:
                self._producer = None
        return self._away(error.str())

    def _away(self, why: str) -> RetryableError:
        return RetryableError(
            f"the Kafka broker at {self._broker.servers} did not take the events ({why})", retry_after_s=_RETRY_S
        )


class _Waiting:
    """Counts the broker's answers for one request."""

    def __init__(self, left: int) -> None:
        self._lock = threading.Lock()
        self.left = left
        self.refused: KafkaError | None = None

    def delivered(self, error: KafkaError | None, _message: Delivered) -> None:
        with self._lock:
            self.left -= 1
            self.refused = error if error is not None else self.refused
