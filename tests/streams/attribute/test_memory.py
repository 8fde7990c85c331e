"""What attribute remembers: counts and words by slice and time, in bounded room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zlib import crc32

import numpy as np
import pytest

from schemas.frame import Sample, Signs
from stats.words import slot
from streams.attribute import memory as past
from streams.attribute.memory import BUCKET_DOCS, DAY_DOCS, DAY_S, HORIZON_S, WEEK_S, Memory
from streams.merge import Bucket

START = datetime(2024, 1, 1, tzinfo=UTC)
START_S = START.timestamp()


def bucket(
    hours: float,
    counts: dict[tuple[str, ...], int],
    *,
    texts: int | None = None,
    minutes: int = 60,
    signs: Signs | None = None,
) -> Bucket:
    at = START + timedelta(hours=hours)
    samples = []
    for leaf, count in counts.items():
        for i in range(count if texts is None else texts):
            name = f"{hours}/{leaf}/{i}"
            rank = crc32(name.encode())
            samples.append(
                (leaf, Sample(rank=rank, event_id=name, leaf=0, occurred_at=at, text=f"the parcel from {leaf[0]}"))
            )
    return Bucket(
        stream="contacts", start=at, end=at + timedelta(minutes=minutes), dimensions=("platform", "product"),
        counts=counts, samples=tuple(samples), signs=signs if signs is not None else Signs(),
    )  # fmt: skip


IOS: tuple[str, ...] = ("ios", "app")
ANDROID: tuple[str, ...] = ("android", "app")


def test_counts_are_by_leaf_and_in_proportion_where_a_bucket_is_cut() -> None:
    memory = Memory()
    past.remember(memory, bucket(0, {IOS: 10, ANDROID: 4}))
    past.remember(memory, bucket(1, {IOS: 20}))
    seen = past.counted(memory, START_S + 1800, START_S + 5400)
    assert seen[past.inside(memory, {"platform": "ios"})].sum() == 15.0
    assert seen[past.inside(memory, {"platform": "android"})].sum() == 2.0
    assert seen.sum() == 17.0


def test_a_slice_may_name_several_values_and_unknown_dimensions_do_not_restrict() -> None:
    memory = Memory()
    past.remember(memory, bucket(0, {IOS: 1, ANDROID: 1, ("web", "app"): 1}))
    assert past.inside(memory, {"platform": ("ios", "web")}).sum() == 2
    assert past.inside(memory, {"region": "FR"}).sum() == 3


def test_masks_follow_new_leaves() -> None:
    memory = Memory()
    past.remember(memory, bucket(0, {IOS: 1}))
    assert past.inside(memory, {"platform": "android"}).tolist() == [False]
    past.remember(memory, bucket(1, {ANDROID: 1}))
    assert past.inside(memory, {"platform": "android"}).tolist() == [False, True]


def test_the_usual_is_the_mean_of_the_same_hours_without_the_busiest_week() -> None:
    memory = Memory()
    for week, count in enumerate((10, 12, 90, 14, 0)):
        past.remember(memory, bucket(168 * week, {IOS: count} if count else {}, texts=0))
    onset_s = START_S + 4 * WEEK_S
    assert past.usual(memory, onset_s, onset_s + 3600, onset_s=onset_s).sum() == pytest.approx(12.0)


def test_without_a_week_of_history_the_usual_is_the_mean_rate() -> None:
    memory = Memory()
    for hour in range(10):
        past.remember(memory, bucket(hour, {IOS: 6}, texts=0))
    onset_s = START_S + 10 * 3600
    assert past.usual(memory, onset_s, onset_s + 1800, onset_s=onset_s).sum() == pytest.approx(3.0)


def test_words_are_weighted_by_what_a_sample_stands_for() -> None:
    memory = Memory()
    past.remember(memory, bucket(0, {IOS: 40, ANDROID: 2}, texts=2))
    found = past.word_counts(memory, None, START_S, START_S + 3600)
    assert (found.total, found.sampled) == (42.0, 4)
    assert found.counts[slot("ios")] == 40.0
    only = past.word_counts(memory, past.inside(memory, {"platform": "android"}), START_S, START_S + 3600)
    assert (only.total, only.counts[slot("ios")]) == (2.0, 0.0)


def test_room_is_bounded_and_totals_are_kept() -> None:
    memory = Memory()
    days = int(HORIZON_S / DAY_S) + 20
    for day in range(days):
        past.remember(memory, bucket(24 * day, {IOS: 300, ANDROID: 300}, texts=BUCKET_DOCS // 4))
        for minute in range(1, 4):
            past.remember(memory, bucket(24 * day + minute / 4, {IOS: 5}, texts=5, minutes=15))
    assert len(memory.days) <= HORIZON_S / DAY_S + 3
    assert all(len(day.documents) <= DAY_DOCS for day in memory.days.values() if day.thinned)
    assert all(doc.sample is None for day in memory.days.values() if day.thinned for doc in day.documents)
    old = START_S + (days - 30) * DAY_S
    assert past.counted(memory, old, old + DAY_S).sum() == 615.0
    assert past.word_counts(memory, None, old, old + DAY_S).total == pytest.approx(615.0)


def test_minutes_become_hours_with_age_and_signs_add_up() -> None:
    memory = Memory()
    for quarter in range(4 * 24 * 5):
        past.remember(
            memory, bucket(quarter / 4, {IOS: 1}, texts=0, minutes=15, signs=Signs(late=1, missing={"region": 2}))
        )
    first = memory.periods[0]
    assert (first.end_s - first.start_s, first.signs.late, first.signs.missing) == (3600.0, 4, {"region": 8})
    assert memory.periods[-1].end_s - memory.periods[-1].start_s == 900.0
    assert np.sum([period.total for period in memory.periods]) == 480.0
