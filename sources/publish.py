"""From events to the broker: in order, with progress marks, never faster than the readers follow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import structlog
from msgspec import Struct

from schemas.broker import Broker
from schemas.catalog import Topic
from schemas.codec import encode
from schemas.errors import RetryableError
from schemas.raw import PROGRESS_KEY, RawEvent
from schemas.workspace import Workspace
from sources.keys import encode_keyed
from sources.marks import Mark, Sent, with_marks
from sources.readers import Follow, Readers
from sources.sender import Sender

_STEP = (10_000, 4_000_000)
_STEP_EMBEDDED = (1_000, 250_000)
_LOOK_S = 0.05
_PATIENCE_S = 30.0
_AWAY_S = 60.0
_AGAIN_S = 1.0
log = structlog.get_logger("whence.replay")


class Replayed(Struct, frozen=True, kw_only=True):
    """How far a replay is. ``skipped`` events were larger than the broker takes; ``at`` is the replay's clock in event
    time; ``waiting_for`` the reader that it waits for now, with what that one has still to read."""

    events: int = 0
    skipped: int = 0
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
    """One run: sends, keeps the pace, lets the readers follow, tells how far it is."""

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
        self._sender = Sender(broker, stop)
        self._partitions = self._sender.partitions()
        self._step = _STEP_EMBEDDED if broker.embedded else _STEP
        self._readers = Readers(broker, follow) if follow else None
        self._speed, self._live_from = speed, live_from
        self._on_progress, self._stop = on_progress, stop
        self._began: tuple[float, datetime] | None = None
        self._events = self._skipped = self._marks = 0
        self._at: datetime | None = None
        self._told = 0.0

    def send(self, item: Sent | Mark) -> None:
        """Send one event or mark when its time has come and the readers are near enough."""
        self._pace(item.at)
        self._at = item.at
        if isinstance(item, Sent):
            fits = self._sender.send(item.topic.name, *encode_keyed(item.topic, item.event), item.at)
            self._events += fits
            self._skipped += not fits
        else:
            self._send_mark(item)
        messages, size = self._step
        if self._sender.waiting >= messages or self._sender.waiting_bytes >= size:
            self._let_readers_follow()
        self._tell()

    def _send_mark(self, mark: Mark) -> None:
        value = encode(mark.progress)
        for name, partitions in self._partitions.items():
            for partition in partitions:
                self._sender.send(name, PROGRESS_KEY, value, mark.at, partition=partition)
        self._marks += 1

    def _pace(self, at: datetime) -> None:
        """Wait until an item's moment has come, where a speed was asked for."""
        if self._speed is None or self._live_from is None or at < self._live_from:
            return
        if self._began is None:
            self._began = (time.monotonic(), at)
        began, first = self._began
        due = began + (at - first).total_seconds() / self._speed
        while (left := due - time.monotonic()) > 0 and not self._stop.is_set():
            self._sender.serve()
            self._tell()
            self._stop.wait(min(left, 0.2))

    def _let_readers_follow(self) -> None:
        """Hand everything over, then wait until no reader is further behind than it may be."""
        self._sender.flush()
        warn_at = time.monotonic() + _PATIENCE_S
        while not self._stop.is_set() and (waiting_for := self._slowest()):
            self._tell(waiting_for)
            if time.monotonic() > warn_at:
                log.warning("replay_waits", waiting_for=waiting_for)
                warn_at = time.monotonic() + _PATIENCE_S
            self._stop.wait(_LOOK_S)

    def _slowest(self) -> str:
        """Who is too far behind, in words; a broker that is away for a minute ends the replay."""
        if self._readers is None:
            return ""
        give_up_at = time.monotonic() + _AWAY_S
        while True:
            try:
                found = self._readers.behind()
            except RetryableError as error:
                if time.monotonic() > give_up_at or self._stop.is_set():
                    raise
                log.warning("replay_waits", waiting_for=error.what)
                self._tell("the broker")
                self._stop.wait(_AGAIN_S)
            else:
                return "" if found is None else f"{found[0].group} ({found[2]:,} messages of {found[1].topic} to read)"

    def _tell(self, waiting_for: str = "") -> None:
        now = time.monotonic()
        if self._on_progress is not None and now - self._told >= 0.2:
            self._told = now
            self._on_progress(self._state(waiting_for))

    def _state(self, waiting_for: str = "") -> Replayed:
        return Replayed(
            events=self._events, skipped=self._skipped, marks=self._marks, at=self._at, waiting_for=waiting_for
        )

    def finish(self) -> Replayed:
        """Wait for the broker's word on everything."""
        self._sender.flush()
        state = self._state()
        if self._on_progress is not None:
            self._on_progress(state)
        return state

    def close(self) -> None:
        if self._readers is not None:
            self._readers.close()


__all__ = ["Follow", "Replayed", "encode_keyed", "publish"]
