"""How fast admit is, on Apache Kafka: ``python -m benchmarks.throughput [--events N] [--peers] [--memory]``.

The same tickets go through a bare loop (decode, forward, commit in transactions) and through admit, each in a process
of its own with an empty group; CPU seconds are those of the whole process, the client's threads included. ``--peers``
counts them per platform and minute with Faust, Quix Streams and Bytewax, each in a virtual environment of its own,
made on demand. ``--memory`` prints admit's memory as it goes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer

from benchmarks.load import WORKSPACE, messages
from schemas.broker import Broker, client_config
from schemas.catalog import TICKETS
from streams.topics import ensure_topics
from tools.kafka.run import Node

PER_SECOND = 1_000.0
PARTITIONS = 4
PEERS = Path(__file__).parent / "peers"
_PEERS = {"faust": "one event at a time", "quix": "without its state", "bytewax": "without its windows"}
_PEER_S = 600


def main() -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--per-second", type=float, default=PER_SECOND, help="contacts per second of event time")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--pure", action="store_true", help="admit without its compiled step")
    parser.add_argument("--without-bare", action="store_true", help="admit alone, for a long look at its memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whence-bench-") as folder, Node(Path(folder)) as node:
        broker = Broker(servers=node.servers)
        ensure_topics(broker, PARTITIONS)
        size, marks = produce(broker, options.events, options.per_second)
        print(f"{options.events:,} tickets of {size:.0f} bytes, {marks:,} marks, {PARTITIONS} partitions\n")
        print(f"{'':34}{'events/s':>12}{'per CPU-second':>16}{'CPU µs':>9}{'peak MB':>9}")
        total = options.events + marks * PARTITIONS
        bare = 0.0
        if not options.without_bare:
            bare = show("bare: decode, forward, commit", child("bare", broker, total), options.events)
        admitted = show(
            "admit: everything",
            child("admit", broker, total, memory=options.memory, pure=options.pure),
            options.events,
        )
        if bare:
            print(f"\nadmit reaches {admitted / bare:.0%} of the bare loop")
        if options.peers:
            for name, what in _PEERS.items():
                show(f"{name}: {what}", peer(name, broker, total), options.events)


def produce(broker: Broker, count: int, per_second: float) -> tuple[float, int]:
    """Send the load; mean size of a ticket, and marks sent to each partition."""
    producer = Producer(
        client_config(broker, linger_ms=50, partitioner="murmur2_random", queue_buffering_max_messages=10**6)
    )
    size = marks = 0
    for message in messages(count, per_second=per_second):
        for partition in range(PARTITIONS) if message.is_mark else (-1,):
            while True:
                try:
                    producer.produce(TICKETS.name, message.value, message.key, partition)
                    break
                except BufferError:
                    producer.poll(0.1)
        size += 0 if message.is_mark else len(message.value)
        marks += message.is_mark
    producer.flush()
    return size / count, marks


def child(kind: str, broker: Broker, total: int, *, memory: bool = False, pure: bool = False) -> dict[str, float]:
    """Run one of ours in a process of its own; its figures."""
    command = [
        sys.executable,
        "-m",
        f"benchmarks.{kind}",
        broker.servers,
        str(total),
        *(["--memory"] if memory else []),
        *(["--pure"] if pure else []),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    lines = done.stdout.splitlines()
    for line in lines[:-1]:
        if " messages " in line:
            print(line)
    figures: dict[str, float] = json.loads(lines[-1])
    return figures


def peer(name: str, broker: Broker, total: int) -> dict[str, float]:
    """Run a peer in its own virtual environment, made on demand under the user's cache."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "whence-bench" / name
    if not (home / "ready").exists():
        print(f"(installing {name} …)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        requirements = PEERS / f"{name}.txt"
        subprocess.run([home / "bin" / "pip", "install", "-q", "-r", requirements], check=True)
        (home / "ready").touch()
    command = [str(home / "bin" / "python"), str(PEERS / f"{name}_count.py"), broker.servers, str(total)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=_PEER_S)
    figures: dict[str, float] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return figures


def show(name: str, figures: dict[str, float], events: int) -> float:
    """Print one row; events per CPU-second."""
    per_cpu = events / figures["cpu_s"]
    print(
        f"{name:34}{events / figures['wall_s']:>12,.0f}{per_cpu:>16,.0f}"
        f"{1e6 / per_cpu:>9.2f}{figures['peak_mb']:>9.0f}",
        flush=True,
    )
    return per_cpu


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"\n{WORKSPACE.name}: took {time.monotonic() - began:.0f} s")
