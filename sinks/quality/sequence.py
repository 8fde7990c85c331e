"""The quality topic: which ``seq`` comes next in a workspace, and results written to it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.broker import Broker, client_config
from schemas.catalog import QUALITY
from schemas.codec import decode, encode
from schemas.errors import RetryableError
from schemas.heard import Heard
from schemas.quality import QualityResult

TIMEOUT_S = 10.0
_LOG = logging.getLogger("whence.quality.kafka")


class QualityTopic:
    """Reads on from where it was each time, so that what another process has published meanwhile counts too."""

    def __init__(self, broker: Broker) -> None:
        self._last: dict[str, int] = {}
        config: dict[str, Any] = client_config(
            broker,
            group_id="whence-quality-reader",
            enable_auto_commit=False,
            enable_partition_eof=True,
            isolation_level="read_committed",
        )
        self._heard = Heard(broker)
        self._consumer = Consumer({**config, "error_cb": self._heard}, logger=_LOG)
        # What Kafka's Java clients use: a workspace lies in the same partition as its frames.
        config = client_config(broker, enable_idempotence=True, partitioner="murmur2_random")
        self._producer = Producer(config, logger=_LOG)
        self._partitions = 0

    def last_seq(self, workspace: str) -> int:
        """The last ``seq`` on the topic, 0 if there is none.

        Raises:
            RetryableError: the broker does not answer.
        """
        try:
            self._catch_up()
        except KafkaException as error:
            self._heard.listen(self._consumer.poll)
            raise self._heard.away(error) from error
        self._heard.forget()
        return self._last.get(workspace, 0)

    def _catch_up(self) -> None:
        """Read every partition to its end."""
        if not self._partitions:
            found = self._consumer.list_topics(QUALITY.name, timeout=TIMEOUT_S).topics[QUALITY.name].partitions
            self._consumer.assign([TopicPartition(QUALITY.name, number, OFFSET_BEGINNING) for number in found])
            self._partitions = len(found)
        else:
            # The end is announced once; going on from the same place announces it again.
            self._consumer.assign(self._places())
        ended: set[int | None] = set()
        while len(ended) < self._partitions:
            message = self._consumer.poll(TIMEOUT_S)
            if message is None:
                raise self._heard.away("it did not answer in time")
            error, value = message.error(), message.value()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            elif error is None and value is not None:
                self._take(value)

    def _places(self) -> list[TopicPartition]:
        positions = self._consumer.position(self._consumer.assignment())
        for one in positions:
            one.offset = one.offset if one.offset >= 0 else OFFSET_BEGINNING
        return positions

    def _take(self, value: bytes) -> None:
        try:
            result = decode(QualityResult, value)
        except msgspec.MsgspecError:
            return
        self._last[result.workspace] = max(self._last.get(result.workspace, 0), result.seq)

    def publish(self, results: Sequence[QualityResult]) -> None:
        """Write results, in order, and wait until the broker has them.

        Raises:
            RetryableError: it does not take them now.
        """
        failed: list[str] = []
        for one in results:
            self._producer.produce(
                QUALITY.name,
                encode(one),
                key=one.workspace,
                on_delivery=lambda error, _: failed.append(str(error)) if error is not None else None,
            )
        if self._producer.flush(TIMEOUT_S) or failed:
            reason = failed[0] if failed else "no answer"
            raise RetryableError(f"Kafka does not take results of checks ({reason})", retry_after_s=5.0)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()
