"""The in-process broker: Kafka's real protocol over a real socket, with its log in memory.

It is librdkafka's own mock cluster, of one node and four partitions a topic. It lives as long as the client that
hosts it; what was acknowledged is gone when the process ends.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

from schemas.broker import Broker

EMBEDDED_PARTITIONS = 4
_LOGGER = logging.getLogger("whence.broker")


@contextmanager
def embedded_broker() -> Iterator[Broker]:
    """A broker within this process, reachable on a free port of 127.0.0.1 until the block ends."""
    host = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1}, logger=_LOGGER)
    metadata = host.list_topics(timeout=10.0)
    servers = ",".join(f"{node.host}:{node.port}" for node in metadata.brokers.values())
    yield Broker(servers=servers, embedded=True)
    # The host must outlive every client of the broker: naming it here keeps it from being collected.
    host.flush(0)
    del host
