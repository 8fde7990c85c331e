"""The agents' producer: idempotent, in order, never giving up while the process lives."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.broker import Broker, client_config
from schemas.errors import FatalError

_LOGGER = logging.getLogger("whence.broker")


class Outbox:
    """Writes outputs. Once a message is lost (``error``), nothing more is written: its successors would make a hole,
    and the writer's state has to be built again."""

    def __init__(self, broker: Broker) -> None:
        self.error: str | None = None
        self.written = 0
        self._producer = Producer(
            client_config(broker, enable_idempotence=True, linger_ms=5, message_timeout_ms=0, compression_type="lz4"),
            logger=_LOGGER,
        )

    def write(self, topic: str, partition: int | None, key: bytes, value: bytes) -> None:
        """Hand over one message; the key places it where no partition is given.

        Raises:
            FatalError: the message is larger than the broker takes.
        """
        while self.error is None:
            try:
                self._produce(topic, partition, key, value)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                self._refused(error.args[0], topic, len(value))
            else:
                self.written += 1
                self._producer.poll(0)
                return

    def _produce(self, topic: str, partition: int | None, key: bytes, value: bytes) -> None:
        if partition is None:
            self._producer.produce(topic, value, key, on_delivery=self._on_delivery)
        else:
            self._producer.produce(topic, value, key, partition=partition, on_delivery=self._on_delivery)

    def _refused(self, error: KafkaError, topic: str, size: int) -> None:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            raise FatalError(
                f"A record of {size} bytes for {topic} is larger than the broker takes",
                remedy="Raise max.message.bytes of the topic, or watch fewer dimensions",
            )
        self.error = error.str()

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None and self.error is None:
            self.error = error.str()

    def flush(self, timeout_s: float) -> bool:
        """Whether everything was delivered within the time."""
        return self._producer.flush(timeout_s) == 0 and self.error is None
