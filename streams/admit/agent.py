"""The admit part: moves bytes between Kafka and the step, exactly once. No decision about an event is made here."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from confluent_kafka import Consumer, TopicPartition

from schemas.aside import beside
from schemas.broker import Broker, leave
from schemas.catalog import RAW_TOPICS
from schemas.errors import FatalError, RetryableError
from schemas.health import Health
from schemas.workspace import Workspace
from streams.admit import meters
from streams.admit.assignment import Assignment, Committed
from streams.admit.ceiling import Ceiling
from streams.admit.compiled import step
from streams.admit.gathering import Gathering, group_member
from streams.admit.heap import give_back, keep_little
from streams.admit.marks import Clock
from streams.admit.places import require_room
from streams.admit.settings import AdmitSettings
from streams.admit.state import Admitted, Batch
from streams.admit.step import admit
from streams.admit.transaction import BatchLostError, Transactions, membership
from streams.reader import Place
from streams.topics import counts_by_asking
from streams.turns import Turns

log = structlog.get_logger("whence.admit")
_COLLECT_AFTER = 100_000
_LAG_EVERY_S = 5.0
_ANSWER_S = 5.0
_LONGEST_PAUSE_S = 30.0
_MANY_BYTES = 4_000_000
_GIVE_BACK_AFTER = 50_000


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
                why = reason.advised if isinstance(reason, RetryableError) else str(reason)
                pause_s = self._wait(stop, why, pause_s)
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
        # The client's calls cannot be interrupted; who stops need not wait for them.
        ask = partial(counts_by_asking, broker, RAW_TOPICS, timeout_s=_ANSWER_S)
        partitions = beside(ask, stop, patience_s=0.0, asked="The broker", name="admit-topics")
        self._ceiling = Ceiling(letters_per_minute=settings.letters_per_minute, share=settings.letter_share)
        self._transactions = Transactions(broker, settings, part._at, stop.is_set)
        self._clock = Clock(broker, settings, part._workspaces)
        self._consumer = group_member(broker, settings)
        self._turns = Turns(self._consumer)
        self._gathering = Gathering(self._consumer, self._turns, settings)
        self._nobody = self._consumer.consumer_group_metadata()
        self._assignment = Assignment(
            broker,
            settings,
            part._workspaces,
            partitions,
            kept=part._kept,
            interrupted=stop.is_set,
        )
        self._sent: list[TopicPartition] = []
        self._lag_due_s = 0.0
        self._taken = 0

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
        batches = self._gathering.by_place(self._gathering.next(), self._assignment.states)
        if self._stop.is_set():
            return  # it may have cut the rebuilding of a partition short
        self._turns.settle(self._assignment.states, time.monotonic())
        group = membership(self._consumer, self._nobody) if batches else None
        self._tell()
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

    def _admit(self, place: Place, batch: Batch) -> Admitted:
        states = self._assignment.states
        states[place], out = admit(states[place], batch)
        self._assignment.next[place] = batch[-1].offset + 1
        return out

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        with self._gathering.held():
            self._part._at("assigned")
            consumer.incremental_assign(self._assignment.take(consumer, partitions))
            places = [Place(p.topic, p.partition) for p in partitions]
            self._gathering.came(places)
            self._turns.forget(places)
            self._part._at("rebuilt")
            log.info("assigned", partitions=[f"{p.topic}/{p.partition}" for p in partitions])

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # What is on its way belongs to the old generation and must be through before others may begin.
        with self._gathering.held():
            self._settle()
        self._assignment.drop(partitions)
        self._turns.forget([Place(p.topic, p.partition) for p in partitions])
        consumer.incremental_unassign(partitions)
        self._part._at("revoked")
        log.info("revoked", partitions=[f"{p.topic}/{p.partition}" for p in partitions])

    def _tell(self) -> None:
        now_s = self._part._clock()
        self._clock.tell(self._assignment.states, now_s)
        if now_s >= self._lag_due_s:
            self._lag_due_s = now_s + _LAG_EVERY_S
            self._measure()

    def _measure(self) -> None:
        behind = 0
        for place, offset in self._assignment.next.items():
            high = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
            lag = max(0, high[1] - offset) if high is not None and high[1] >= 0 else 0
            meters.LAG.labels("admit", place.topic, place.partition).set(lag)
            behind += lag
        count = len(self._assignment.states)
        self._part.say(f"Admit works on {count} partitions and is {behind} messages behind.", ready=count > 0)

    def _close(self) -> None:
        self._transactions.close()
        self._clock.close()
        leave(self._consumer, hurry=self._stop.is_set())


def _count(place: Place, out: Admitted) -> None:
    meters.ADMITTED.labels(place.topic).inc(out.counters.admitted)
    meters.REPEATS.labels(place.topic).inc(out.counters.repeats)
    for workspace, late in out.counters.late.items():
        meters.LATE.labels(workspace).inc(late)
    for letter in out.letters:
        meters.DEAD_LETTERED.labels(place.topic, letter.reason).inc()
