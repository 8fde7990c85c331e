"""The admit part: moves bytes between Kafka and the step, exactly once. No decision about an event is made here."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.broker import Broker, client_config, leave
from schemas.catalog import RAW_TOPICS
from schemas.errors import FatalError, RetryableError
from schemas.health import Health
from schemas.workspace import Workspace
from streams.admit import meters
from streams.admit.assignment import Assignment, Committed
from streams.admit.ceiling import Ceiling
from streams.admit.compiled import step
from streams.admit.heap import give_back, keep_little
from streams.admit.marks import Clock
from streams.admit.places import require_room
from streams.admit.settings import AdmitSettings
from streams.admit.state import Admitted, Batch
from streams.admit.step import admit
from streams.admit.transaction import BatchLostError, Transactions, membership
from streams.reader import Place
from streams.turns import Turns

log = structlog.get_logger("whence.admit")
_LOGGER = logging.getLogger("whence.broker")
_POLL_S = 0.25
_COLLECT_AFTER = 100_000
_LAG_EVERY_S = 5.0
_ANSWER_S = 1.0
_LONGEST_PAUSE_S = 30.0
_MANY_BYTES = 4_000_000
_GIVE_BACK_AFTER = 50_000


_SECOND = itemgetter(1)


def _nothing(moment: str) -> None:
    del moment


class Admit:
    """Admit as a part: consumes the raw topics in a group, commits outputs and offsets together.

    ``clock`` gives seconds since 1970. ``at`` is called with the name of each moment that a test may want to die at:
    ``assigned``, ``rebuilt``, ``produced``, ``before_commit``, ``after_commit``, ``revoked``.

    Raises:
        FatalError: more workspaces than fit into the metadata of an offset.
    """

    name = "admit"

    def __init__(
        self,
        broker: Broker,
        settings: AdmitSettings,
        workspaces: Sequence[Workspace],
        *,
        clock: Callable[[], float] = time.time,
        at: Callable[[str], None] = _nothing,
    ) -> None:
        self._broker, self._settings, self._workspaces = broker, settings, tuple(workspaces)
        require_room(self._workspaces, settings.metadata_bytes)
        self._clock, self._at = clock, at
        self._kept: dict[Place, Committed] = {}
        self._health = Health(part=self.name, alive=True, ready=False, detail="Admit has not started.")

    def health(self) -> Health:
        """What admit says of itself."""
        return self._health

    def run(self, stop: threading.Event) -> None:
        """Admit until ``stop``; sessions end and begin anew where Kafka makes them.

        Raises:
            FatalError: a person has to act.
        """
        # Admit makes millions of short-lived objects, none of them in cycles: looking for cycles as often as Python
        # does by default takes a fifth of the time.
        gc.set_threshold(max(_COLLECT_AFTER, gc.get_threshold()[0]), 50, 50)
        keep_little()
        log.info("admit_way", compiled=step() is not None)
        pause_s = 1.0
        while not stop.is_set():
            try:
                _Session(self, stop).run()
            except (RetryableError, BatchLostError) as reason:
                pause_s = self._wait(stop, str(reason), pause_s)
            except FatalError as error:
                self.say(str(error), alive=False, ready=False)
                raise
            else:
                pause_s = 1.0
        self.say("Admit was stopped.", ready=False)

    def _wait(self, stop: threading.Event, reason: str, pause_s: float) -> float:
        log.warning("admit_begins_anew", reason=reason, after_s=pause_s)
        self.say(f"Admit begins anew in {pause_s:g} s: {reason}.", ready=False)
        stop.wait(pause_s)
        return min(2 * pause_s, _LONGEST_PAUSE_S)

    def say(self, detail: str, *, ready: bool, alive: bool = True) -> None:
        """Set what :meth:`health` tells."""
        self._health = Health(part=self.name, alive=alive, ready=ready, detail=detail)


class _Session:
    """From joining the group to leaving it, or to an aborted transaction."""

    def __init__(self, part: Admit, stop: threading.Event) -> None:
        self._part, self._stop = part, stop
        broker, settings = part._broker, part._settings
        self._settings = settings
        self._ceiling = Ceiling(letters_per_minute=settings.letters_per_minute, share=settings.letter_share)
        self._transactions = Transactions(broker, settings, part._at, stop.is_set)
        self._clock = Clock(broker, settings, part._workspaces)
        self._consumer = Consumer(_consumer_config(broker, settings), logger=_LOGGER)
        self._turns = Turns(self._consumer)
        self._nobody = self._consumer.consumer_group_metadata()
        self._assignment = Assignment(
            broker,
            settings,
            part._workspaces,
            self._partitions(),
            kept=part._kept,
            interrupted=stop.is_set,
        )
        self._failure: Exception | None = None
        self._sent: list[TopicPartition] = []
        self._renewed: set[Place] = set()
        self._lag_due_s = 0.0
        self._taken = 0

    def _partitions(self) -> dict[str, int]:
        # Asking for a topic by name also makes it on the embedded broker, where a group that comes first would fail.
        try:
            return {
                topic.name: len(self._consumer.list_topics(topic.name, timeout=10.0).topics[topic.name].partitions)
                for topic in RAW_TOPICS
            }
        except KafkaException as error:
            servers = self._part._broker.servers
            raise RetryableError(
                f"no Kafka broker answers at {servers} ({error.args[0].str()})", retry_after_s=2.0
            ) from error

    def run(self) -> None:
        """Consume, admit and commit until stopped."""
        self._consumer.subscribe(
            [topic.name for topic in RAW_TOPICS],
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._revoked,
        )
        self._part.say("Admit waits for its partitions.", ready=False)
        try:
            while not self._stop.is_set():
                self._turn()
            self._settle()
        finally:
            self._close()

    def _turn(self) -> None:
        batches = self._by_place(self._next())
        if self._stop.is_set():
            return  # it may have cut the rebuilding of a partition short
        self._turns.settle(self._assignment.states, time.monotonic())
        group = membership(self._consumer, self._nobody) if batches else None
        self._tell(idle=not batches)
        if not batches:
            self._settle()
            return
        with meters.BATCH_S.time():
            outputs: dict[Place, Admitted] = {}
            for place, batch in batches.items():
                outputs[place] = self._admit(place, batch)
                if sum(len(frame) for _, frame in outputs[place].written_frames) > _MANY_BYTES:
                    # Frames of every leaf of every partition at once would be most of the memory that admit takes.
                    self._send(outputs, group)
                    outputs = {}
                    self._settle()  # lest the client hold these while the next are made
                    give_back()
            if outputs:
                self._send(outputs, group)
        self._taken += sum(map(len, batches.values()))
        if self._taken > _GIVE_BACK_AFTER:
            self._taken = 0
            give_back()

    def _send(self, outputs: dict[Place, Admitted], group: object) -> None:
        """Begin the transaction of some partitions' outputs, once the one before is through."""
        letters = [letter for out in outputs.values() for letter in out.letters]
        self._settle()
        read = sum(out.counters.read for out in outputs.values())
        self._ceiling.check(now_s=self._part._clock(), read=read, letters=letters)
        offsets = self._assignment.offsets(list(outputs))
        self._transactions.send(outputs, offsets, group)
        self._sent = offsets
        for place, out in outputs.items():
            _count(place, out)

    def _settle(self) -> None:
        """Wait for the transaction on its way, if there is one."""
        sent, self._sent = self._sent, []  # where it is lost, leaving the group must not take it for committed
        self._transactions.settle()
        self._assignment.keep(sent)
        if self._part._broker.embedded and sent:
            # It drops a transaction's offsets; who follows admit (a replay, doctor) asks for the group's.
            self._consumer.commit(offsets=sent, asynchronous=True)

    def _next(self) -> list[Message]:
        """Wait for one message, then gather what comes within ``batch_wait_s``."""
        first = self._consume(1, _POLL_S)
        if not first:
            return []
        self._renewed.clear()
        rest = self._consume(self._settings.batch_size - 1, self._settings.batch_wait_s)
        # A partition that went and came back meanwhile is read from what was committed on.
        messages = [message for message in first if _place(message) not in self._renewed] + rest
        errors = set(map(Message.error, messages))
        return messages if errors == {None} else [message for message in messages if self._is_message(message)]

    def _is_message(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._turns.end(_place(message), int(message.offset() or 0))
            return False
        if error.fatal():
            raise FatalError(
                f"The consumer cannot go on ({error.str()})", remedy="See Kafka's log, then start admit again"
            )
        log.warning("consumer_error", error=error.str())
        return False

    def _by_place(self, messages: Sequence[Message]) -> dict[Place, Batch]:
        """Messages by input partition; those of partitions that are no longer ours are somebody else's to admit."""
        stamps = map(_SECOND, map(Message.timestamp, messages))
        columns = (map(Message.offset, messages), stamps, map(Message.key, messages), map(Message.value, messages))
        whole: Batch = Batch(*map(tuple, columns))
        batches: dict[Place, Batch] = {}
        # The client hands over runs of one partition's messages.
        places = zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)
        first = 0
        for (topic, partition), run in groupby(places):
            end = first + len(list(run))
            place, batch = Place(str(topic), int(partition or 0)), whole[first:end]
            batches[place] = batches[place] + batch if place in batches else batch
            first = end
        ours = {place: batch for place, batch in batches.items() if place in self._assignment.states}
        for place, batch in ours.items():
            self._turns.read(place, len(batch), batch[0].timestamp_ms, batch[-1].timestamp_ms, batch[-1].offset + 1)
        return ours

    def _admit(self, place: Place, batch: Batch) -> Admitted:
        states = self._assignment.states
        states[place], out = admit(states[place], batch)
        self._assignment.next[place] = batch[-1].offset + 1
        return out

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        with self._held():
            self._part._at("assigned")
            consumer.incremental_assign(self._assignment.take(consumer, partitions))
            places = [Place(p.topic, p.partition) for p in partitions]
            self._renewed.update(places)
            self._turns.forget(places)
            self._part._at("rebuilt")
            log.info("assigned", partitions=[f"{p.topic}/{p.partition}" for p in partitions])

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Keep what goes wrong within a callback of the client, which would garble it, for after ``consume``."""
        try:
            yield
        except Exception as error:
            self._failure = error

    def _consume(self, count: int, timeout_s: float) -> list[Message]:
        messages = self._consumer.consume(count, timeout=timeout_s)
        if self._failure is not None:
            raise self._failure
        return messages

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # What is on its way belongs to the old generation and must be through before others may begin.
        with self._held():
            self._settle()
        self._assignment.drop(partitions)
        self._turns.forget([Place(p.topic, p.partition) for p in partitions])
        consumer.incremental_unassign(partitions)
        self._part._at("revoked")
        log.info("revoked", partitions=[f"{p.topic}/{p.partition}" for p in partitions])

    def _tell(self, *, idle: bool) -> None:
        now_s = self._part._clock()
        self._clock.tell(self._assignment.states, now_s)
        if now_s >= self._lag_due_s:
            self._lag_due_s = now_s + _LAG_EVERY_S
            self._measure(idle=idle)

    def _measure(self, *, idle: bool) -> None:
        behind = 0
        for place, offset in self._assignment.next.items():
            high = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
            lag = max(0, high[1] - offset) if high is not None and high[1] >= 0 else 0
            meters.LAG.labels("admit", place.topic, place.partition).set(lag)
            behind += lag
        count = len(self._assignment.states)
        if not idle or self._answered():
            self._part.say(f"Admit works on {count} partitions and is {behind} messages behind.", ready=count > 0)
        else:
            servers = self._part._broker.servers
            self._part.say(f"No Kafka broker answers at {servers}: start it. Admit goes on by itself.", ready=False)

    def _answered(self) -> bool:
        """Whether the broker is there: reading from one that is gone looks like reading what has no more messages."""
        try:
            self._consumer.list_topics(RAW_TOPICS[0].name, timeout=_ANSWER_S)
        except KafkaException:
            return False
        return True

    def _close(self) -> None:
        self._transactions.close()
        self._clock.close()
        leave(self._consumer, hurry=self._stop.is_set())


def _consumer_config(broker: Broker, settings: AdmitSettings) -> dict[str, Any]:
    return client_config(
        broker,
        group_id=settings.group,
        enable_auto_commit=False,
        enable_partition_eof=True,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        partition_assignment_strategy="cooperative-sticky",
        session_timeout_ms=settings.session_timeout_s * 1_000,
        heartbeat_interval_ms=1_000,
        max_poll_interval_ms=900_000,
        fetch_wait_max_ms=50,
        queued_min_messages=5_000,
        queued_max_messages_kbytes=4_096,
        fetch_message_max_bytes=1 << 20,
        fetch_queue_backoff_ms=50,
    )


def _place(message: Message) -> Place:
    return Place(str(message.topic()), int(message.partition() or 0))


def _count(place: Place, out: Admitted) -> None:
    meters.ADMITTED.labels(place.topic).inc(out.counters.admitted)
    meters.REPEATS.labels(place.topic).inc(out.counters.repeats)
    for workspace, late in out.counters.late.items():
        meters.LATE.labels(workspace).inc(late)
    for letter in out.letters:
        meters.DEAD_LETTERED.labels(place.topic, letter.reason).inc()
