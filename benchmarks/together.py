"""How much memory everything in one process takes: ``python -m benchmarks.together [--events N] [--per-second R]``.

The tickets of :mod:`benchmarks.load` lie on Apache Kafka; ``whence up`` (admit, agents, sink, quality and page in one
process, the store embedded in it) takes them all, as fast as it can. Its resident memory is looked at twice a second
until admit and the sink have committed everything.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.admit import committed
from benchmarks.load import BEGIN, WORKSPACE
from benchmarks.throughput import PARTITIONS, produce
from schemas.broker import Broker, client_config
from schemas.catalog import CONTACTS, RAW_TOPICS, TICKETS
from schemas.codec import encode
from schemas.raw import PROGRESS_KEY, Progress
from streams.topics import ensure_topics
from tools.kafka.run import Node

_STEP = 500_000
_MARKERS = 10_000  # offsets that transactions took at the end of a partition: nobody reads, and so commits, them
_STILL_S = 10.0


@contextmanager
def up(folder: Path, broker: Broker) -> Iterator[subprocess.Popen[bytes]]:
    """``whence up`` over the load's workspace."""
    sections = {
        "[broker]": {"servers": broker.servers, "partitions": PARTITIONS},
        "[data]": {"folder": str(folder)},
        "[[workspaces]]": msgspec.to_builtins(WORKSPACE),
    }
    config = folder / "whence.toml"
    config.write_text(
        "\n".join(
            line
            for head, values in sections.items()
            for line in (head, *(f"{name} = {json.dumps(value)}" for name, value in values.items()))
        )
    )
    secret = {"WHENCE_CONFIG": str(config), "WHENCE_ADMIT_CUSTOMER_KEY": "only for measuring"}
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "whence", "up", "--port", "0"], env={**os.environ, **secret}, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60.0)


def end_others(broker: Broker, until: datetime) -> None:
    """Say that nothing but tickets comes: a bucket closes when tickets and chats have both said how far they are, and
    causes are decided, and what was kept for that is let go, when surveys and the company's changes have too."""
    producer = Producer(client_config(broker))
    mark = encode(Progress(workspace=WORKSPACE.name, until=until, final=True))
    for topic in RAW_TOPICS:
        for partition in range(PARTITIONS):
            if topic is not TICKETS:
                producer.produce(topic.name, mark, PROGRESS_KEY, partition)
    producer.flush()


def memory_mb(process: subprocess.Popen[bytes], field: str = "VmRSS") -> float:
    """Resident memory of a process now; of ``VmHWM`` the most so far."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def main() -> None:
    """Run and print memory by half million of tickets admitted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--per-second", type=float, default=10_000.0, help="contacts per second of event time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whence-bench-") as name, Node(Path(name) / "kafka") as node:
        broker = Broker(servers=node.servers)
        ensure_topics(broker, PARTITIONS)
        _, marks = produce(broker, options.events, options.per_second)
        end_others(broker, BEGIN + timedelta(seconds=options.events / options.per_second + 3_600))
        with up(Path(name), broker) as process:
            watch(process, broker, options.events + marks * PARTITIONS)
            print(f"peak {memory_mb(process, 'VmHWM'):.0f} MB, at the end {memory_mb(process):.0f} MB")


def watch(process: subprocess.Popen[bytes], broker: Broker, total: int) -> None:
    """Print the lowest and highest memory of each step, until nothing more is admitted or sunk."""
    admit = Consumer(client_config(broker, group_id="whence-admit"))
    sink = Consumer(client_config(broker, group_id="whence-sink"))
    raw, contacts = _places(TICKETS.name), _places(CONTACTS.name)
    began = moved = time.monotonic()
    done = (0, 0)
    seen: list[float] = []
    while not (done[0] >= total and time.monotonic() - moved > _STILL_S):
        assert process.poll() is None, f"whence up ended with {process.returncode}"
        now = (committed(admit, raw), committed(sink, contacts))
        if now[0] // _STEP > done[0] // _STEP:
            _tell(began, done, seen)
        moved, done = (time.monotonic(), now) if now != done else (moved, done)
        seen.append(memory_mb(process))
        time.sleep(0.5)
    _tell(began, done, seen)
    lag = sum(sink.get_watermark_offsets(place)[1] for place in contacts) - done[1]
    assert lag < _MARKERS, f"the sink is {lag} behind and has stopped"


def _places(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in range(PARTITIONS)]


def _tell(began: float, done: tuple[int, int], seen: list[float]) -> None:
    low, high = min(seen), max(seen)
    print(
        f"{time.monotonic() - began:6.0f} s {done[0]:>12,} admitted {done[1]:>12,} sunk {low:7.0f} to {high:.0f} MB",
        flush=True,
    )
    seen.clear()


if __name__ == "__main__":
    main()
