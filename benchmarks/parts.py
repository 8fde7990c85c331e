"""Where admit's time goes, without a broker: ``python -m benchmarks.parts [--events N] [--per-second R]``.

The tickets of :mod:`benchmarks.load` go through the step in batches of ten thousand over four partitions; the CPU
time of each part is that of its functions without those beneath that are parts themselves.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any
from zlib import crc32

from benchmarks.load import WORKSPACE, Message, messages
from schemas.catalog import RAW_TOPICS, TICKETS
from streams.admit import cleaning, counting, frames, preparing, quick, reading, redact
from streams.admit.buckets import Book
from streams.admit.fates import Tails
from streams.admit.memory import Memory
from streams.admit.opening import Usual
from streams.admit.samples import Tally
from streams.admit.settings import AdmitSettings
from streams.admit.spelling import Column, Dimensions
from streams.admit.state import PartitionState, RawMessage
from streams.admit.step import admit, start

PARTITIONS = 4
PARTS: list[tuple[str, Any, str]] = [
    ("decode", reading, "_opened"),
    ("decode", Usual, "open"),
    ("validate", reading, "_columns"),
    ("validate", reading, "_all_good"),
    ("validate", preparing, "read"),
    ("spell, leaf", Dimensions, "spell"),
    ("spell, leaf", Column, "spell"),
    ("spell, leaf", Book, "leaf_numbers"),
    ("hash customers", cleaning.Cleaner, "_hash_customers"),
    ("redact: look", redact, "_suspicious"),
    ("redact: replace", redact, "_redacted"),
    ("redact: look", cleaning.Cleaner, "_redact_texts"),
    ("other cleaning", cleaning.Cleaner, "clean"),
    ("encode, hash", preparing, "_some"),
    ("encode, hash", Tails, "ended"),
    ("sample", preparing, "_said"),
    ("sample", Book, "wants"),
    ("sample", counting._Run, "_tally"),
    ("sample", Tally, "keep"),
    ("repeats", Memory, "find"),
    ("repeats", Memory, "add"),
    ("repeats", counting._Run, "_before"),
    ("count", Tally, "count"),
    ("count", counting._Run, "_take"),
    ("batches together", preparing, "prepare"),
    ("write", counting._Run, "write"),
    ("quick: read", quick.Way, "read"),
    ("quick: write", quick.Way, "write"),
    ("spell, leaf", quick.Way, "_rows_of"),
    ("redact: replace", quick, "_redacted"),
    ("quick: hash, rest", preparing, "_quickly"),
    ("sample", preparing, "_places"),
    ("frames", counting._Run, "mark"),
    ("frames: encode", frames, "_frame"),
    ("frames: samples", frames._Told, "samples"),
]


class Clock:
    """CPU seconds by part, a part within another counted once."""

    def __init__(self) -> None:
        self.used: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def wrap(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time put down to the part."""

        def timed(*args: Any, **named: Any) -> Any:
            began = time.thread_time()
            self._inner.append(0.0)
            try:
                return function(*args, **named)
            finally:
                took = time.thread_time() - began
                self.used[part] += took - self._inner.pop()
                self._inner[-1] += took

        return timed


def batches(load: Iterator[Message], size: int) -> Iterator[list[list[RawMessage]]]:
    """The load as a consumer would hand it over: messages by partition."""
    offsets = [0] * PARTITIONS
    while some := list(islice(load, size)):
        by_partition: list[list[RawMessage]] = [[] for _ in range(PARTITIONS)]
        for message in some:
            for place in range(PARTITIONS) if message.is_mark else (crc32(message.key) % PARTITIONS,):
                arrived_ms = 1_790_000_000_000 + offsets[place] // 10
                by_partition[place].append(RawMessage(offsets[place], arrived_ms, message.key, message.value))
                offsets[place] += 1
        yield by_partition


def main() -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--per-second", type=float, default=1_000.0, help="contacts per second of event time")
    options = parser.parse_args()
    clock = Clock()
    for part, owner, name in PARTS:
        setattr(owner, name, clock.wrap(part, getattr(owner, name)))
    setattr(counting, "prepare", preparing.prepare)  # noqa: B010 - it was imported by name
    counts = {topic.name: PARTITIONS for topic in RAW_TOPICS}
    settings = AdmitSettings(customer_key=b"only for measuring")
    states: list[PartitionState] = [start(TICKETS, i, counts, (WORKSPACE,), settings) for i in range(PARTITIONS)]
    for by_partition in batches(messages(options.events, per_second=options.per_second), 10_000):
        for place, batch in enumerate(by_partition):
            states[place], _ = admit(states[place], batch)
    for part, used_s in sorted(clock.used.items(), key=lambda pair: -pair[1]):
        print(f"{part:20}{1e6 * used_s / options.events:8.2f} µs")
    print(f"{'all':20}{1e6 * sum(clock.used.values()) / options.events:8.2f} µs")


if __name__ == "__main__":
    main()
