"""From events to the broker: in order, with progress marks, never faster than the readers follow."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec import Struct

from schemas.broker import Broker, client_config
from schemas.catalog import RAW_TOPICS, Topic
from schemas.codec import encode
from schemas.errors import FatalError, RetryableError
from schemas.raw import PROGRESS_KEY, RawEvent
from schemas.workspace import Workspace
from sources.keys import PARTITIONER, encode_keyed
from sources.marks import Mark, Sent, with_marks
from sources.readers import Follow, Readers

TIMEOUT_S = 20.0
NOW = 0
_FLIGHT_BYTES = 2_000_000
_FLIGHT_BYTES_EMBEDDED = 250_000
_LOOK_S = 0.05
_PATIENCE_S = 30.0
_KEPT_DAYS = 5
_LOGGER = logging.getLogger("whence.broker")
log = structlog.get_logger("whence.replay")


class Replayed(Struct, frozen=True, kw_only=True):
    """How far a replay is. ``at`` is its clock in event time; ``waiting_for`` the reader that it waits for now, with
    what that one has still to read."""

    events: int = 0
    marks: int = 0
    at: datetime | None = None
    waiting_for: str = ""


def publish(
    broker: Broker,
    workspace: Workspace,
    events: Iterable[tuple[Topic, RawEvent]],
    *,
    speed: float | None = None,
    live_from: datetime | None = None,
    follow: Sequence[Follow] = (),
    on_progress: Callable[[Replayed], None] | None = None,
    stop: threading.Event | None = None,
    every_s: float | None = None,
    final: bool = True,
) -> Replayed:
    """Send events and progress marks to the raw topics, and wait until the broker has all of them.

    A message's Kafka time is the replay's clock, so that a back-fill or a date ahead is judged as it was then. On a
    broker that deletes by that time, input older than its retention is sent with the present instead.

    Args:
        broker: Where.
        workspace: Whose events these are; it should have ``progress="input"``.
        events: In order of arrival. Sending the same ones again changes nothing: they are repeats.
        speed: Event seconds per second; as fast as the readers follow where it is None.
        live_from: Before this moment ``speed`` does not count, and marks are further apart.
        follow: Readers to wait for, such as :func:`sources.readers.followers` names.
        on_progress: Told some times a second, from this thread.
        stop: Set it to end early: what was handed over is delivered, no final mark is sent.
        every_s: Event seconds between marks before ``live_from``; see :func:`sources.marks.with_marks`.
        final: Whether the last mark says that the input has ended.

    Returns:
        What was sent.

    Raises:
        RetryableError: the broker does not answer, or did not take a message; send everything again.
        FatalError: the broker refused for good.
    """
    stop = threading.Event() if stop is None else stop
    if speed is not None and live_from is None:
        live_from = datetime.min.replace(year=1970, tzinfo=UTC)
    replay = _Replay(broker, follow, speed=speed, live_from=live_from, on_progress=on_progress, stop=stop)
    try:
        for item in with_marks(events, workspace, every_s=every_s, live_from=live_from, final=final):
            if stop.is_set():
                break
            replay.send(item)
        return replay.finish()
    finally:
        replay.close()


class _Replay:
    """One run: the producer, what is on its way, the pace."""

    def __init__(
        self,
        broker: Broker,
        follow: Sequence[Follow],
        *,
        speed: float | None,
        live_from: datetime | None,
        on_progress: Callable[[Replayed], None] | None,
        stop: threading.Event,
    ) -> None:
        self._broker = broker
        self._producer = Producer(
            client_config(
                broker,
                enable_idempotence=True,
                partitioner=PARTITIONER,
                linger_ms=20,
                compression_type="none" if broker.embedded else "lz4",
                message_timeout_ms=120_000,
            ),
            logger=_LOGGER,
        )
        self._partitions = self._raw_partitions()
        self._most_bytes = _FLIGHT_BYTES_EMBEDDED if broker.embedded else _FLIGHT_BYTES
        self._readers = Readers(broker, follow) if follow else None
        self._speed, self._live_from = speed, live_from
        self._on_progress, self._stop = on_progress, stop
        self._began: tuple[float, datetime] | None = None
        self._stamped: bool | None = None
        self._refused: KafkaError | None = None
        self._events = self._marks = self._bytes = 0
        self._at: datetime | None = None
        self._told = 0.0

    def _raw_partitions(self) -> dict[str, list[int]]:
        try:
            return {
                topic.name: sorted(
                    self._producer.list_topics(topic.name, timeout=TIMEOUT_S).topics[topic.name].partitions
                )
                for topic in RAW_TOPICS
            }
        except KafkaException as error:
            raise RetryableError(
                f"no Kafka broker answers at {self._broker.servers} ({error.args[0].str()})", retry_after_s=2.0
            ) from error

    def send(self, item: Sent | Mark) -> None:
        """Send one event or mark when its time has come and the readers are near enough."""
        self._pace(item.at)
        self._at = item.at
        if isinstance(item, Sent):
            key, value = encode_keyed(item.topic, item.event)
            self._produce(item.topic.name, key, value, item.at)
            self._events += 1
        else:
            self._let_readers_follow()
            value = encode(item.progress)
            for name, partitions in self._partitions.items():
                for partition in partitions:
                    self._produce(name, PROGRESS_KEY, value, item.at, partition=partition)
            self._marks += 1
        if self._bytes >= self._most_bytes:
            self._let_readers_follow()
        self._tell()

    def _produce(self, topic: str, key: bytes, value: bytes, at: datetime, *, partition: int = -1) -> None:
        stamp = int(at.timestamp() * 1_000) if self._from_input(at) else NOW
        self._bytes += len(key) + len(value)
        while not self._stop.is_set():
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._delivered, timestamp=stamp)
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                break
        self._raise_refused()

    def _from_input(self, at: datetime) -> bool:
        """Decided once, by the first event: Kafka deletes by message time, and a replay may be years old."""
        if self._stamped is None:
            self._stamped = self._broker.embedded or at > datetime.now(UTC) - timedelta(days=_KEPT_DAYS)
        return self._stamped

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and self._refused is None:
            self._refused = error

    def _raise_refused(self) -> None:
        if self._refused is None:
            return
        text = f"the Kafka broker at {self._broker.servers} did not take a message ({self._refused.str()})"
        if self._refused.retriable() or self._refused.code() == KafkaError._MSG_TIMED_OUT:
            raise RetryableError(text, retry_after_s=5.0)
        raise FatalError(
            text[0].upper() + text[1:],
            remedy="See whence doctor; then start the replay again, what has arrived is recognised.",
        )

    def _pace(self, at: datetime) -> None:
        """Wait until an item's moment has come, where a speed was asked for."""
        if self._speed is None or self._live_from is None or at < self._live_from:
            return
        if self._began is None:
            self._began = (time.monotonic(), at)
        began, first = self._began
        due = began + (at - first).total_seconds() / self._speed
        while (left := due - time.monotonic()) > 0 and not self._stop.is_set():
            self._producer.poll(0)
            self._tell()
            self._stop.wait(min(left, 0.2))

    def _let_readers_follow(self) -> None:
        """Hand everything over, then wait until no reader is further behind than it may be."""
        self._flush()
        self._bytes = 0
        warn_at = time.monotonic() + _PATIENCE_S
        while self._readers is not None and not self._stop.is_set() and (found := self._readers.behind()) is not None:
            one, place, lag = found
            waiting_for = f"{one.group} ({lag:,} messages of {place.topic} to read)"
            self._tell(waiting_for)
            if time.monotonic() > warn_at:
                log.warning("replay_waits", group=one.group, topic=place.topic, partition=place.partition, behind=lag)
                warn_at = time.monotonic() + _PATIENCE_S
            self._stop.wait(_LOOK_S)

    def _flush(self) -> None:
        while self._producer.flush(0.2) and not self._stop.is_set():
            self._raise_refused()
        self._raise_refused()

    def _tell(self, waiting_for: str = "") -> None:
        now = time.monotonic()
        if self._on_progress is not None and now - self._told >= 0.2:
            self._told = now
            self._on_progress(self._state(waiting_for))

    def _state(self, waiting_for: str = "") -> Replayed:
        return Replayed(events=self._events, marks=self._marks, at=self._at, waiting_for=waiting_for)

    def finish(self) -> Replayed:
        """Wait for the broker's word on everything; two seconds at most when asked to stop."""
        if self._stop.is_set():
            self._producer.flush(2.0)
        else:
            self._flush()
        state = self._state()
        if self._on_progress is not None:
            self._on_progress(state)
        return state

    def close(self) -> None:
        if self._readers is not None:
            self._readers.close()


__all__ = ["Follow", "Replayed", "encode_keyed", "publish"]
