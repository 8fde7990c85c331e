"""Events brought into order of time in bounded memory."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO

from schemas.catalog import BY_NAME, Topic
from schemas.codec import decode, encode
from schemas.raw import RawEvent

Pair = tuple[Topic, RawEvent]


def in_order(events: Iterable[Pair], *, run_length: int = 250_000) -> Iterator[Pair]:
    """The events sorted by ``occurred_at``, ties by topic and ``event_id``.

    Args:
        events: In any order.
        run_length: Events kept in memory at a time; each further run waits in a temporary file.
    """
    runs: list[Iterator[Pair]] = []
    run: list[Pair] = []
    for pair in events:
        run.append(pair)
        if len(run) >= run_length:
            runs.append(_spilled(run))
            run = []
    run.sort(key=_place)
    return heapq.merge(*runs, iter(run), key=_place) if runs else iter(run)


def _place(pair: Pair) -> tuple[datetime, str, str]:
    topic, event = pair
    return event.occurred_at, topic.name, event.event_id


def _spilled(run: list[Pair]) -> Iterator[Pair]:
    """A run, sorted, in a temporary file that vanishes when it has been read."""
    run.sort(key=_place)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as its reader
    for topic, event in run:
        file.write(topic.name.encode() + b"\t" + encode(event) + b"\n")
    file.seek(0)
    return _read_back(file)


def _read_back(file: IO[bytes]) -> Iterator[Pair]:
    with file:
        for line in file:
            name, _, value = line.partition(b"\t")
            topic = BY_NAME[name.decode()]
            yield topic, decode(topic.type, value)  # type: ignore[misc]
