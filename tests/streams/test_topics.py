"""Topics are made where they are missing and refused where they differ."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas import heard
from schemas.broker import Broker
from schemas.catalog import TOPICS
from schemas.errors import FatalError, RetryableError
from streams import topics
from streams.embedded import embedded_broker
from streams.topics import check_topics, ensure_topics, partition_counts
from tests.kafka import apache_kafka


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    with apache_kafka() as broker:
        yield broker


def _delete(broker: Broker, *names: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.servers})
    for future in admin.delete_topics(list(names)).values():
        future.result(timeout=20.0)
    _await(broker, dict.fromkeys(names, None))


def _await(broker: Broker, wanted: Mapping[str, int | None]) -> None:
    """The broker's metadata lag behind its controller."""
    for _ in range(100):
        counts = partition_counts(broker)
        if all(counts.get(name) == partitions for name, partitions in wanted.items()):
            return
        time.sleep(0.1)
    raise AssertionError(counts)


def _create(broker: Broker, name: str, partitions: int, config: dict[str, str]) -> None:
    admin = AdminClient({"bootstrap.servers": broker.servers})
    for future in admin.create_topics([NewTopic(name, partitions, 1, config=config)]).values():
        future.result(timeout=20.0)
    _await(broker, {name: partitions})


def test_the_embedded_broker_has_every_topic_with_four_partitions() -> None:
    with embedded_broker() as broker:
        ensure_topics(broker)
        assert partition_counts(broker) == {topic.name: 4 for topic in TOPICS}


def test_no_broker_is_one_sentence_and_worth_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(heard, "LISTEN_S", 60.0)
    with pytest.raises(
        RetryableError,
        match=r"^no Kafka broker answers at 127\.0\.0\.1:9 \(Connect to \S+ failed: Connection refused\): start it, or .*; trying again in 2 s$",
    ):
        ensure_topics(Broker(servers="127.0.0.1:9"))


@pytest.mark.kafka
def test_topics_are_made_once_then_only_checked(kafka: Broker) -> None:
    ensure_topics(kafka)
    ensure_topics(kafka)
    assert partition_counts(kafka) == {topic.name: topic.partitions for topic in TOPICS}


@pytest.mark.kafka
def test_a_topic_of_another_shape_is_refused_with_everything_that_differs(kafka: Broker) -> None:
    ensure_topics(kafka)
    _delete(kafka, "spikes")
    _create(kafka, "spikes", 7, {"retention.ms": "60000", "cleanup.policy": "compact"})
    with pytest.raises(FatalError) as refused:
        ensure_topics(kafka)
    assert str(refused.value) == (
        "The topics on the broker differ from what Whence needs: spikes has 7 partitions, not 4; "
        "spikes has retention.ms=60000 (1 minutes), less than retention.ms=34560000000 (400 days); "
        "spikes has cleanup.policy=compact, not delete. Change them with kafka-topics and kafka-configs, or set "
        "broker.partitions to what they have; Whence itself changes no topic that exists."
    )
    with pytest.raises(FatalError) as checked:
        check_topics(kafka)
    assert str(checked.value) == str(refused.value)
    _delete(kafka, "spikes")
    ensure_topics(kafka)


@pytest.mark.kafka
def test_another_number_of_partitions_is_used_where_asked_and_noticed_later(kafka: Broker) -> None:
    ensure_topics(kafka)
    with pytest.raises(FatalError, match="tickets has 4 partitions, not 12"):
        ensure_topics(kafka, 12)
    _delete(kafka, *(topic.name for topic in TOPICS))
    ensure_topics(kafka, 12)
    assert set(partition_counts(kafka).values()) == {12}
    _delete(kafka, *(topic.name for topic in TOPICS))
