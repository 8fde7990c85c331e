"""What a record becomes in the store: rows per table, each a tuple in the order of the table's written columns.

Contacts are not here: ClickHouse reads their JSON itself (``CONTACT_READING``), five times as fast as by tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import xxhash
from msgspec import Struct

from schemas import catalog
from schemas.alert import Alert
from schemas.attribution import Attribution, Candidate, Impact
from schemas.dead_letter import DeadLetter
from schemas.delivery import Delivery
from schemas.frame import Frame, Signs
from schemas.quality import QualityResult
from schemas.raw import Feedback
from schemas.slices import slice_text
from schemas.spike import Expectation, Spike
from schemas.timeline import Change, TimelineEntry
from sinks.declare import DIMENSIONS

Row = tuple[Any, ...]
Rows = Iterator[tuple[str, Row]]

CONTACT_READING = {
    "date_time_input_format": "best_effort",
    "input_format_skip_unknown_fields": 1,
    "input_format_null_as_default": 1,
    "input_format_json_read_objects_as_strings": 1,
    "input_format_json_read_arrays_as_strings": 1,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_OFFSETS = 1 << 20


def row_version(written_ms: int, offset: int) -> int:
    """The version of a row from the broker's time of its record and its offset: later written is higher.

    >>> row_version(1_000, 7) < row_version(1_000, 8) < row_version(1_001, 0)
    True
    """
    return max(written_ms, 0) * _OFFSETS + offset % _OFFSETS


def millis(at: datetime) -> int:
    """Milliseconds since 1970.

    >>> millis(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    return (at - _EPOCH) // _MILLISECOND


def maybe_millis(at: datetime | None) -> int | None:
    """Milliseconds since 1970 of a moment that may be missing."""
    return None if at is None else millis(at)


def rows(topic: catalog.Topic, record: Struct, version: int) -> Rows:
    """The rows of one record, with their tables' names; those that others point to come last.

    Raises:
        KeyError: nothing of this topic is sunk by rows.
    """
    return _MAKERS[topic.name](record, version)


@lru_cache(maxsize=65_536)
def _leaf(dimensions: tuple[str, ...], values: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """The id of a leaf and its values as the nine columns; empty where the workspace does not watch one."""
    at = dict(zip(dimensions, values, strict=True))
    columns = tuple(at.get(name, "") for name in DIMENSIONS)
    return xxhash.xxh3_64_intdigest("\x1f".join(columns).encode()), columns


def _progress(record: Frame | TimelineEntry | Expectation, topic: catalog.Topic, version: int) -> tuple[str, Row]:
    stream = "" if isinstance(record, TimelineEntry) else record.stream
    until = millis(record.until)
    return "progress", (record.workspace, topic.name, stream, record.origin, until, record.final, record.seq, version)


def _frame(frame: Frame, version: int) -> Rows:
    start = millis(frame.bucket_start)
    for values, contacts in zip(frame.leaves, frame.counts, strict=True):
        leaf_id, columns = _leaf(frame.dimensions, values)
        yield (
            "counts",
            (frame.workspace, frame.stream, start, frame.origin, leaf_id, frame.bucket_s, *columns, contacts, version),
        )
    if frame.counts or frame.signs != Signs():
        yield "frames", _frame_row(frame, start, version)
    yield _progress(frame, catalog.FRAMES, version)


def _frame_row(frame: Frame, start: int, version: int) -> Row:
    signs = frame.signs
    return (
        *(frame.workspace, frame.stream, start, frame.origin, millis(frame.until), frame.part),
        *(frame.bucket_s, frame.parts, frame.seq, sum(frame.counts), len(frame.leaves), frame.handle_s, frame.handled),
        *(signs.repeats, signs.late, signs.top_customer, signs.same_text, signs.backfilled, signs.missing),
        version,
    )


def _timeline(entry: TimelineEntry, version: int) -> Rows:
    if entry.change is not None:
        yield "changes", _change_row(entry, entry.change, version)
    if entry.population is not None:
        one = entry.population
        text = slice_text(one.slice)
        yield (
            "populations",
            (entry.workspace, millis(one.at), text, entry.event_id, dict(one.slice), one.customers, version),
        )
    if entry.hunch is not None:
        hunch = entry.hunch
        yield "hunches", (entry.workspace, millis(hunch.at), entry.event_id, hunch.about, hunch.text, version)
    yield _progress(entry, catalog.TIMELINE, version)


def _change_row(entry: TimelineEntry, one: Change, version: int) -> Row:
    scope = one.scope
    return (
        *(entry.workspace, one.key, millis(one.recorded_at), entry.event_id, one.kind, millis(one.starts_at)),
        *(maybe_millis(one.ends_at), maybe_millis(one.announced_at), one.precision, millis(one.available_at)),
        *(scope.products, scope.platforms, scope.versions, scope.regions, scope.segments),
        *([millis(step.at) for step in one.rollout], [step.share for step in one.rollout]),
        *(one.fixes, one.code, one.claims, one.owner, one.title, one.text, maybe_millis(one.planned_at)),
        *(maybe_millis(one.support_briefed_at), one.expected_contacts, one.audience_size, one.control_share),
        *(one.channels, one.macro, one.article, entry.origin, entry.seq, version),
    )


def _spike(spike: Spike, version: int) -> Rows:
    yield (
        "spikes",
        (
            *(spike.workspace, spike.spike_id, spike.revision, spike.stream, spike.state, slice_text(spike.slice)),
            *(dict(spike.slice), spike.bucket_s, millis(spike.opened_at), millis(spike.as_of), millis(spike.onset)),
            *(millis(spike.onset_low), millis(spike.onset_high), maybe_millis(spike.end)),
            *(spike.expected, spike.observed, spike.excess, spike.excess_low, spike.excess_high, spike.surprise),
            *(spike.window_s, spike.budget_per_week, spike.merged_into, spike.seq, version),
        ),
    )


def _expectation(one: Expectation, version: int) -> Rows:
    start = millis(one.bucket_start)
    for band in one.bands:
        yield (
            "expectations",
            (
                *(one.workspace, one.stream, start, band.slice, one.bucket_s, band.observed),
                *(band.expected, band.low, band.high, one.gap, version),
            ),
        )
    judged = (one.workspace, one.stream, start, one.bucket_s, millis(one.until), one.gap, one.final, one.spike_seq)
    yield "judged", (*judged, one.seq, version)
    yield _progress(one, catalog.EXPECTATIONS, version)


def _attribution(one: Attribution, version: int) -> Rows:
    for rank, candidate in enumerate(one.candidates, start=1):
        yield "candidates", _candidate_row(one, rank, candidate, version)
    top = one.candidates[0]
    yield (
        "attributions",
        (
            *(one.workspace, one.spike_id, one.revision, millis(one.as_of), one.final, one.stream, one.state),
            *(slice_text(one.slice), dict(one.slice), millis(one.onset), millis(one.end), one.expected, one.observed),
            *(top.kind, top.key, top.title, top.owner, top.probability),
            *(top.excess, top.excess_low, top.excess_high, len(one.candidates), one.sentence),
            *_columns(one.terms, "term", "share_now", "share_usual"),
            [quote.event_id for quote in one.quotes],
            [millis(quote.occurred_at) for quote in one.quotes],
            [quote.text for quote in one.quotes],
            *(one.seq, version),
        ),
    )


def _candidate_row(one: Attribution, rank: int, candidate: Candidate, version: int) -> Row:
    return (
        *(one.workspace, one.spike_id, one.revision, rank, millis(one.as_of), candidate.kind, candidate.key),
        *(candidate.title, candidate.owner, candidate.probability),
        *(candidate.excess, candidate.excess_low, candidate.excess_high),
        *_columns(candidate.evidence, "line", "weight", "sentence", "numbers"),
        version,
    )


def _columns(records: Sequence[Struct], *names: str) -> Iterator[list[Any]]:
    """Parallel arrays of the named fields."""
    return ([getattr(one, name) for one in records] for name in names)


def _impact(one: Impact, version: int) -> Rows:
    yield (
        "impacts",
        (
            *(one.workspace, one.impact_id, one.revision, millis(one.as_of), one.state, one.kind, one.key, one.title),
            *(one.owner, one.probability, one.spikes, millis(one.first), millis(one.last), one.contacts),
            *(one.contacts_low, one.contacts_high, one.hours, one.customers, one.by_slice, one.sentence),
            *(one.seq, version),
        ),
    )


def _alert(one: Alert, version: int) -> Rows:
    yield (
        "alerts",
        (
            *(one.workspace, one.alert_id, one.revision, millis(one.at), one.event, one.audience, one.kind, one.key),
            *(one.owner, one.probability, one.contacts, one.contacts_low, one.contacts_high, one.text, one.seq),
            *(one.moved or "", one.impact_id, one.title, one.hours, one.customers),
            *(maybe_millis(one.first), maybe_millis(one.last), one.spikes, one.sentence, one.explanation),
            *([quote.text for quote in one.quotes], one.formerly, one.successor, version),
        ),
    )


def _delivery(one: Delivery, version: int) -> Rows:
    yield (
        "deliveries",
        (
            *(one.workspace, one.delivery_id, one.step, one.key, one.channel, one.team, one.audiences),
            *(one.alert_id, one.revision, one.event, one.level, one.status, one.attempt, millis(one.at)),
            *(maybe_millis(one.next_at), one.reason, version),
        ),
    )


def _quality(one: QualityResult, version: int) -> Rows:
    yield (
        "quality",
        (
            *(one.workspace, millis(one.window_end), one.check_id, millis(one.window_start), one.table),
            *(one.expectation, one.column, one.success, one.observed, one.allowed, millis(one.at), one.seq, version),
        ),
    )


def _feedback(one: Feedback, version: int) -> Rows:
    yield (
        "feedback",
        (
            *(one.workspace, one.event_id, millis(one.occurred_at), one.source, one.spike, one.verdict),
            *(one.cause, one.who, one.note, version),
        ),
    )


def _dead_letter(one: DeadLetter, version: int) -> Rows:
    yield (
        "dead_letters",
        (
            *(one.letter_id, one.workspace, one.stage, one.topic, one.partition, one.offset, millis(one.at)),
            *(one.reason, one.field, one.value, one.allowed, len(one.original), version),
        ),
    )


_MAKERS: dict[str, Callable[[Any, int], Rows]] = {
    catalog.FRAMES.name: _frame,
    catalog.TIMELINE.name: _timeline,
    catalog.SPIKES.name: _spike,
    catalog.EXPECTATIONS.name: _expectation,
    catalog.ATTRIBUTIONS.name: _attribution,
    catalog.IMPACTS.name: _impact,
    catalog.ALERTS.name: _alert,
    catalog.DELIVERIES.name: _delivery,
    catalog.QUALITY.name: _quality,
    catalog.FEEDBACK.name: _feedback,
    catalog.DEAD_LETTERS.name: _dead_letter,
}
