"""Dead letters of the sink: a record on one of our own topics that cannot be read or stored."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Producer

from schemas.broker import Broker, client_config
from schemas.catalog import DEAD_LETTERS, Topic
from schemas.codec import encode
from schemas.dead_letter import DeadLetter
from schemas.errors import Reason, RetryableError

STAGE = "sink"
LARGEST_ORIGINAL = 600_000
_KAFKA_LOG = logging.getLogger("whence.sink.kafka")


class Message(NamedTuple):
    """One message of a topic: where it stands, the broker's time in ms, and its bytes."""

    partition: int
    offset: int
    written_ms: int
    value: bytes


def letter(topic: Topic, message: Message, error: Exception) -> DeadLetter:
    """The dead letter of a message; the same message gives the same letter.

    Of a message above 600,000 bytes only the beginning is kept, since a letter must fit into a message itself.
    """
    return DeadLetter(
        letter_id=f"{topic.name}/{message.partition}/{message.offset}",
        stage=STAGE,
        topic=topic.name,
        partition=message.partition,
        offset=message.offset,
        at=datetime.fromtimestamp(max(message.written_ms, 0) / 1000, UTC),
        reason=_reason(error),
        field=_field(error),
        allowed=f"a record of type {topic.type.__name__}",
        original=message.value[:LARGEST_ORIGINAL],
    )


def _reason(error: Exception) -> Reason:
    if isinstance(error, UnicodeDecodeError):
        return "not_utf8"
    if isinstance(error, msgspec.ValidationError):
        return "missing_field" if "missing required" in str(error) else "wrong_type"
    if isinstance(error, msgspec.DecodeError):
        return "not_json"
    return "bad_value"


def _field(error: Exception) -> str:
    """The path that msgspec names, such as ``candidates[0].probability``; empty for the whole record."""
    _, found, path = str(error).rpartition(" - at `$")
    return path.rstrip("`").lstrip(".") if found else ""


def send(broker: Broker, letters: Sequence[DeadLetter]) -> None:
    """Write dead letters and wait until the broker has them.

    Raises:
        RetryableError: it does not take them now.
    """
    config: dict[str, Any] = client_config(broker, acks="all")
    producer = Producer(config, logger=_KAFKA_LOG)
    failed: list[str] = []
    for one in letters:
        producer.produce(
            DEAD_LETTERS.name,
            encode(one),
            key=one.letter_id,
            on_delivery=lambda error, _: failed.append(str(error)) if error is not None else None,
        )
    if producer.flush(30.0) or failed:
        reason = failed[0] if failed else "no answer"
        raise RetryableError(f"Kafka does not take dead letters ({reason})", retry_after_s=1.0)
