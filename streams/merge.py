"""Frames of all input partitions merged into whole buckets, in event time.

Counts add up; samples keep the k smallest ranks per leaf; so the result does not depend on how the input was
partitioned or in which order the partitions' frames came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby, islice

from msgspec import Struct
from msgspec.structs import replace

from schemas.frame import Frame, Sample, Signs, WatchedStream

Leaf = tuple[str, ...]


class Bucket(Struct, frozen=True, kw_only=True):
    """One closed bucket of a workspace's stream, over all inputs.

    ``counts`` maps leaves (values in the order of ``dimensions``) to contacts, sorted by leaf; ``samples`` pairs
    each sample with its leaf (``sample.leaf`` is its place among ``counts``), sorted by leaf and rank. An empty bucket has no counts. ``handle_s`` is the sum of
    handle times over ``handled`` contacts, in seconds.
    """

    stream: WatchedStream
    start: datetime
    end: datetime
    dimensions: tuple[str, ...]
    counts: dict[Leaf, int]
    samples: tuple[tuple[Leaf, Sample], ...]
    signs: Signs
    handle_s: float = 0.0
    handled: int = 0


class Advance(Struct, frozen=True, kw_only=True):
    """What one frame brought to an end: buckets in order of time, how far all inputs now are (``None``: not all
    have spoken), and whether the whole input has just ended."""

    buckets: tuple[Bucket, ...] = ()
    until: datetime | None = None
    ended: bool = False


class Merger(Struct, frozen=True, kw_only=True):
    """What is still open: frames not yet merged, each input's progress, and where the next bucket starts."""

    stream: WatchedStream
    sample_k: int
    bucket_s: int
    dimensions: tuple[str, ...] = ()
    progress: dict[str, datetime] = {}
    pending: dict[datetime, tuple[Frame, ...]] = {}
    ended: frozenset[str] = frozenset()
    next_start: datetime | None = None


def merge(merger: Merger, frame: Frame) -> tuple[Merger, Advance]:
    """Take one frame in; hand on every bucket that all of ``frame.inputs`` have closed, empty ones included.

    The first bucket is the earliest with a contact. Frames must come in ``seq`` order per origin.
    """
    progress = {**merger.progress, frame.origin: frame.until}
    ended = merger.ended | {frame.origin} if frame.final else merger.ended - {frame.origin}
    pending = dict(merger.pending)
    if frame.counts or frame.handled or frame.signs != Signs():
        pending[frame.bucket_start] = (*pending.get(frame.bucket_start, ()), frame)
    merger = replace(
        merger, progress=progress, ended=ended, pending=pending, dimensions=frame.dimensions or merger.dimensions
    )
    if not all(name in progress for name in frame.inputs):
        return merger, Advance()
    until = min(progress[name] for name in frame.inputs)
    buckets = tuple(_closed(merger, until))
    left = {start: frames for start, frames in pending.items() if start >= until}
    following = buckets[-1].end if buckets else merger.next_start
    all_ended = frame.final and ended.issuperset(frame.inputs)
    return replace(merger, pending=left, next_start=following), Advance(buckets=buckets, until=until, ended=all_ended)


def _closed(merger: Merger, until: datetime) -> Iterator[Bucket]:
    width = timedelta(seconds=merger.bucket_s)
    start = merger.next_start if merger.next_start is not None else _first_with_contacts(merger, until)
    while start + width <= until:
        yield _merged(merger, start, merger.pending.get(start, ()))
        start += width


def _first_with_contacts(merger: Merger, until: datetime) -> datetime:
    starts = (start for start, frames in merger.pending.items() if any(frame.counts for frame in frames))
    return min(starts, default=until)


def _merged(merger: Merger, start: datetime, frames: tuple[Frame, ...]) -> Bucket:
    counts: Counter[Leaf] = Counter()
    samples: list[tuple[Leaf, Sample]] = []
    for frame in frames:
        counts.update(dict(zip(frame.leaves, frame.counts, strict=True)))
        samples.extend((frame.leaves[sample.leaf], sample) for sample in frame.samples)
    samples.sort(key=lambda pair: (pair[0], pair[1].rank, pair[1].event_id))
    kept = [pair for _, run in groupby(samples, key=lambda pair: pair[0]) for pair in islice(run, merger.sample_k)]
    place = {leaf: index for index, leaf in enumerate(sorted(counts))}
    return Bucket(
        stream=merger.stream,
        start=start,
        end=start + timedelta(seconds=merger.bucket_s),
        dimensions=merger.dimensions,
        counts=dict(sorted(counts.items())),
        samples=tuple((leaf, replace(sample, leaf=place[leaf])) for leaf, sample in kept),
        signs=replace(_added([frame.signs for frame in frames]), same_text=_same_text(counts, kept)),
        handle_s=sum(sorted(frame.handle_s for frame in frames)),
        handled=sum(frame.handled for frame in frames),
    )


def _same_text(counts: Counter[Leaf], samples: list[tuple[Leaf, Sample]]) -> int:
    """Contacts with the most frequent text, as the samples tell: one text's customers lie in many partitions, so
    no partition could count them. Exact where the samples are all contacts."""
    sampled = Counter(leaf for leaf, _ in samples)
    weights: dict[str, float] = {}
    for leaf, sample in samples:
        if sample.text:
            weights[sample.text] = weights.get(sample.text, 0.0) + counts[leaf] / sampled[leaf]
    return round(max(weights.values(), default=0.0))


def _added(signs: list[Signs]) -> Signs:
    """Sums over the partitions; a customer's contacts all lie in one partition, so its share is a maximum."""
    missing: Counter[str] = Counter()
    for one in signs:
        missing.update(one.missing)
    return Signs(
        repeats=sum(one.repeats for one in signs),
        late=sum(one.late for one in signs),
        top_customer=max((one.top_customer for one in signs), default=0),
        backfilled=sum(one.backfilled for one in signs),
        missing=dict(sorted(missing.items())),
    )
