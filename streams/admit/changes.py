"""Changes, populations and hunches taken one after another, into timeline entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from xxhash import xxh3_64_intdigest

from schemas.errors import RejectedEvent
from schemas.raw import Progress
from schemas.timeline import TimelineEntry
from streams.admit.buckets import EPOCH, Book
from streams.admit.cleaning import in_utc, redact_tree
from streams.admit.memory import prints
from streams.admit.opening import Opened
from streams.admit.reading import Opening, letter, read
from streams.admit.state import Admitted, PartitionState, RawMessage
from streams.admit.timeline import entry_of

_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_NAMES = ("event_id", "workspace", "change", "kind", "precision")


def take_changes(state: PartitionState, batch: Sequence[RawMessage], out: Admitted) -> None:
    """Apply a batch of a timeline topic, in the order of the log."""
    opening = read(state, batch)
    done = 0
    for aside in opening.asides:
        _take_all(state, batch, opening, (done, aside.place), out)
        done = aside.place
        if isinstance(aside.item, Progress):
            _mark(state, aside.item, out)
        else:
            out.letters.append(letter(state, batch[aside.message], aside.item.refusal, aside.item.workspace))
    _take_all(state, batch, opening, (done, len(opening.events)), out)


def _take_all(
    state: PartitionState, batch: Sequence[RawMessage], opening: Opening, part: tuple[int, int], out: Admitted
) -> None:
    for place in range(*part):
        event, message = opening.events[place], batch[opening.indexes[place]]
        try:
            _take(state, message, event, out)
        except RejectedEvent as refusal:
            out.letters.append(letter(state, message, refusal, event.workspace))


def _mark(state: PartitionState, mark: Progress, out: Admitted) -> None:
    book, until = state.books[mark.workspace], in_utc(mark.until)
    if until <= book.mark and (book.final or not mark.final):
        return
    book.mark = max(until, book.mark)
    book.final = mark.final
    book.advance(max(book.until, (book.mark - EPOCH) // book.width))
    out.timeline.append(_entry(state, book, final=mark.final))


def _take(state: PartitionState, message: RawMessage, event: Opened, out: Admitted) -> None:
    book = state.books[event.workspace]
    if message.offset < book.skip_before:
        return
    for name in event.__struct_fields__:
        if name not in _NAMES:
            setattr(event, name, redact_tree(getattr(event, name)))
    if _repeated(book, message.offset, event):
        out.counters.repeats += 1
        return
    out.timeline.append(_entry(state, book, event_id=event.event_id, **entry_of(state.topic.name, event)))
    out.counters.admitted += 1


def _repeated(book: Book, offset: int, event: Opened) -> bool:
    bucket = (event.occurred_at - EPOCH) // book.width
    key = np.array([xxh3_64_intdigest(event.event_id.encode())], np.uint64)
    content = prints(np.array([xxh3_64_intdigest(_ENCODE(event))], np.uint64))
    known = int(book.seen.find(key)[0])
    if known < 0:
        if bucket >= book.floor:
            book.remember(bucket, offset)
            book.seen.add(key, np.array([bucket]), content=content)
        return False
    if book.seen.columns["content"][known] == content[0]:
        return True
    book.outlive(book.seen, known, bucket, offset)
    raise RejectedEvent(
        "conflicting_repeat", field="event_id", value=event.event_id, allowed="the content first sent under this id"
    )


def _entry(state: PartitionState, book: Book, **rest: Any) -> TimelineEntry:
    book.seq += 1
    until: datetime = book.mark
    return TimelineEntry(
        workspace=book.workspace.name,
        origin=state.place.origin,
        seq=book.seq,
        inputs=state.place.inputs,
        until=until,
        **rest,
    )
