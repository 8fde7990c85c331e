from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.spans import SPANS, around, default_span, step_for, stretch

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, 7, tzinfo=UTC)
BUCKETS = st.sampled_from([1, 60, 300, 420, 3600, 86400])


@given(span=st.sampled_from([*SPANS, "all"]), bucket_s=BUCKETS, minutes=st.integers(0, 400_000))
def test_a_stretch_is_whole_steps_of_whole_buckets_within_the_story(span: str, bucket_s: int, minutes: int) -> None:
    shown = stretch(FIRST, FIRST + timedelta(minutes=minutes), span, bucket_s)
    assert shown.step_s % bucket_s == 0
    assert (shown.until - shown.since) % timedelta(seconds=shown.step_s) == timedelta(0)
    assert shown.until > shown.since >= FIRST - timedelta(seconds=shown.step_s)


def test_a_step_that_is_not_over_is_left_out() -> None:
    assert stretch(FIRST, NOW, "1d", 60).until == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_a_span_longer_than_the_story_begins_with_the_story() -> None:
    assert stretch(FIRST, NOW, "1y", 3600).since == FIRST


@pytest.mark.parametrize(
    ("length", "bucket_s", "step_s"),
    [(6, 60, 300), (24, 60, 600), (24, 420, 420), (24 * 365, 60, 86400), (6, 86400, 86400)],
)
def test_steps_grow_with_the_span_and_never_split_a_bucket(length: int, bucket_s: int, step_s: int) -> None:
    assert step_for(timedelta(hours=length), bucket_s) == step_s


@pytest.mark.parametrize(("bucket_s", "span"), [(60, "1d"), (900, "1d"), (3600, "4w")])
def test_first_span_shows_a_rhythm_in_buckets_of_this_width(bucket_s: int, span: str) -> None:
    assert default_span(bucket_s) == span


def test_a_spike_is_shown_with_twice_its_length_before_it() -> None:
    onset = NOW - timedelta(hours=30)
    shown = around(onset, onset + timedelta(hours=10), first=FIRST, now=NOW, bucket_s=60)
    assert onset - shown.since >= timedelta(hours=20)
    assert shown.until >= onset + timedelta(hours=19)


def test_a_spike_is_never_shown_beyond_now() -> None:
    shown = around(NOW - timedelta(hours=1), NOW, first=FIRST, now=NOW, bucket_s=60)
    assert shown.until <= NOW
