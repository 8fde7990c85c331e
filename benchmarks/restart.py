"""How long agents take to come back: from nothing, and from a checkpoint, by the length of the history.

One workspace of minute buckets over four input partitions, a thousand contacts a day with sampled texts; detect, attribute
and alert on topics in memory, so nothing of it is the broker's. ``python -m benchmarks.restart [--days 7 28]``
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from schemas.base import Sequenced
from schemas.catalog import FRAMES, TIMELINE
from schemas.codec import encode
from schemas.frame import Frame, Sample, WatchedStream
from schemas.timeline import TimelineEntry
from schemas.workspace import Workspace
from streams.app import STAGES
from streams.checkpoint import Shelf
from streams.reader import Bounds, Delivery, End, Place
from streams.runner import Runner

START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPACE = Workspace(name="shop", progress="input", dimensions=("channel", "product", "platform"))
PARTITIONS = 4
PER_DAY = 1_000.0
LEAVES = [
    (channel, f"p{at}", system)
    for channel in ("chat", "mail")
    for at in range(5)
    for system in ("ios", "web", "android")
]
WORDS = [f"word{at}" for at in range(400)]


class InMemory:
    """Partition 0 of every topic: source and sink of the runners."""

    def __init__(self) -> None:
        self.logs: dict[str, list[bytes]] = {}

    def read(self, starts: Mapping[Place, int]) -> Iterator[Delivery | End]:
        for place, start in starts.items():
            log = self.logs.get(place.topic, [])
            for offset in range(start, len(log)):
                yield Delivery(place.topic, 0, offset, 1, b"", log[offset])
            yield End(place.topic, 0, len(log))

    def bounds(self, places: Collection[Place]) -> dict[Place, Bounds]:
        return {place: Bounds(0, len(self.logs.get(place.topic, []))) for place in places}

    def identities(self, topics: Collection[str]) -> dict[str, str]:
        return dict.fromkeys(topics, "")

    def write(self, topic: str, partition: int | None, key: bytes, value: bytes) -> None:  # noqa: ARG002 - a sink's
        self.logs.setdefault(topic, []).append(value)


def history(days: int) -> Iterator[tuple[str, Sequenced]]:
    """What admit writes in so many days, by topic."""
    rng = np.random.default_rng(1)
    share = rng.dirichlet(np.full(len(LEAVES), 2.0))
    shape = 1.0 + 0.8 * np.sin(np.arange(1_440) / 1_440 * 2 * np.pi)
    streams: tuple[WatchedStream, WatchedStream] = ("contacts", "low_scores")
    for step in range(days * 1_440):
        at = START + step * MINUTE
        for stream, rate in zip(streams, (PER_DAY / 1_440, PER_DAY / 14_400), strict=True):
            for origin in _inputs(stream):
                counts = rng.poisson(rate / PARTITIONS * shape[step % 1_440] * share)
                yield FRAMES.name, _frame(stream, origin, step, counts, rng)
        entry = TimelineEntry(
            workspace="shop", origin="releases/0", seq=step + 1, inputs=("releases/0",), until=at + MINUTE
        )
        yield TIMELINE.name, entry


def _inputs(stream: WatchedStream) -> tuple[str, ...]:
    return tuple(f"{stream}/{place}" for place in range(PARTITIONS))


def _frame(stream: WatchedStream, origin: str, step: int, counts: NDArray[np.int64], rng: np.random.Generator) -> Frame:
    at = START + step * MINUTE
    here = np.flatnonzero(counts).tolist()
    samples = tuple(
        Sample(
            rank=int(rng.integers(2**60)),
            event_id=f"{origin}-{step}-{place}-{number}",
            leaf=place,
            occurred_at=at,
            customer=f"c{rng.integers(5_000)}",
            text=" ".join(WORDS[int(word)] for word in rng.integers(len(WORDS), size=30)),
        )
        for place, leaf in enumerate(here)
        for number in range(int(counts[leaf]))
    )
    return Frame(
        workspace="shop",
        origin=origin,
        seq=step + 1,
        stream=stream,
        inputs=_inputs(stream),
        bucket_start=at,
        bucket_s=60,
        until=at + MINUTE,
        dimensions=("channel", "product", "platform") if here else (),
        leaves=tuple(LEAVES[leaf] for leaf in here),
        counts=tuple(int(counts[leaf]) for leaf in here),
        samples=samples,
    )


def started(topics: InMemory, folder: Path) -> tuple[float, list[Runner]]:
    """CPU seconds until every stage has caught up, and the runners."""
    began = time.process_time()
    runners = [
        Runner(
            stage,
            0,
            {"shop": SPACE},
            source=topics,
            sink=topics,
            shelf=Shelf(folder, stage.name, 0, "the benchmark's"),
        )
        for stage in STAGES
    ]
    for runner in runners:
        runner.catch_up()
    return time.process_time() - began, runners


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="Restarts from nothing and from a checkpoint.")
    parser.add_argument("--days", type=int, nargs="+", default=[7, 28])
    console = Console(width=120)
    table = Table("days", "frames", "from nothing", "frames/s", "writing it", "from a checkpoint", "bytes")
    with tempfile.TemporaryDirectory(prefix="whence-restart-") as place:
        for days in parser.parse_args().days:
            folder = Path(place) / str(days)
            topics = InMemory()
            for topic, record in history(days):
                topics.write(topic, 0, b"", encode(record))
            frames = len(topics.logs[FRAMES.name])
            started(topics, folder)
            rebuilt_s, runners = started(topics, folder)
            began = time.process_time()
            assert [runner.keep() for runner in runners[:2]] == [True, True]
            kept_s = time.process_time() - began
            size = sum(path.stat().st_size for path in folder.iterdir())
            resumed_s, again = started(topics, folder)
            assert [runner.unkept for runner in again[:2]] == [0, 0]
            numbers = (f"{rebuilt_s:.1f} s", f"{frames / rebuilt_s:,.0f}", f"{kept_s:.2f} s", f"{resumed_s:.2f} s")
            table.add_row(str(days), f"{frames:,}", *numbers, f"{size:,}")
    console.print(table)


if __name__ == "__main__":
    main()
