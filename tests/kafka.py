"""Apache Kafka for tests: one node, or an audible skip where it cannot run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.broker import Broker
from tools.kafka.run import KafkaMissingError, Node, requirements


@contextmanager
def kafka_node(directory: Path | None = None, *, more: str = "", format_with: Sequence[str] = ()) -> Iterator[Node]:
    """A running node that tests may kill and start again; it stops at the end. See :class:`tools.kafka.run.Node`."""
    try:
        requirements()
    except KafkaMissingError as reason:
        pytest.skip(str(reason))
    with tempfile.TemporaryDirectory(prefix="whence-kafka-", ignore_cleanup_errors=True) as fallback:
        node = Node(directory or Path(fallback), more=more, format_with=format_with)
        node.start()
        try:
            yield node
        finally:
            node.stop()


@contextmanager
def apache_kafka(directory: Path | None = None) -> Iterator[Broker]:
    """A fresh Apache Kafka without topics."""
    with kafka_node(directory) as node:
        yield Broker(servers=node.servers)
