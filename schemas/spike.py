"""What detect writes: spikes by revision, and the expectation of every judged bucket."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.base import Count, Moment, Sequenced
from schemas.frame import WatchedStream

SpikeState = Literal["open", "closed", "merged"]


class Spike(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """One revision of a spike: more contacts on a slice than chance explains.

    ``spike_id`` never changes. ``origin`` is the watched stream. ``as_of`` is the end of the bucket judged last.
    ``expected``, ``observed`` and the excess cover ``onset`` to ``end`` (or ``as_of`` while open); the excess
    interval is at 90%. ``surprise`` is in bits. ``expected_weekly`` repeats the budget it was found under.
    """

    spike_id: str
    revision: Count
    stream: WatchedStream
    state: SpikeState
    slice: dict[str, str]
    bucket_s: Count
    opened_at: Moment
    as_of: Moment
    onset: Moment
    onset_low: Moment
    onset_high: Moment
    end: Moment | None = None
    expected: float
    observed: Count
    excess: float
    excess_low: float
    excess_high: float
    surprise: float
    window_s: Count
    budget_per_week: float
    merged_into: str = ""


class Band(Struct, frozen=True, kw_only=True):
    """Expectation of one slice in one bucket, with the 95% range of counts."""

    slice: str
    observed: Count
    expected: float
    low: float
    high: float


class Expectation(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """One record per judged bucket: bands of the slices worth showing, and detect's progress.

    ``spike_seq`` is the last ``seq`` on ``spikes`` of this stream after the bucket: who has read that far has
    every spike revision up to ``until``.
    """

    stream: WatchedStream
    bucket_start: Moment
    bucket_s: Count
    until: Moment
    spike_seq: Count
    final: bool = False
    gap: bool = False
    bands: tuple[Band, ...] = ()
