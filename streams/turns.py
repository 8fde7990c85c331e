"""Reads partitions in turn, so that none waits while others are read on and on."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from streams.reader import Place

_AFTER = 20_000
_CLOSE_MS = 1_000.0
_SILENT_S = 1.0


class _Read(NamedTuple):
    """What came of a partition within a turn: messages, and Kafka's time of the first and the last of them."""

    messages: int
    first_ms: int
    last_ms: int


class Turns:
    """Holds the partitions that are ahead until the others have caught up.

    While a consumer catches up, its client puts what it fetches of all partitions into one queue, asks for more of a
    partition only when that queue is short, and asks for partitions at moments of their own: one that asks in vain a
    few times is not read at all until the others are at their end (librdkafka, issue 1854). Releases would come after
    all tickets then, and no bucket could close before. So after every ``after`` messages the partitions whose last
    message is younger than the oldest such, by Kafka's time, are paused until that one has caught up or has no more
    messages; nearer than a second, or than what one turn spans, is near enough. Kafka Streams reads in this order, too.
    A partition of which nothing comes for ``silent_s`` seconds though others wait for it is not waited for any longer.

    The consumer has to be told of ends of partitions (``enable.partition.eof``). Which message is read when changes;
    the order within a partition does not.
    """

    def __init__(self, consumer: Consumer, *, after: int = _AFTER, silent_s: float = _SILENT_S) -> None:
        self._consumer, self._after, self._silent_s = consumer, after, silent_s
        self._last_ms: dict[Place, int] = {}
        self._next: dict[Place, int] = {}
        self._ends: dict[Place, int] = {}
        self._silent: set[Place] = set()
        self._turn: dict[Place, _Read] = {}
        self._heard_s = -math.inf
        self.held: frozenset[Place] = frozenset()

    def read(self, place: Place, count: int, first_ms: int, last_ms: int, next_offset: int) -> None:
        """So many messages of a partition were read, up to this offset, the first and the last of them written then."""
        before = self._turn.get(place)
        self._turn[place] = (
            _Read(count, first_ms, last_ms)
            if before is None
            else before._replace(messages=before.messages + count, last_ms=last_ms)
        )
        self._last_ms[place] = last_ms
        self._next[place] = next_offset
        self._silent.discard(place)

    def end(self, place: Place, offset: int) -> None:
        """A partition ends at this offset, for now."""
        self._ends[place] = offset
        self._silent.discard(place)

    def forget(self, places: Collection[Place]) -> None:
        """Partitions come, or go: nothing is known of them."""
        for place in places:
            for known in (self._last_ms, self._next, self._ends, self._turn):
                known.pop(place, None)
        self._silent.difference_update(places)
        going = self.held.intersection(places)
        self.held -= going
        self._consumer.resume(_named(going))  # lest it come back paused

    def settle(self, places: Collection[Place], now_s: float) -> None:
        """Pause and resume partitions, given those that the consumer has and a clock's seconds."""
        if self.held:
            self._release(places, now_s)
        elif sum(read.messages for read in self._turn.values()) >= self._after:
            self._hold(places)
            self._heard_s = now_s
            self._turn.clear()

    def _behind(self, places: Collection[Place]) -> dict[Place, float]:
        """Of the partitions that have more messages: when the last one read of each was written."""
        ended = {place for place, offset in self._ends.items() if offset >= self._next.get(place, offset)}
        return {place: self._last_ms.get(place, -math.inf) for place in set(places) - ended - self._silent}

    def _hold(self, places: Collection[Place]) -> None:
        behind = self._behind(places)
        most = max(self._turn.values())
        near = min(behind.values(), default=math.inf) + max(_CLOSE_MS, most.last_ms - most.first_ms)
        self.held = frozenset(place for place, last_ms in behind.items() if last_ms > near)
        self._consumer.pause(_named(self.held))

    def _release(self, places: Collection[Place], now_s: float) -> None:
        behind = self._behind(places)
        waited_for = {place: last_ms for place, last_ms in behind.items() if place not in self.held}
        if waited_for.keys() & self._turn.keys():
            self._heard_s = now_s
        elif now_s - self._heard_s > self._silent_s:
            self._silent.update(waited_for)
            waited_for = {}
        oldest_ms = min(waited_for.values(), default=math.inf)
        going = frozenset(place for place in self.held if self._last_ms[place] <= oldest_ms)
        self.held -= going
        self._consumer.resume(_named(going))
        self._turn.clear()


def _named(places: Collection[Place]) -> list[TopicPartition]:
    return [TopicPartition(*place) for place in sorted(places)]
