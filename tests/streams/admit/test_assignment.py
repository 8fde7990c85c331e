"""What was committed is asked for again where Kafka does not say it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.broker import Broker
from schemas.errors import RetryableError
from streams.admit.assignment import Assignment
from tests.streams.admit.making import ACME, SETTINGS

TICKETS = [TopicPartition("tickets", 0)]


class Answering:
    """A consumer that says one thing of what is committed."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[Any]:
        """The answer."""
        del partitions, timeout
        if isinstance(self._answer, Exception):
            raise self._answer
        return [self._answer]


def take(answer: Any) -> list[TopicPartition]:
    assignment = Assignment(
        Broker(servers="127.0.0.1:1"), SETTINGS, (ACME,), {"tickets": 1, "chats": 1}, kept={}, interrupted=lambda: False
    )
    return assignment.take(cast("Consumer", Answering(answer)), TICKETS)


def about(offset: int, error: KafkaError | None = None) -> SimpleNamespace:
    return SimpleNamespace(topic="tickets", partition=0, offset=offset, metadata=None, error=error)


def test_where_nothing_was_committed_a_partition_begins_at_its_beginning() -> None:
    (begun,) = take(about(-1001))
    assert begun.offset == 0


def test_an_error_about_one_partition_is_not_taken_for_nothing_committed() -> None:
    unstable = KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT)
    with pytest.raises(RetryableError, match=r"^Kafka does not say what was committed \(Broker: There are unstable"):
        take(about(-1001, unstable))


def test_no_answer_about_committed_offsets_is_tried_again() -> None:
    with pytest.raises(
        RetryableError, match=r"^Kafka does not say what was committed \(Local: Timed out\); trying again in 2 s$"
    ):
        take(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
