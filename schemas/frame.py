"""Frames: what admit says about one closed bucket of one input partition."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.base import Count, Moment, Sequenced, Share
from schemas.raw import Exposure

WatchedStream = Literal["contacts", "low_scores"]


class Sample(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sampled contact, redacted. ``rank`` is the hash of its ``event_id``: the k smallest per leaf are kept."""

    rank: int
    event_id: str
    leaf: Count
    occurred_at: Moment
    customer: str = ""
    language: str = ""
    text: str = ""
    exposed: dict[str, Exposure] = {}


class Signs(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Signs of mismeasurement in the bucket. ``top_customer`` is the contacts of its most frequent customer;
    ``same_text`` those sharing the most frequent text; ``missing`` counts contacts without a value, by dimension."""

    repeats: Count = 0
    late: Count = 0
    top_customer: Count = 0
    same_text: Count = 0
    backfilled: Count = 0
    missing: dict[str, int] = {}


class Frame(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """Counts per leaf of one closed bucket of one input partition (``origin``, such as ``tickets/3``).

    ``inputs`` names every input partition of this stream: a bucket is judged when all of them have closed it.
    Everything before ``until`` is closed on this input, empty stretches included. ``leaves[i]`` holds the values
    of ``dimensions`` and ``counts[i]`` its contacts. Large buckets are split into ``parts``; only the last part
    moves ``until`` past the bucket. ``final`` says that the input has ended.
    """

    stream: WatchedStream
    inputs: tuple[str, ...]
    bucket_start: Moment
    bucket_s: Count
    until: Moment
    part: Count = 0
    parts: Count = 1
    final: bool = False
    dimensions: tuple[str, ...] = ()
    leaves: tuple[tuple[str, ...], ...] = ()
    counts: tuple[int, ...] = ()
    handle_s: float = 0.0
    handled: Count = 0
    samples: tuple[Sample, ...] = ()
    signs: Signs = Signs()


__all__ = ["Frame", "Sample", "Share", "Signs", "WatchedStream"]
