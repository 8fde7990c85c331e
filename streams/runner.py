"""One stage over one partition, exact whatever delivers to it.

Whoever delivers may repeat, skip and reorder. A record is applied when its ``seq`` says that it is the next of
its series; a hole is read again from the topic first; what was never delivered is found by :meth:`Runner.check`.
The state is a function of the topics: after an assignment it is rebuilt from them, wholly or from a checkpoint on, and
an output whose ``seq`` is already on its topic is not written again. Where retention has cut the beginning of a topic, it
begins at what is kept (:mod:`streams.told`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec
import structlog

from schemas.base import Sequenced
from schemas.catalog import BY_NAME, QUALITY, Topic
from schemas.codec import decode
from schemas.errors import FatalError
from schemas.raw import Feedback
from schemas.workspace import Workspace
from streams import meters
from streams.checkpoint import Shelf
from streams.frozen import FreezeError
from streams.holes import Hole, Holes
from streams.ledger import Series, series_of
from streams.outlet import Sink, note_written, refuse, write
from streams.progress import Progress
from streams.reader import Bounds, Delivery, Place
from streams.resume import Source, resumed, snapshot_of
from streams.stage import AnyStage, Outputs, Patient, Record
from streams.told import Told

log = structlog.get_logger("whence.agents")


class Runner:
    """State and progress of one stage on one partition. Use it from one thread at a time.

    ``interrupted`` is asked between records: when it says yes, reading ends early and goes on from there later.
    ``shelf`` is where it finds and keeps checkpoints, if anywhere.
    """

    def __init__(
        self,
        stage: AnyStage,
        partition: int,
        workspaces: Mapping[str, Workspace],
        *,
        source: Source,
        sink: Sink,
        shelf: Shelf | None = None,
        interrupted: Callable[[], bool] = lambda: False,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stage = stage
        self.partition = partition
        self.unkept = 0
        self._workspaces = workspaces
        self._source = source
        self._sink = sink
        self._shelf = shelf
        self._interrupted = interrupted
        self._now_s = now_s
        self._progress = self._none()
        self._bounds: dict[Place, Bounds] | None = None
        self._topics: dict[str, str] = {}
        self._beginning = True
        self._holes = Holes(partition)
        self._strangers: set[str] = set()

    def _none(self) -> Progress:
        return Progress(self._places(self.stage.reads), self._places(self.stage.writes))

    def _places(self, topics: tuple[Topic, ...]) -> list[Place]:
        return [Place(topic.name, self.partition) for topic in topics]

    @property
    def places(self) -> list[Place]:
        """The partitions it reads."""
        return list(self._progress.complete_to)

    @property
    def complete_to(self) -> dict[Place, int]:
        """Up to which offset, exclusive, everything has surely been applied, by partition read."""
        return dict(self._progress.complete_to)

    @property
    def late(self) -> list[str]:
        """Workspaces whose history begins where retention has cut it."""
        return sorted(self._progress.told.late)

    def catch_up(self) -> None:
        """After an assignment: take the newest checkpoint that fits, learn what is already written, then apply
        everything not yet applied.

        Raises:
            RetryableError: the broker does not answer; call again.
            FatalError: see :meth:`deliver`.
        """
        if self._bounds is None and not self._begin():
            return
        if not self._learn_written():
            return
        self.read_on()
        if self._beginning and not self._interrupted():
            self._beginning = False
            self._let_go()
            if not self.late:
                self._progress.told = Told()

    def _let_go(self) -> None:
        """Of workspaces that begin late nothing is waited for that retention has taken."""
        if not isinstance(self.stage, Patient) or self._bounds is None:
            return
        cut = {place.topic for place in self.places if self._bounds[place].low > 0}
        for name in self.late:
            self._progress.states[name], outputs = self.stage.let_go(self._progress.states[name], cut)
            write(self._progress, self._sink, self.stage.name, self.partition, outputs)

    def _begin(self) -> bool:
        """Find out what the topics hold, and go on from a checkpoint if one fits; False when interrupted."""
        places = [*self._progress.complete_to, *self._progress.outputs_to]
        bounds = self._source.bounds(places)
        topics = self._source.identities({place.topic for place in places}) if self._shelf is not None else {}
        modules = (type(self.stage).__module__,)
        for snapshot in self._shelf.candidates() if self._shelf is not None else ():
            found = resumed(snapshot, self._none(), self._source, bounds=bounds, topics=topics, modules=modules)
            if found is None:
                return False
            if isinstance(found, Progress):
                self._progress, self._beginning = found, False
                log.info("checkpoint_used", stage=self.stage.name, partition=self.partition, made_s=snapshot.made_s)
                break
            log.warning("checkpoint_ignored", stage=self.stage.name, partition=self.partition, why=found.why)
        self._bounds, self._topics = bounds, topics
        return True

    def keep(self) -> bool:
        """Keep a checkpoint, if there is where to; whether it was written. Everything handed to the sink must have been
        acknowledged.

        Raises:
            RetryableError: the broker does not answer.
        """
        if self._shelf is None or self._bounds is None or self._beginning or self._holes:
            return False
        self._learn_written()
        made_s, fingerprint = self._shelf.now_s(), self._shelf.fingerprint
        try:
            snapshot = snapshot_of(self._progress, fingerprint=fingerprint, made_s=made_s, topics=self._topics)
        except FreezeError as error:
            log.error("checkpoint_impossible", stage=self.stage.name, why=str(error))
            return False
        kept = self._shelf.keep(snapshot)
        if kept:
            self.unkept = 0
            meters.CHECKPOINT.labels(self.stage.name, str(self.partition)).set(snapshot.made_s)
        return kept

    def _learn_written(self) -> bool:
        """Read what lies on the output topics beyond what was read before; False when interrupted."""
        for item in self._source.read(dict(self._progress.outputs_to)):
            if self._interrupted():
                return False
            self._progress.passed(self._progress.outputs_to, item)
            if isinstance(item, Delivery):
                note_written(self._progress, item, cut=self._beginning and self._low(item) > 0, hear=self._maybe_late)
        return not self._interrupted()

    @property
    def _maybe_late(self) -> bool:
        """Whether the history may turn out to begin where retention has cut it."""
        return self._beginning and any(bounds.low > 0 for bounds in (self._bounds or {}).values())

    def _low(self, item: Delivery) -> int:
        """The first offset that the item's partition kept at the beginning."""
        return self._bounds[Place(item.topic, item.partition)].low if self._bounds is not None else 0

    def read_on(self) -> None:
        """Apply everything on the topics that has not been applied, to their present ends.

        Raises:
            RetryableError, FatalError: as for :meth:`catch_up`.
        """
        for item in self._source.read(self.complete_to):
            if self._interrupted():
                return
            if isinstance(item, Delivery):
                self._apply(item, self._decoded(item))
            self._progress.passed(self._progress.complete_to, item)

    def deliver(self, item: Delivery) -> None:
        """Take one message from an unreliable deliverer.

        Raises:
            RetryableError: a hole had to be read and the broker does not answer; deliver it again.
            FatalError: the stage could not apply a record, or contradicts itself.
        """
        place = Place(item.topic, item.partition)
        complete_to = self._progress.complete_to[place]
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
            self._progress.passed(self._progress.complete_to, item)

    def _follows_hole(self, item: Delivery, record: Record | None, complete_to: int) -> bool:
        """Feedback has no ``seq``: there a jump of offsets is taken for a hole."""
        if isinstance(record, Sequenced) and item.topic != QUALITY.name:
            return self._progress.applied.verdict(series_of(item.topic, record), record.seq) == "hole"
        return item.offset > complete_to

    def check(self, ends: Mapping[Place, int]) -> None:
        """Read what was skipped without anything later betraying it, and stop on a hole that stays.

        Args:
            ends: The present end of each partition this runner reads.

        Raises:
            RetryableError: as for :meth:`catch_up`.
            FatalError: a record is missing on a topic for longer than a writer's restart takes.
        """
        for place, complete_to in self._progress.complete_to.items():
            lag = max(0, ends.get(place, 0) - complete_to)
            meters.LAG.labels(f"agents/{self.stage.name}", place.topic, str(place.partition)).set(lag)
        if any(ends.get(place, 0) > complete_to for place, complete_to in self._progress.complete_to.items()):
            self.read_on()
        self._holes.stop_on_one_that_stays(self._now_s())

    def _decoded(self, item: Delivery) -> Record | None:
        """The record, or nothing if it is none of ours or no business of this worker."""
        try:
            record = decode(BY_NAME[item.topic].type, item.value or b"")
        except msgspec.DecodeError as error:
            refuse(self._sink, self.stage.name, item, error)
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

    def _apply(self, item: Delivery, record: Record | None) -> None:
        if record is None:
            return
        if isinstance(record, Sequenced) and not self._enter(item, record):
            return
        write(self._progress, self._sink, self.stage.name, self.partition, self._step(item, record))
        self.unkept += 1
        meters.APPLIED.labels(self.stage.name, item.topic).inc()

    def _enter(self, item: Delivery, record: Sequenced) -> bool:
        """Whether it is the record's turn. Of checks of data quality, which are kept shorter than the rest, only the last
        ones count: there a hole is none."""
        series = series_of(item.topic, record)
        if item.topic == QUALITY.name:
            self._progress.applied.jump(series, record.seq)
        verdict = self._progress.applied.verdict(series, record.seq)
        if verdict == "hole" and self._begins_late(item, series):
            verdict = "next"
            self._progress.applied.jump(series, record.seq)
        if verdict == "next":
            self._progress.applied.enter(series, record.seq)
            self._holes.fill(series)
        elif verdict == "repeat":
            meters.SKIPPED.labels(self.stage.name, item.topic).inc()
        else:
            expected = self._progress.applied.last(series) + 1
            self._holes.note(series, Hole(self._now_s(), item.offset, expected, record.seq))
        return verdict == "next"

    def _begins_late(self, item: Delivery, series: Series) -> bool:
        """Whether retention has cut what came before the first record of a series: then this one is its beginning.

        What is applied has been read in order, so nothing before it was merely skipped in delivery. A series that comes
        only later changes nothing in how outputs are counted.
        """
        if self._low(item) == 0 or self._progress.applied.last(series) > 0:
            return False
        if self._beginning:
            self._progress.begin_late(series.workspace)
        log.warning("history_cut", **series._asdict(), partition=self.partition, offset=item.offset)
        meters.CUT.labels(self.stage.name, item.topic, str(self.partition)).inc()
        return True

    def _step(self, item: Delivery, record: Record) -> Outputs:
        name = record.workspace
        if name not in self._progress.states:
            self._progress.states[name] = self.stage.start(self._workspaces[name])
        try:
            self._progress.states[name], outputs = self.stage.step(self._progress.states[name], record)
        except Exception as error:
            raise FatalError(
                f"The stage {self.stage.name} could not apply {item.topic}/{item.partition}/{item.offset} of workspace "
                f"{name} ({type(error).__name__}: {error})",
                remedy="This is a fault in Whence: keep that message, report it, and start the stage again with the "
                "version that ran before",
            ) from error
        return outputs
