"""One stage over one partition, exact whatever delivers to it.

Whoever delivers may repeat, skip and reorder. A record is applied when its ``seq`` says that it is the next of
its series; a hole is read again from the topic first; what was never delivered is found by :meth:`Runner.check`.
The state is a function of the topics: after an assignment it is rebuilt from them, and an output whose ``seq``
is already on its topic is not written again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Protocol

import msgspec
import structlog

from schemas.base import Sequenced
from schemas.catalog import BY_NAME, DEAD_LETTERS, QUALITY, Topic
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.errors import FatalError
from schemas.raw import Feedback
from schemas.spike import Expectation
from schemas.workspace import Workspace
from streams import meters
from streams.ledger import Head, Ledger, Series, series_of
from streams.reader import Delivery, End, Place
from streams.stage import AnyStage, Outputs, Record

log = structlog.get_logger("whence.agents")
PATIENCE_S = 60.0


class Source(Protocol):
    """Where records are read again."""

    def read(self, starts: Mapping[Place, int]) -> Iterator[Delivery | End]: ...


class Sink(Protocol):
    """Where outputs go, in order."""

    def write(self, topic: str, partition: int | None, key: bytes, value: bytes) -> None: ...


class Hole(msgspec.Struct, frozen=True):
    """A record that came before its turn even in the topic: ``seq`` where ``expected`` should have been."""

    since_s: float
    offset: int
    expected: int
    seq: int


class Runner:
    """State and progress of one stage on one partition. Use it from one thread at a time.

    ``interrupted`` is asked between records: when it says yes, reading ends early and goes on from there later.
    """

    def __init__(
        self,
        stage: AnyStage,
        partition: int,
        workspaces: Mapping[str, Workspace],
        *,
        source: Source,
        sink: Sink,
        interrupted: Callable[[], bool] = lambda: False,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stage = stage
        self.partition = partition
        self._workspaces = workspaces
        self._source = source
        self._sink = sink
        self._interrupted = interrupted
        self._now_s = now_s
        self._states: dict[str, object] = {}
        self._applied = Ledger()
        self._written = Ledger()
        self._emitted = Ledger()
        self._complete_to = dict.fromkeys(self._places(stage.reads), 0)
        self._outputs_to = dict.fromkeys(self._places(stage.writes), 0)
        self._holes: dict[Series, Hole] = {}
        self._strangers: set[str] = set()

    def _places(self, topics: tuple[Topic, ...]) -> list[Place]:
        return [Place(topic.name, self.partition) for topic in topics]

    @property
    def places(self) -> list[Place]:
        """The partitions it reads."""
        return list(self._complete_to)

    @property
    def complete_to(self) -> dict[Place, int]:
        """Up to which offset, exclusive, everything has surely been applied, by partition read."""
        return dict(self._complete_to)

    def catch_up(self) -> None:
        """After an assignment: learn what is already written, then apply everything not yet applied.

        Raises:
            RetryableError: the broker does not answer; call again.
            FatalError: see :meth:`deliver`.
        """
        for item in self._source.read(dict(self._outputs_to)):
            if self._interrupted():
                return
            self._outputs_to[Place(item.topic, item.partition)] = item.offset + isinstance(item, Delivery)
            if isinstance(item, Delivery):
                self._note_written(item)
        self.read_on()

    def _note_written(self, item: Delivery) -> None:
        """Only what is complete counts as written: after a hole everything is written again."""
        try:
            head = decode(Head, item.value or b"")
        except msgspec.DecodeError:
            return
        series = series_of(item.topic, head)
        if self._written.verdict(series, head.seq) == "next":
            self._written.enter(series, head.seq)

    def read_on(self) -> None:
        """Apply everything on the topics that has not been applied, to their present ends.

        Raises:
            RetryableError, FatalError: as for :meth:`catch_up`.
        """
        for item in self._source.read(dict(self._complete_to)):
            if self._interrupted():
                return
            if isinstance(item, Delivery):
                self._apply(item, self._decoded(item))
            self._complete_to[Place(item.topic, item.partition)] = item.offset + isinstance(item, Delivery)

    def deliver(self, item: Delivery) -> None:
        """Take one message from an unreliable deliverer.

        Raises:
            RetryableError: a hole had to be read and the broker does not answer; deliver it again.
            FatalError: the stage could not apply a record, or contradicts itself.
        """
        place = Place(item.topic, item.partition)
        complete_to = self._complete_to[place]
        if item.offset < complete_to:
            meters.SKIPPED.labels(self.stage.name, item.topic).inc()
            return
        record = self._decoded(item)
        if self._follows_hole(item, record, complete_to):
            meters.REREAD.labels(self.stage.name, item.topic).inc()
            self.read_on()
            return
        self._apply(item, record)
        if item.offset == complete_to:
            self._complete_to[place] = item.offset + 1

    def _follows_hole(self, item: Delivery, record: Record | None, complete_to: int) -> bool:
        """Feedback has no ``seq``: there a jump of offsets is taken for a hole."""
        if isinstance(record, Sequenced) and item.topic != QUALITY.name:
            return self._applied.verdict(series_of(item.topic, record), record.seq) == "hole"
        return item.offset > complete_to

    def check(self, ends: Mapping[Place, int]) -> None:
        """Read what was skipped without anything later betraying it, and stop on a hole that stays.

        Args:
            ends: The present end of each partition this runner reads.

        Raises:
            RetryableError: as for :meth:`catch_up`.
            FatalError: a record is missing on a topic for longer than a writer's restart takes.
        """
        for place, complete_to in self._complete_to.items():
            lag = max(0, ends.get(place, 0) - complete_to)
            meters.LAG.labels(f"agents/{self.stage.name}", place.topic, str(place.partition)).set(lag)
        if any(ends.get(place, 0) > complete_to for place, complete_to in self._complete_to.items()):
            self.read_on()
        for series, hole in self._holes.items():
            if self._now_s() - hole.since_s > PATIENCE_S:
                raise FatalError(
                    f"{series.topic}/{self.partition} of workspace {series.workspace} from {series.origin} lacks the "
                    f"record {hole.expected}: at offset {hole.offset} comes {hole.seq}",
                    remedy="Was the topic cut by its retention, or written to by somebody else? Restore it, or replay "
                    "into a new workspace",
                )

    def _decoded(self, item: Delivery) -> Record | None:
        """The record, or nothing if it is none of ours or no business of this worker."""
        try:
            record = decode(BY_NAME[item.topic].type, item.value or b"")
        except msgspec.DecodeError as error:
            self._refuse(item, error)
            return None
        assert isinstance(record, Sequenced | Feedback)
        if record.workspace not in self._workspaces:
            self._pass_over(item, record.workspace)
            return None
        return record

    def _pass_over(self, item: Delivery, workspace: str) -> None:
        """Said once: on shared topics other workers may serve it."""
        if workspace not in self._strangers:
            self._strangers.add(workspace)
            log.warning(
                "unknown_workspace", workspace=workspace, stage=self.stage.name, topic=item.topic, offset=item.offset
            )

    def _refuse(self, item: Delivery, error: msgspec.DecodeError) -> None:
        """Somebody else's bytes do not stop us. If it was a record of ours, its ``seq`` is missing from now on, and
        that does."""
        letter = DeadLetter(
            letter_id=f"{item.topic}/{item.partition}/{item.offset}",
            stage=self.stage.name,
            topic=item.topic,
            partition=item.partition,
            offset=item.offset,
            at=datetime.fromtimestamp(max(item.timestamp_ms, 0) / 1000, UTC),
            reason="wrong_type" if isinstance(error, msgspec.ValidationError) else "not_json",
            allowed=f"a {BY_NAME[item.topic].type.__name__}",
            value=str(error)[:200],
            original=item.value or b"",
        )
        log.error("record_refused", place=letter.letter_id, stage=letter.stage, error=str(error))
        self._sink.write(DEAD_LETTERS.name, None, letter.letter_id.encode(), encode(letter))

    def _apply(self, item: Delivery, record: Record | None) -> None:
        if record is None:
            return
        if isinstance(record, Sequenced) and not self._enter(item, record):
            return
        self._write(self._step(item, record), record.workspace)
        meters.APPLIED.labels(self.stage.name, item.topic).inc()

    def _enter(self, item: Delivery, record: Sequenced) -> bool:
        """Whether it is the record's turn. Of checks of data quality, which are kept shorter than the rest, only the last
        ones count: there a hole is none."""
        series = series_of(item.topic, record)
        if item.topic == QUALITY.name:
            self._applied.jump(series, record.seq)
        verdict = self._applied.verdict(series, record.seq)
        if verdict == "next":
            self._applied.enter(series, record.seq)
            self._holes.pop(series, None)
        elif verdict == "repeat":
            meters.SKIPPED.labels(self.stage.name, item.topic).inc()
        elif series not in self._holes:
            hole = Hole(self._now_s(), item.offset, self._applied.last(series) + 1, record.seq)
            self._holes[series] = hole
            log.warning("hole", **series._asdict(), partition=self.partition, **msgspec.structs.asdict(hole))
        return verdict == "next"

    def _step(self, item: Delivery, record: Record) -> Outputs:
        name = record.workspace
        if name not in self._states:
            self._states[name] = self.stage.start(self._workspaces[name])
        try:
            self._states[name], outputs = self.stage.step(self._states[name], record)
        except Exception as error:
            raise FatalError(
                f"The stage {self.stage.name} could not apply {item.topic}/{item.partition}/{item.offset} of workspace "
                f"{name} ({type(error).__name__}: {error})",
                remedy="This is a fault in Whence: keep that message, report it, and start the stage again with the "
                "version that ran before",
            ) from error
        return outputs

    def _write(self, outputs: Outputs, workspace: str) -> None:
        for topic, record in outputs:
            series = series_of(topic.name, record)
            if self._emitted.verdict(series, record.seq) != "next":
                raise FatalError(
                    f"The stage {self.stage.name} wrote record {record.seq} after {self._emitted.last(series)} on "
                    f"{topic.name} for workspace {workspace}",
                    remedy="This is a fault in Whence: report it",
                )
            self._emitted.enter(series, record.seq)
            if isinstance(record, Expectation):
                meters.WATERMARK.labels(workspace, self.stage.name).set(record.until.timestamp())
            if self._written.verdict(series, record.seq) == "repeat":
                continue
            self._sink.write(topic.name, self.partition, workspace.encode(), encode(record))
            self._written.enter(series, record.seq)
