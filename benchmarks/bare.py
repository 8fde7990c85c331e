"""The least that admit could do: decode, forward, commit in transactions. The measure of its overhead."""

from __future__ import annotations

import sys

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.meter import Meter
from schemas.broker import Broker, client_config
from schemas.catalog import TICKETS
from schemas.raw import PROGRESS_KEY, Ticket


def main(servers: str, total: str) -> None:
    """Forward ``total`` messages to ``contacts``."""
    broker = Broker(servers=servers)
    options = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "session_timeout_ms": 6_000}
    consumer = Consumer(client_config(broker, group_id="bare", isolation_level="read_committed", **options))
    producer = Producer(client_config(broker, transactional_id="bare", linger_ms=5, queue_buffering_max_messages=10**6))
    producer.init_transactions()
    consumer.subscribe([TICKETS.name])
    decode = msgspec.json.Decoder(Ticket).decode
    meter: Meter | None = None
    done = 0
    while done < int(total):
        messages = consumer.consume(10_000, timeout=0.2)
        if not messages:
            continue
        meter = meter if meter is not None else Meter()
        producer.begin_transaction()
        ends: dict[int, int] = {}
        for message in messages:
            key, value = message.key(), message.value()
            if key != PROGRESS_KEY:
                ticket = decode(value or b"")
                producer.produce("contacts", value, ticket.contact)
            ends[int(message.partition() or 0)] = int(message.offset() or 0) + 1
        places = [TopicPartition(TICKETS.name, partition, offset) for partition, offset in ends.items()]
        producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata())
        producer.commit_transaction()
        done += len(messages)
    assert meter is not None
    print(meter.report())
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:3])
