"""Bounded reads: in order, to the end of what is committed, and no further."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, Producer

from schemas import heard
from schemas.broker import Broker
from schemas.errors import RetryableError
from streams import reader
from streams.embedded import embedded_broker
from streams.reader import Delivery, End, Place, Reader
from streams.topics import ensure_topics
from tests.kafka import apache_kafka


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with embedded_broker() as started:
        ensure_topics(started)
        yield started


def _produce(broker: Broker, topic: str, partition: int, values: range) -> None:
    producer = Producer({"bootstrap.servers": broker.servers, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, str(value).encode(), partition=partition)
    assert producer.flush(10.0) == 0


def _values(items: list[Delivery | End]) -> list[int]:
    return [int(item.value or b"-1") for item in items if isinstance(item, Delivery)]


def test_reads_everything_in_order_then_says_where_it_ended(broker: Broker) -> None:
    _produce(broker, "frames", 1, range(5_000))
    source = Reader(broker)
    items = list(source.read({Place("frames", 1): 0}))
    assert _values(items) == list(range(5_000))
    assert items[-1] == End("frames", 1, 5_000)
    assert source.ends([Place("frames", 1), Place("frames", 2)]) == {Place("frames", 1): 5_000, Place("frames", 2): 0}
    source.close()


def test_reads_on_from_the_place_given_and_ends_at_once_where_nothing_is(broker: Broker) -> None:
    _produce(broker, "spikes", 0, range(10))
    source = Reader(broker)
    items = list(source.read({Place("spikes", 0): 7, Place("spikes", 3): 0}))
    assert _values(items) == [7, 8, 9]
    assert {item for item in items if isinstance(item, End)} == {End("spikes", 0, 10), End("spikes", 3, 0)}
    source.close()


def test_a_broker_that_is_away_is_named_with_the_reason_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "SILENCE_S", 0.5)
    monkeypatch.setattr(heard, "LISTEN_S", 60.0)
    source = Reader(Broker(servers="127.0.0.1:9"))
    away = (
        r"^no Kafka broker answers at 127\.0\.0\.1:9 \(Connect to \S+ failed: Connection refused\): "
        r"start it, or correct broker\.servers; trying again in 2 s$"
    )
    with pytest.raises(RetryableError, match=away):
        list(source.read({Place("frames", 0): 0}))
    with pytest.raises(RetryableError, match=away):
        source.ends([Place("frames", 0)])
    with pytest.raises(RetryableError, match=away):
        source.identities(["frames"])
    source.close()


def test_a_question_without_an_answer_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "ANSWER_S", 1e6)
    asked: list[bool] = []

    def interrupted() -> bool:
        asked.append(True)
        return len(asked) > 1

    source = Reader(Broker(servers="127.0.0.1:9"), interrupted=interrupted)
    with pytest.raises(RetryableError, match="no Kafka broker answers"):
        source.ends([Place("frames", 0)])
    assert len(asked) == 2
    source.close()


def test_a_user_who_is_refused_while_it_runs_may_be_let_in_again() -> None:
    source = Reader(Broker(servers="127.0.0.1:9", security={"sasl.username": "me"}))
    source._heard(KafkaError(KafkaError._AUTHENTICATION, "k:1/bootstrap: SASL authentication error"))
    told = source._away("nothing")
    assert str(told) == (
        "Kafka at 127.0.0.1:9 refused the user 'me' (SASL authentication error). Set broker.sasl_mechanism and "
        "broker.sasl_username, and the password in WHENCE_BROKER_SASL_PASSWORD or WHENCE_BROKER_SASL_PASSWORD_FILE; trying again in 2 s"
    )
    source.close()


@pytest.mark.kafka
def test_aborted_messages_are_not_read_and_an_open_transaction_ends_the_read() -> None:
    with apache_kafka() as kafka:
        ensure_topics(kafka)
        producer = Producer(
            {"bootstrap.servers": kafka.servers, "transactional.id": "t", "transaction.timeout.ms": 10_000}
        )
        producer.init_transactions(20.0)
        for value, keep in ((1, True), (2, False), (3, True)):
            producer.begin_transaction()
            producer.produce("frames", str(value).encode(), partition=0)
            producer.flush(10.0)
            if keep:
                producer.commit_transaction(20.0)
            else:
                producer.abort_transaction(20.0)
        producer.begin_transaction()
        producer.produce("frames", b"4", partition=0)
        producer.flush(10.0)
        source = Reader(kafka)
        items = list(source.read({Place("frames", 0): 0}))
        assert _values(items) == [1, 3]
        assert items[-1] == End("frames", 0, 6)
        assert source.ends([Place("frames", 0)]) == {Place("frames", 0): 6}
        producer.commit_transaction(20.0)
        assert _values(list(source.read({Place("frames", 0): 6}))) == [4]
        source.close()
