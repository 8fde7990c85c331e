"""What attribute remembers of one stream's past buckets: counts by leaf and sampled words, in bounded room.

Counts are kept per bucket for a day and per hour for the rest of the horizon, counts by version per six hours for
a year; sampled contacts as sets of word slots, with their texts for three days and thinned by the samples' own
ranks after that. Everything is a function of the buckets alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.frame import Sample, Signs
from stats.words import SLOTS, term_slots, words
from streams.merge import Bucket, Leaf

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
HORIZON_S = 9 * WEEK_S
FINE_S = 3 * DAY_S
FINE_COUNTS_S = DAY_S
DAY_DOCS = 1_500
BUCKET_DOCS = 400
TEXT_LENGTH = 2_000
CELL_S = 6 * 3600.0
SHARES_KEPT_S = 400 * DAY_S


class Document(NamedTuple):
    """A sampled contact: it stands for ``weight`` contacts of its leaf. ``sample`` is dropped with age."""

    at_s: float
    leaf: int
    weight: float
    rank: int
    slots: Ids
    sample: Sample | None


class Period(NamedTuple):
    """Counts and signs of one bucket or, later, one hour."""

    start_s: float
    end_s: float
    leaves: NDArray[np.int32]
    counts: NDArray[np.float32]
    signs: Signs
    handle_s: float
    handled: int
    total: float


class WordCounts(NamedTuple):
    """Contacts with each word slot, of ``total`` contacts (both weighted), from ``sampled`` samples."""

    counts: Floats
    total: float
    sampled: int


@dataclass(slots=True)
class Day:
    """The sampled contacts of one day, as arrays when asked for."""

    number: int
    documents: list[Document] = field(default_factory=list)
    thinned: bool = False
    arrays: tuple[Floats, Ids, Floats, Ids, Ids] | None = None

    def columns(self) -> tuple[Floats, Ids, Floats, Ids, Ids]:
        """Times, leaves, weights, numbers of slots, and all slots one after another."""
        if self.arrays is None:
            docs = self.documents
            self.arrays = (
                np.array([doc.at_s for doc in docs]),
                np.array([doc.leaf for doc in docs], dtype=np.int64),
                np.array([doc.weight for doc in docs]),
                np.array([len(doc.slots) for doc in docs], dtype=np.int64),
                np.concatenate([doc.slots for doc in docs]) if docs else np.zeros(0, dtype=np.int64),
            )
        return self.arrays


@dataclass(slots=True)
class Memory:
    """One stream's past. ``leaves`` numbers the leaves seen, each first seen at ``since``; ``forms`` gives each slot a
    word as written; ``shares`` holds contacts by product and platform, version, and cell of six hours."""

    dimensions: tuple[str, ...] = ()
    leaves: list[Leaf] = field(default_factory=list)
    numbers: dict[Leaf, int] = field(default_factory=dict)
    periods: list[Period] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    days: dict[int, Day] = field(default_factory=dict)
    forms: dict[int, str] = field(default_factory=dict)
    masks: dict[str, Mask] = field(default_factory=dict)
    shares: dict[tuple[str, str], dict[str, dict[int, float]]] = field(default_factory=dict)
    since: list[float] = field(default_factory=list)
    first_s: float | None = None
    last_s: float = 0.0


def remember(memory: Memory, bucket: Bucket) -> None:
    """Take one closed bucket in, compact what has aged and drop what is beyond the horizon."""
    memory.dimensions = bucket.dimensions or memory.dimensions
    start_s, end_s = bucket.start.timestamp(), bucket.end.timestamp()
    if memory.first_s is None:
        memory.first_s = start_s
    if bucket.counts or bucket.signs != Signs():
        ids = np.array([_number(memory, leaf, start_s) for leaf in bucket.counts], dtype=np.int32)
        counts = np.array(list(bucket.counts.values()), dtype=np.float32)
        memory.periods.append(
            Period(start_s, end_s, ids, counts, bucket.signs, bucket.handle_s, bucket.handled, float(counts.sum()))
        )
        memory.starts.append(start_s)
        _remember_versions(memory, bucket, int(start_s // CELL_S))
    if bucket.samples:
        _remember_samples(memory, bucket)
    if int(end_s // 3600.0) != int(memory.last_s // 3600.0):
        _compact_counts(memory, end_s)
    if int(end_s // DAY_S) != int(memory.last_s // DAY_S):
        _compact_samples(memory, end_s)
        _forget_versions(memory, int((end_s - SHARES_KEPT_S) // CELL_S))
    memory.last_s = end_s


def _number(memory: Memory, leaf: Leaf, at_s: float) -> int:
    if leaf not in memory.numbers:
        memory.masks.clear()
        memory.numbers[leaf] = len(memory.leaves)
        memory.leaves.append(leaf)
        memory.since.append(at_s)
    return memory.numbers[leaf]


def _remember_versions(memory: Memory, bucket: Bucket, cell: int) -> None:
    """Count the contacts that state a version."""
    if "version" not in bucket.dimensions:
        return
    at = {name: place for place, name in enumerate(bucket.dimensions)}
    for leaf, contacts in bucket.counts.items():
        version = leaf[at["version"]]
        if version:
            where = tuple(leaf[at[name]] if name in at else "" for name in ("product", "platform"))
            cells = memory.shares.setdefault((where[0], where[1]), {}).setdefault(version, {})
            cells[cell] = cells.get(cell, 0.0) + contacts


def _remember_samples(memory: Memory, bucket: Bucket) -> None:
    per_leaf: dict[Leaf, int] = {}
    for leaf, _ in bucket.samples:
        per_leaf[leaf] = per_leaf.get(leaf, 0) + 1
    kept = sorted(bucket.samples, key=lambda pair: (pair[1].rank, pair[1].event_id))[:BUCKET_DOCS]
    stretch = len(bucket.samples) / len(kept)
    for leaf, sample in sorted(kept, key=lambda pair: (pair[1].occurred_at, pair[1].event_id)):
        said = term_slots(words(sample.text[:TEXT_LENGTH]))
        slots = np.array(sorted(said), dtype=np.int64)
        for place, word in said.items():
            memory.forms.setdefault(place, word)
        weight = stretch * bucket.counts.get(leaf, per_leaf[leaf]) / per_leaf[leaf]
        at_s = sample.occurred_at.timestamp()
        day = memory.days.setdefault(int(at_s // DAY_S), Day(int(at_s // DAY_S)))
        day.documents.append(Document(at_s, _number(memory, leaf, at_s), weight, sample.rank, slots, sample))
        day.arrays = None


def _compact_samples(memory: Memory, now_s: float) -> None:
    for number in [n for n in memory.days if (n + 1) * DAY_S < now_s - HORIZON_S]:
        del memory.days[number]
    for day in memory.days.values():
        if not day.thinned and (day.number + 1) * DAY_S < now_s - FINE_S:
            _thin(day)


def _forget_versions(memory: Memory, before: int) -> None:
    for by_version in memory.shares.values():
        for version in [v for v, cells in by_version.items() if max(cells) < before]:
            del by_version[version]


def _compact_counts(memory: Memory, now_s: float) -> None:
    """Join the hour that has just aged, and drop what is beyond the horizon."""
    first = bisect_left(memory.starts, now_s - HORIZON_S)
    fine = bisect_left(memory.starts, now_s - FINE_COUNTS_S - 2 * 3600.0)
    aged = bisect_left(memory.starts, now_s - FINE_COUNTS_S)
    joined = _hourly(memory.periods[fine:aged], now_s - FINE_COUNTS_S)
    memory.periods = [*memory.periods[first:fine], *joined, *memory.periods[aged:]]
    memory.starts = [period.start_s for period in memory.periods]


def _thin(day: Day) -> None:
    kept = sorted(day.documents, key=lambda doc: (doc.rank, doc.at_s, doc.leaf))[:DAY_DOCS]
    total, left = sum(doc.weight for doc in day.documents), sum(doc.weight for doc in kept)
    kept.sort(key=lambda doc: (doc.at_s, doc.rank))
    day.documents = [doc._replace(weight=doc.weight * total / left, sample=None) for doc in kept]
    day.thinned, day.arrays = True, None


def _hourly(periods: list[Period], before_s: float) -> list[Period]:
    done: list[Period] = []
    for period in periods:
        last = done[-1] if done else None
        hour_s = period.start_s // 3600.0
        if (
            last is not None
            and period.end_s <= before_s
            and last.start_s // 3600.0 == hour_s == (period.end_s - 1) // 3600.0
        ):
            done[-1] = _joined(last, period)
        else:
            done.append(period)
    return done


def _joined(a: Period, b: Period) -> Period:
    ids = np.concatenate([a.leaves, b.leaves])
    unique, inverse = np.unique(ids, return_inverse=True)
    counts = np.zeros(len(unique), dtype=np.float32)
    np.add.at(counts, inverse, np.concatenate([a.counts, b.counts]))
    signs, handle_s, handled = added(a.signs, b.signs), a.handle_s + b.handle_s, a.handled + b.handled
    return Period(a.start_s, b.end_s, unique, counts, signs, handle_s, handled, a.total + b.total)


def added(a: Signs, b: Signs) -> Signs:
    """Signs of two stretches of time together."""
    missing = {name: a.missing.get(name, 0) + b.missing.get(name, 0) for name in sorted({*a.missing, *b.missing})}
    return Signs(
        repeats=a.repeats + b.repeats,
        late=a.late + b.late,
        top_customer=a.top_customer + b.top_customer,
        same_text=a.same_text + b.same_text,
        backfilled=a.backfilled + b.backfilled,
        missing=missing,
    )


def inside(memory: Memory, pairs: Mapping[str, str | tuple[str, ...]]) -> Mask:
    """Which of the numbered leaves have the given value (or one of the values) in every named dimension."""
    key = repr(sorted(pairs.items()))
    if key not in memory.masks:
        memory.masks[key] = _inside(memory, pairs)
    return memory.masks[key]


def _inside(memory: Memory, pairs: Mapping[str, str | tuple[str, ...]]) -> Mask:
    mask = np.ones(len(memory.leaves), dtype=bool)
    for name, wanted in pairs.items():
        if name not in memory.dimensions:
            continue
        place = memory.dimensions.index(name)
        allowed = {wanted} if isinstance(wanted, str) else set(wanted)
        mask &= np.fromiter((leaf[place] in allowed for leaf in memory.leaves), dtype=bool, count=len(memory.leaves))
    return mask


def periods_between(memory: Memory, start_s: float, end_s: float) -> list[Period]:
    """The periods that overlap a stretch of time."""
    first = bisect_left(memory.starts, start_s)
    if first and memory.periods[first - 1].end_s > start_s:
        first -= 1
    return memory.periods[first : bisect_left(memory.starts, end_s)]


def counted(memory: Memory, start_s: float, end_s: float) -> Floats:
    """Contacts per leaf in a stretch of time; a period that is cut counts in proportion."""
    total = np.zeros(len(memory.leaves))
    for period in periods_between(memory, start_s, end_s):
        overlap = min(end_s, period.end_s) - max(start_s, period.start_s)
        total[period.leaves] += period.counts * (overlap / (period.end_s - period.start_s))
    return total


def usual(memory: Memory, start_s: float, end_s: float, *, onset_s: float) -> Floats:
    """Usual contacts per leaf in a stretch: the mean of the same hours of up to eight weeks before the onset, the
    busiest week left out; with less than a week of history the mean rate since the first bucket."""
    first_s = memory.first_s if memory.first_s is not None else onset_s
    weeks: list[Floats] = []
    for back in range(1, 60):
        shift = back * WEEK_S
        if end_s - shift > onset_s:
            continue
        if start_s - shift < max(first_s, onset_s - HORIZON_S + DAY_S) or len(weeks) == 8:
            break
        weeks.append(counted(memory, start_s - shift, end_s - shift))
    if not weeks:
        span = onset_s - max(first_s, onset_s - HORIZON_S)
        rate = counted(memory, onset_s - span, onset_s) / span if span > 0 else np.zeros(len(memory.leaves))
        return rate * (end_s - start_s)
    weeks.sort(key=lambda week: float(week.sum()))
    mean: Floats = np.mean(weeks[:-1] if len(weeks) > 3 else weeks, axis=0)
    return mean


def word_counts(memory: Memory, mask: Mask | None, start_s: float, end_s: float) -> WordCounts:
    """Words of the sampled contacts of some leaves in a stretch of time."""
    slots, weights, total, sampled = [np.zeros(0, dtype=np.int64)], [np.zeros(0)], 0.0, 0
    for number in range(int(start_s // DAY_S), int(end_s // DAY_S) + 1):
        if number not in memory.days:
            continue
        times, leaves, weight, lengths, terms = memory.days[number].columns()
        chosen = (times >= start_s) & (times < end_s)
        if mask is not None:
            chosen &= mask[leaves]
        if not chosen.any():
            continue
        slots.append(terms[np.repeat(chosen, lengths)])
        weights.append(np.repeat(weight[chosen], lengths[chosen]))
        total += float(weight[chosen].sum())
        sampled += int(chosen.sum())
    counts = np.bincount(np.concatenate(slots), weights=np.concatenate(weights), minlength=SLOTS)
    return WordCounts(np.asarray(counts, dtype=np.float64), total, sampled)


def documents(memory: Memory, mask: Mask, start_s: float, end_s: float) -> list[Document]:
    """The sampled contacts of some leaves in a stretch of time."""
    found: list[Document] = []
    for number in range(int(start_s // DAY_S), int(end_s // DAY_S) + 1):
        if number in memory.days:
            found.extend(doc for doc in memory.days[number].documents if start_s <= doc.at_s < end_s and mask[doc.leaf])
    return found
