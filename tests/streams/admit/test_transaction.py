"""A transaction of which the client never says how it ended is given up; the next session finds out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.broker import Broker
from schemas.errors import RetryableError
from streams.admit import transaction
from streams.admit.state import Admitted
from streams.admit.transaction import BatchLostError, Transactions, membership
from streams.embedded import embedded_broker
from streams.reader import Delivery, Place, Reader
from streams.topics import ensure_topics
from tests.kafka import apache_kafka
from tests.streams.admit.making import SMALL_BATCHES

TICKETS = Place("tickets", 0)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder: Path = tmp_path_factory.mktemp("kafka")
    with apache_kafka(folder) as broker:
        ensure_topics(broker)
        yield broker


def _some(*values: bytes) -> dict[Place, Admitted]:
    out = Admitted()
    out.contacts += [(b"shop/ann", value) for value in values]
    return {TICKETS: out}


def _contacts(broker: Broker) -> list[bytes]:
    reader = Reader(broker)
    found = [item.value or b"" for item in reader.read({Place("contacts", 0): 0}) if isinstance(item, Delivery)]
    reader.close()
    return found


@pytest.mark.kafka
def test_a_commit_that_never_returns_is_given_up_and_fenced(kafka: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "SILENCE_S", 0.5)
    consumer = Consumer({"bootstrap.servers": kafka.servers, "group.id": SMALL_BATCHES.group})
    group, offsets = consumer.consumer_group_metadata(), [TopicPartition("tickets", 0, 1)]
    returned, outcome = threading.Event(), threading.Event()

    def stuck(moment: str) -> None:
        if moment == "before_commit":
            returned.wait(30.0)
        if moment == "after_commit":
            outcome.set()

    first = Transactions(kafka, SMALL_BATCHES, stuck)
    first.send(_some(b"lost"), offsets, group)
    with pytest.raises(BatchLostError, match=r"^no word of a transaction for 0\.5 s$"):
        first.settle()
    began = time.monotonic()
    first.close()
    assert time.monotonic() - began < 10.0

    monkeypatch.setattr(transaction, "SILENCE_S", 30.0)
    second = Transactions(kafka, SMALL_BATCHES, lambda _: None)
    values = [b"kept %d" % number for number in range(10)]
    outputs = _some(*values)
    second.send(outputs, offsets, group)
    assert outputs == {TICKETS: Admitted()}  # the client holds them
    second.settle()
    returned.set()
    assert not outcome.wait(2.0)
    second.close()
    consumer.close()
    assert _contacts(kafka) == values


def _unanswered(monkeypatch: pytest.MonkeyPatch) -> Transactions:
    """A transaction on its way of which no word will come, in a process that was asked to stop."""
    monkeypatch.setattr(Transactions, "_begin", lambda *_: None)
    with embedded_broker() as broker:
        ensure_topics(broker)
        transactions = Transactions(broker, SMALL_BATCHES, lambda _: None, lambda: True)
    transactions._running = Future()
    return transactions


def test_who_was_asked_to_stop_waits_for_no_commit_of_a_silent_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "SILENCE_S", 1e6)
    monkeypatch.setattr(transaction, "PARTING_S", 0.0)
    transactions = _unanswered(monkeypatch)
    with pytest.raises(BatchLostError, match=r"^no word of a transaction for 0 s$"):
        transactions.settle()
    transactions.close()


def test_who_was_asked_to_stop_waits_for_no_broker_to_begin_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "BEGIN_S", 1e6)
    away = r"^no Kafka broker that takes transactions answers at 127\.0\.0\.1:9 \(.*\); trying again in 2 s$"
    with pytest.raises(RetryableError, match=away):
        Transactions(Broker(servers="127.0.0.1:9"), SMALL_BATCHES, lambda _: None, lambda: True)


def test_an_expelled_member_commits_nothing_in_nobodys_name() -> None:
    consumer = Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "g"})
    nobody = consumer.consumer_group_metadata()
    with pytest.raises(BatchLostError, match=r"^Kafka has expelled this admit from its group$"):
        membership(consumer, nobody)
    assert membership(consumer, b"a member of the third generation") == nobody
    consumer.close()


@pytest.mark.kafka
def test_kafka_fences_members_but_not_nobody(kafka: Broker) -> None:
    """Why :func:`membership` has to look."""
    member = Consumer({"bootstrap.servers": kafka.servers, "group.id": "fenced", "enable.auto.commit": False})
    nobody = member.consumer_group_metadata()
    member.subscribe(["tickets"])
    while membership_or_none(member, nobody) is None:
        member.poll(0.1)
    former = member.consumer_group_metadata()
    member.unsubscribe()
    member.subscribe(["chats"])
    while membership_or_none(member, nobody) in (None, former):
        member.poll(0.1)
    transactions = Transactions(kafka, SMALL_BATCHES, lambda _: None)
    transactions.send({}, [TopicPartition("tickets", 0, 7)], former)
    with pytest.raises(BatchLostError):
        transactions.settle()
    transactions.send({}, [TopicPartition("tickets", 0, 5)], nobody)
    transactions.settle()
    (found,) = member.committed([TopicPartition("tickets", 0)], timeout=10.0)
    assert found.offset == 5
    transactions.close()
    member.close()


def membership_or_none(consumer: Consumer, nobody: object) -> object:
    """What the consumer commits as; None as long as it is in no group."""
    try:
        return membership(consumer, nobody)
    except BatchLostError:
        return None
