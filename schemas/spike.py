"""What detect writes: spikes by revision, and the expectation of every judged bucket."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.base import Count, Moment, Sequenced, Share
from schemas.frame import WatchedStream

SpikeState = Literal["open", "closed", "merged"]
HintKind = Literal[
    "gap", "dump", "doubled", "clock", "refiled", "returned", "one_customer", "repeats", "late", "missing"
]


class Hint(Struct, frozen=True, kw_only=True):
    """A sign that no customers, or fewer, are behind a spike: how contacts were counted explains ``share`` of its excess.

    ``gap``: they were held back by a collection gap that had just ended. ``dump``: they came in one moment, with usual
    traffic before and after. ``doubled``: the counts of leaves are even nearly everywhere. ``clock``: the usual
    contacts at another hour. ``refiled``: other values of the same dimension lost as many. ``returned``: the slice is back
    where it was before it had dropped. ``one_customer``, ``repeats``, ``late``, ``missing``: as counted in the frames
    (:class:`schemas.frame.Signs`). ``seen`` is the number behind it and ``usual`` what it usually is, in
    contacts (``clock``: hours; ``doubled``: times). Detection cannot know which cause is true: it opens the spike, says
    what it saw, and attribution weighs it as evidence for ``measurement``.
    """

    kind: HintKind
    share: Share
    seen: float
    usual: float = 0.0


class Spike(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """One revision of a spike: more contacts on a slice than chance explains.

    ``spike_id`` never changes. ``origin`` is the watched stream. ``as_of`` is the end of the bucket judged last.
    ``expected``, ``observed`` and the excess cover ``onset`` to ``end`` (or ``as_of`` while open); the excess
    interval is at 90%, once closed of all that the spike added, its tail after ``end`` too. ``surprise`` is in bits. ``budget_per_week`` repeats the budget it was found under. ``hints`` say what
    points to mismeasurement, the heaviest first; none: nothing does.
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
    hints: tuple[Hint, ...] = ()


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
