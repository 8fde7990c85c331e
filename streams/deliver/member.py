"""The courier as a member of its consumer group: how it reads, and what of it is a record."""

from __future__ import annotations

import logging
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError
from confluent_kafka import Message as KafkaMessage

from schemas.broker import Broker, client_config
from schemas.catalog import ALERTS, DELIVERIES, FEEDBACK
from schemas.errors import RetryableError
from streams.deliver.settings import CourierSettings

log = structlog.get_logger("whence.alerts")
_KAFKA_LOG = logging.getLogger("whence.alerts.kafka")
HISTORY = (DELIVERIES.name, FEEDBACK.name, ALERTS.name)
"""What a book is built from, in this order."""


def member(broker: Broker, settings: CourierSettings) -> Consumer:
    """A consumer of the courier's group that commits nothing by itself, not yet subscribed."""
    config: dict[str, Any] = client_config(
        broker,
        group_id=settings.group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=settings.session_s * 1000,
        heartbeat_interval_ms=1000,
        max_poll_interval_ms=600_000,
        fetch_wait_max_ms=50,
    )
    consumer = Consumer(config, logger=_KAFKA_LOG)
    if broker.embedded:
        # The embedded broker makes a topic when somebody first asks for it; subscribing does not count.
        for name in HISTORY:
            consumer.list_topics(name, timeout=10.0)
    return consumer


def is_record(message: KafkaMessage) -> bool:
    """Whether it is one, rather than news from the client.

    Raises:
        RetryableError: the membership has ended.
    """
    error = message.error()
    if error is None:
        return True
    if error.fatal():
        raise RetryableError(f"Kafka ended the courier's membership: {error.str()}", retry_after_s=1.0)
    if error.code() != KafkaError._PARTITION_EOF:
        log.warning("kafka", reason=error.str())
    return False
