"""The courier: a part that reads alerts and carries them to people.

What is to be sent is written to the topic `deliveries` before an alert's offset is committed, and so is how every
attempt ended. Killed at any moment, it reads that topic again and goes on; what it had just handed over is handed over
again, under the same key. Several couriers share the partitions.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from msgspec import DecodeError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from schemas.alert import Alert
from schemas.broker import Broker, leave
from schemas.catalog import ALERTS, BY_NAME, DELIVERIES, FEEDBACK
from schemas.codec import decode, encode
from schemas.delivery import Delivery
from schemas.errors import FatalError, RetryableError
from schemas.health import Health
from schemas.heard import text_of
from schemas.links import signed
from schemas.raw import Feedback
from schemas.workspace import Workspace
from streams import meters
from streams.alert.message import Letterhead, compose
from streams.alert.routing import Routing
from streams.deliver import post
from streams.deliver.book import Book, next_step
from streams.deliver.channels import Sender, Tried
from streams.deliver.lanes import lanes_of
from streams.deliver.member import HISTORY, is_record, member
from streams.deliver.settings import CourierSettings
from streams.outbox import Outbox
from streams.reader import Delivery as Record
from streams.reader import Place, Reader

log = structlog.get_logger("whence.alerts")
AT_ONCE = 100
LOOK_S = 0.2
QUICK_LOOK_S = 0.02
FLUSH_S = 10.0
FLUSH_STEP_S = 0.5


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Courier:
    """See the module. ``at`` is called with the name of each moment that a test may want to die at: ``queued`` (before
    the offset is committed), ``given`` (to a channel), ``taken`` (by it, not yet noted)."""

    name = "alerts"

    def __init__(
        self,
        broker: Broker,
        workspaces: Sequence[Workspace],
        routing: Routing,
        senders: Mapping[str, Sender],
        settings: CourierSettings | None = None,
        *,
        now: Callable[[], datetime] = _utc_now,
        at: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._broker = broker
        self._settings = settings if settings is not None else CourierSettings()
        self._routing = routing
        self._workspaces = {one.name: one for one in workspaces}
        self._senders = senders
        self._now, self._at = now, at
        self._books: dict[int, Book] = {}
        self._paused: dict[str, tuple[int, datetime]] = {}
        self._stop = threading.Event()
        self._health = Health(part=self.name, alive=True, ready=False, detail="starting")
        secret = self._settings.link_secret
        self._head = Letterhead(
            page_url=self._settings.page_url, sign=(lambda answer: signed(answer, secret)) if secret else None
        )

    def health(self) -> Health:
        """Ready while it reads alerts; names the channels that do not take theirs."""
        return self._health

    def run(self, stop: threading.Event) -> None:
        """Deliver until ``stop`` is set.

        Raises:
            FatalError: a record is larger than the broker takes.
        """
        self._stop = stop
        retrying = Retrying(
            retry=retry_if_exception_type((RetryableError, KafkaException)),
            wait=wait_exponential(multiplier=0.5, max=10.0),
            stop=stop_when_event_set(stop),
            sleep=sleep_using_event(stop),
            before_sleep=self._say_away,
            retry_error_callback=lambda _: None,
        )
        try:
            retrying(self._session, stop)
        except FatalError as error:
            self._say(alive=False, ready=False, detail=str(error))
            raise
        self._say(alive=False, ready=False, detail="stopped")

    def _say_away(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        why = error.advised if isinstance(error, RetryableError) else text_of(error)
        log.warning("waiting", reason=why)
        self._say(
            alive=True, ready=False, detail=f"waiting for Kafka at {self._broker.servers} ({why}); nothing is lost"
        )

    def _say(self, *, alive: bool, ready: bool, detail: str) -> None:
        self._health = Health(part=self.name, alive=alive, ready=ready, detail=detail)

    def _session(self, stop: threading.Event) -> None:
        """One membership of the group; books are built anew in each."""
        self._books = {}
        outbox = Outbox(self._broker)
        reader = Reader(self._broker, interrupted=stop.is_set)
        lanes, done = lanes_of(self._senders)
        consumer = self._consumer(reader)
        try:
            while not stop.is_set():
                busy = any(lane.busy is not None for lane in lanes.values())
                self._take(consumer, outbox, QUICK_LOOK_S if busy else LOOK_S)
                if stop.is_set():
                    break  # it may have cut the rebuilding of a book short
                self._collect(done, lanes, outbox)
                for partition, book in list(self._books.items()):
                    self._tick(partition, book, outbox)
                self._give(lanes, outbox)
                if outbox.error is not None:
                    raise RetryableError(f"Kafka did not take what was noted ({outbox.error})", retry_after_s=1.0)
                self._describe()
        finally:
            for lane in lanes.values():
                lane.end()
            outbox.flush(1.0)
            leave(consumer, hurry=stop.is_set())
            reader.close()

    # Reading

    def _consumer(self, reader: Reader) -> Consumer:
        consumer = member(self._broker, self._settings)

        def assigned(_: Consumer, places: list[TopicPartition]) -> None:
            self._books.update(self._rebuilt(reader, {place.partition for place in places}))
            log.info("assigned", partitions=sorted(self._books))

        def revoked(_: Consumer, places: list[TopicPartition]) -> None:
            for place in places:
                self._books.pop(place.partition, None)

        consumer.subscribe([ALERTS.name, FEEDBACK.name], on_assign=assigned, on_revoke=revoked, on_lost=revoked)
        return consumer

    def _rebuilt(self, reader: Reader, partitions: set[int]) -> dict[int, Book]:
        """The books of partitions from their topics; of alerts, which come last, only those that matter are kept."""
        books = {partition: Book() for partition in partitions}
        for names in (HISTORY[:-1], HISTORY[-1:]):
            for item in reader.read({Place(name, partition): 0 for name in names for partition in partitions}):
                if isinstance(item, Record):
                    self._apply(books[item.partition], item.topic, item.value)
        return books

    def _apply(self, book: Book, topic: str, value: bytes | None) -> Alert | None:
        """Take a record into a book; an alert that is to be decided on is returned. Bytes that are not ours, and
        workspaces that are not delivered, are passed over."""
        try:
            record = decode(BY_NAME[topic].type, value or b"")
        except DecodeError as error:
            log.warning("unreadable", topic=topic, reason=str(error)[:200])
            return None
        if isinstance(record, Delivery):
            book.take_step(record)
        elif isinstance(record, Feedback):
            book.take_word(record)
        elif isinstance(record, Alert) and self._delivers(record.workspace):
            book.take_alert(record)
            return record
        return None

    def _delivers(self, workspace: str) -> bool:
        """Whether a workspace's alerts go out: one that is ours, alerts at all, and is live or asked for."""
        known = self._workspaces.get(workspace)
        return known is not None and known.alerts and (known.progress == "clock" or self._settings.replays)

    def _take(self, consumer: Consumer, outbox: Outbox, look_s: float) -> None:
        """Queue what new alerts make, then commit their offsets."""
        messages = [one for one in consumer.consume(AT_ONCE, timeout=look_s) if is_record(one)]
        if self._stop.is_set():
            return
        following: dict[tuple[str, int], int] = {}
        for message in messages:
            topic, partition, offset = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
            book = self._books.get(partition)
            if book is None:
                continue
            alert = self._apply(book, topic, message.value())
            if alert is not None:
                self._write(partition, book, self._decided(book, alert), outbox)
            following[(topic, partition)] = offset + 1
        if following:
            self._commit(consumer, outbox, following)

    def _decided(self, book: Book, alert: Alert) -> list[Delivery]:
        live = self._workspaces[alert.workspace].progress == "clock"
        max_age = timedelta(hours=self._settings.max_age_h) if live else None
        return post.decide(book, self._routing, alert, self._now(), max_age=max_age)

    def _commit(self, consumer: Consumer, outbox: Outbox, following: Mapping[tuple[str, int], int]) -> None:
        if not self._flushed(outbox):
            raise RetryableError("Kafka did not take what was queued in time", retry_after_s=1.0)
        self._at("queued")
        places = [TopicPartition(topic, partition, offset) for (topic, partition), offset in following.items()]
        try:
            consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            # Whoever has the partitions now reads the alerts again, and finds their messages queued.
            log.warning("commit_failed", reason=str(error))

    def _flushed(self, outbox: Outbox) -> bool:
        """Wait for the broker's word, in short steps: asked to stop, we stop."""
        for _ in range(int(FLUSH_S / FLUSH_STEP_S)):
            if outbox.flush(FLUSH_STEP_S):
                return True
            if self._stop.is_set() or outbox.error is not None:
                return False
        return False

    def _write(self, partition: int, book: Book, steps: Iterable[Delivery], outbox: Outbox) -> None:
        """Write each step and take it into the book at once, so that the next one is decided in its knowledge."""
        for step in steps:
            outbox.write(DELIVERIES.name, partition, step.workspace.encode(), encode(step))
            book.take_step(step)
            meters.DELIVERIES.labels(step.channel, step.status).inc()
            log.info("delivery", **_logged(step))

    # Sending

    def _tick(self, partition: int, book: Book, outbox: Outbox) -> None:
        now = self._now()
        self._write(partition, book, post.overdue(book, self._routing, now), outbox)
        self._write(partition, book, list(post.released(book, now)), outbox)

    def _give(self, lanes: Mapping[str, Any], outbox: Outbox) -> None:
        """Give every idle channel its next message."""
        now = self._now()
        for name, lane in lanes.items():
            if lane.busy is not None or now < self._paused.get(name, (0, now))[1]:
                continue
            for partition, book in self._books.items():
                waiting = post.next_for(book, name, now)
                notice = post.notice_of(book, waiting.last) if waiting is not None else None
                if waiting is not None and notice is not None:
                    self._at("given")
                    lane.give(waiting.last.delivery_id, compose(notice, self._routing, self._head))
                    break
                if waiting is not None:
                    gone = next_step(
                        waiting.last, status="given_up", at=now, reason="its alert is no longer on the topic"
                    )
                    self._write(partition, book, [gone], outbox)

    def _collect(self, done: queue.SimpleQueue[Tried], lanes: Mapping[str, Any], outbox: Outbox) -> None:
        """Note how attempts ended."""
        while not done.empty():
            tried = done.get()
            channel = next(name for name, lane in lanes.items() if lane.busy == tried.delivery_id)
            lanes[channel].busy = None
            if not tried.reason:
                self._at("taken")
            self._pause(channel, tried)
            for partition, book in self._books.items():
                waiting = book.waiting.get(tried.delivery_id)
                if waiting is not None:
                    step = post.noted(waiting, tried, self._settings, self._now())
                    self._write(partition, book, [step], outbox)

    def _pause(self, channel: str, tried: Tried) -> None:
        """A channel that is down is left alone, longer each time; one that refuses a single message is not down."""
        failures, _ = self._paused.get(channel, (0, self._now()))
        if not tried.outage:
            self._paused.pop(channel, None)
            return
        pause_s = max(post.pause_s(failures + 1, self._settings), tried.wait_s)
        self._paused[channel] = (failures + 1, self._now() + timedelta(seconds=pause_s))

    def _describe(self) -> None:
        waiting = sum(len(book.waiting) for book in self._books.values())
        meters.UNDELIVERED.set(waiting)
        down = ", ".join(sorted(self._paused))
        detail = f"{waiting} message(s) wait" if waiting else "everything is delivered"
        if not self._books:
            detail = "waiting for partitions: other couriers have them all, or Kafka has not given any yet"
        self._say(alive=True, ready=bool(self._books), detail=detail + (f"; not answering: {down}" if down else ""))


def _logged(step: Delivery) -> dict[str, object]:
    names = ("workspace", "key", "channel", "event", "status", "attempt", "reason")
    return {("what" if name == "event" else name): getattr(step, name) for name in names}


__all__ = ["Courier", "Routing"]
