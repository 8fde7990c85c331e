"""From produced to visible: ``python -m benchmarks.visible --rate 1000 --seconds 20``.

Tickets are produced at a steady rate; admit and the sink run in this process, the store is chDB, the broker is the
embedded one or, with ``--kafka``, a fresh Apache Kafka. A ticket is visible when a query through a view returns it;
that is asked twenty times a second, so the times are up to 50 ms too long.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

from schemas.broker import Broker, client_config
from schemas.catalog import TICKETS
from schemas.codec import encode
from schemas.health import Part
from schemas.raw import Ticket
from schemas.workspace import Workspace
from sinks.migrate import migrate
from sinks.store import StoreSettings, connect
from sinks.writer import Writer
from streams.admit.agent import Admit
from streams.admit.settings import AdmitSettings
from streams.embedded import embedded_broker
from streams.topics import ensure_topics
from tools.kafka.run import Node

WORKSPACE = Workspace(name="visible")
NEW = "SELECT event_id FROM contacts_all WHERE workspace = 'visible' AND occurred_at >= {since:DateTime64(3)}"
Sent = deque[tuple[str, float]]
TEXT = "the app keeps crashing since the update, please help me to log in again and pay my order " * 3


def ticket(number: int, at: float) -> bytes:
    """One ticket of about 400 bytes, which happens as it is produced."""
    when = datetime.fromtimestamp(at, UTC)
    return encode(
        Ticket(
            event_id=f"e{number}",
            workspace=WORKSPACE.name,
            occurred_at=when,
            source="desk",
            contact=f"c{number}",
            customer=f"u{number % 10_000}",
            product="app",
            platform=("ios", "android", "web")[number % 3],
            version="5.2",
            topic="login",
            text=TEXT,
        )
    )


def produce(broker: Broker, rate: int, seconds: float, sent: Sent) -> None:
    """Send at a steady rate in steps of 20 ms; when each was sent goes into ``sent``."""
    producer = Producer(client_config(broker, linger_ms=5, partitioner="murmur2_random"))
    began = time.time()
    number = 0
    while (elapsed := time.time() - began) < seconds:
        while number < elapsed * rate:
            at = time.time()
            sent.append((f"e{number}", at))
            producer.produce(TICKETS.name, ticket(number, at), key=f"u{number % 10_000}")
            number += 1
        producer.poll(0)
        time.sleep(0.02)
    producer.flush(10.0)


def watch(client: Client, sent: Sent, producing: threading.Thread) -> list[float]:
    """Ask until everything sent is visible, or for 60 s after the last was sent; seconds each took.

    Only what happened since the oldest that is not yet visible is asked for, so that asking costs little.
    """
    took: list[float] = []
    waiting: dict[str, float] = {}
    give_up = float("inf")
    while time.time() < give_up:
        if not producing.is_alive():
            give_up = min(give_up, time.time() + 60.0)
        waiting.update(sent.popleft() for _ in range(len(sent)))
        if waiting:
            since = datetime.fromtimestamp(next(iter(waiting.values())), UTC) - timedelta(milliseconds=1)
            rows = client.query(NEW, parameters={"since": since}).result_rows
            now = time.time()
            took += [now - waiting.pop(event_id) for (event_id,) in rows if event_id in waiting]
        elif not producing.is_alive() and not sent:
            break
        time.sleep(0.05)
    return took


@contextmanager
def running(parts: list[Part]) -> Iterator[None]:
    """Run parts in threads, from when all are ready to the end of the block."""
    stop = threading.Event()
    threads = [threading.Thread(target=part.run, args=(stop,)) for part in parts]
    for thread in threads:
        thread.start()
    while not all(part.health().ready for part in parts):
        time.sleep(0.1)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def broker_of(kafka: bool, folder: Path) -> Iterator[Broker]:
    """The embedded broker, or Apache Kafka."""
    if not kafka:
        with embedded_broker() as broker:
            yield broker
    else:
        with Node(folder) as node:
            yield Broker(servers=node.servers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1_000, help="tickets a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--kafka", action="store_true", help="Apache Kafka instead of the embedded broker")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whence-bench-") as folder, broker_of(asked.kafka, Path(folder)) as broker:
        ensure_topics(broker)
        settings = StoreSettings(path=f"{folder}/store")
        client = connect(settings)
        migrate(client)
        admit = Admit(broker, AdmitSettings(customer_key=b"only for this benchmark"), (WORKSPACE,))
        sent: Sent = deque()
        with running([admit, Writer(broker, settings)]):
            producing = threading.Thread(target=produce, args=(broker, asked.rate, asked.seconds, sent))
            began, began_cpu = time.time(), time.process_time()
            producing.start()
            took = watch(client, sent, producing)
            share = (time.process_time() - began_cpu) / (time.time() - began)
        p50, p99 = np.quantile(took, [0.5, 0.99])
        quarter = len(took) // 4
        early, late = np.median(took[:quarter]), np.median(took[-quarter:])
        print(f"{asked.rate:,} tickets a second, {len(took):,} visible: p50 {p50:.2f} s, p99 {p99:.2f} s")
        print(f"median of the first quarter {early:.2f} s, of the last {late:.2f} s; {share:.0%} of a processor")
        client.close()


if __name__ == "__main__":
    main()
