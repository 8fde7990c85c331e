"""Outputs go out in order, and a lost one stops all that follow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schemas.broker import Broker
from schemas.errors import FatalError
from streams.embedded import embedded_broker
from streams.outbox import Outbox
from streams.reader import Delivery, Place, Reader
from streams.topics import ensure_topics


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with embedded_broker() as started:
        ensure_topics(started)
        yield started


def _values(broker: Broker, topic: str, partition: int) -> list[bytes]:
    reader = Reader(broker)
    found = [item.value or b"" for item in reader.read({Place(topic, partition): 0}) if isinstance(item, Delivery)]
    reader.close()
    return found


def test_messages_arrive_in_order_on_the_partition_given(broker: Broker) -> None:
    outbox = Outbox(broker)
    for number in range(500):
        outbox.write("spikes", 2, b"shop", b"%d" % number)
    assert outbox.flush(10.0)
    assert _values(broker, "spikes", 2) == [b"%d" % number for number in range(500)]
    assert outbox.written == 500


def test_a_record_too_large_for_the_broker_is_one_sentence(broker: Broker) -> None:
    with pytest.raises(FatalError) as refused:
        Outbox(broker).write("spikes", 0, b"shop", b"x" * 2_000_000)
    assert str(refused.value) == (
        "A record of 2000000 bytes for spikes is larger than the broker takes. "
        "Raise max.message.bytes of the topic, or watch fewer dimensions"
    )


def test_after_a_lost_message_nothing_more_is_written(broker: Broker) -> None:
    outbox = Outbox(broker)
    outbox.error = "lost"
    outbox.write("alerts", 0, b"shop", b"later")
    assert not outbox.flush(1.0)
    assert outbox.written == 0
    assert _values(broker, "alerts", 0) == []
