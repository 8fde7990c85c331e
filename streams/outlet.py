"""Where a runner's outputs go: each once, in order, and what it could not read to the dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

import msgspec
import structlog

from schemas.catalog import BY_NAME, DEAD_LETTERS
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.errors import FatalError
from schemas.spike import Expectation
from streams import meters
from streams.ledger import Head, series_of
from streams.progress import Progress
from streams.reader import Delivery
from streams.stage import Outputs
from streams.told import Word

log = structlog.get_logger("whence.agents")


class Sink(Protocol):
    """Where outputs go, in order."""

    def write(self, topic: str, partition: int | None, key: bytes, value: bytes) -> None: ...


def write(progress: Progress, sink: Sink, stage: str, partition: int, outputs: Outputs) -> None:
    """Write what is not yet written.

    Raises:
        FatalError: the stage has left out a number, or given one twice.
    """
    for topic, record in outputs:
        series = series_of(topic.name, record)
        if progress.emitted.verdict(series, record.seq) != "next":
            raise FatalError(
                f"The stage {stage} wrote record {record.seq} after {progress.emitted.last(series)} on "
                f"{topic.name} for workspace {record.workspace}",
                remedy="This is a fault in Whence: report it",
            )
        progress.emitted.enter(series, record.seq)
        if isinstance(record, Expectation):
            meters.WATERMARK.labels(record.workspace, stage).set(record.until.timestamp())
        late = record.workspace in progress.told.late
        going_on = progress.told.retold(series, record) if late else record
        if going_on is None or progress.written.verdict(series, going_on.seq) == "repeat":
            continue
        sink.write(topic.name, partition, record.workspace.encode(), encode(going_on))
        progress.written.enter(series, going_on.seq)


def note_written(progress: Progress, item: Delivery, *, cut: bool, hear: bool) -> None:
    """Take in an output that lies on its topic.

    Only what is complete counts as written: after a hole everything is written again. ``cut`` says that retention has
    taken the beginning of the topic: what came before its first record was written. ``hear``: what it says may be needed.
    """
    try:
        head: Head = decode(Word if hear else Head, item.value or b"")
    except msgspec.DecodeError:
        return
    series = series_of(item.topic, head)
    if isinstance(head, Word):
        progress.told.hear(series, head)
    if cut and progress.written.last(series) == 0:
        progress.written.jump(series, head.seq)
    if progress.written.verdict(series, head.seq) == "next":
        progress.written.enter(series, head.seq)


def refuse(sink: Sink, stage: str, item: Delivery, error: msgspec.DecodeError) -> None:
    """Somebody else's bytes do not stop us. If it was a record of ours, its ``seq`` is missing from now on, and that
    does."""
    letter = DeadLetter(
        letter_id=f"{item.topic}/{item.partition}/{item.offset}",
        stage=stage,
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
    sink.write(DEAD_LETTERS.name, None, letter.letter_id.encode(), encode(letter))
