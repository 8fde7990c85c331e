"""One workspace's settings: what is watched, how finely, and under which budget."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.base import Count, Name

Dimension = Literal["channel", "product", "platform", "version", "region", "language", "segment", "topic", "team"]


class Workspace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One company's or team's streams.

    ``bucket_s``: bucket width in seconds. ``lateness_s``: how late a contact may come and still count.
    ``progress``: ``clock`` for a live stream (admit closes buckets by its clock), ``input`` for a replay.
    ``dimensions``: up to six, in leaf order. ``keep``: per dimension the only values told apart; others fold into
    ``other``. ``budget_per_week``: false spikes allowed a week over everything watched. ``sample_k``: contacts kept
    per leaf and bucket. ``repeat_horizon_s``: event time over which repeats are remembered beyond open buckets.
    ``low_score_share``: a survey at or below this share of its scale is watched.
    ``alerts``: whether alerts are written (a replay or back-test alerts nobody unless asked).
    """

    name: Name
    bucket_s: Annotated[int, Meta(ge=1, le=86_400)] = 60
    lateness_s: Count = 120
    progress: Literal["clock", "input"] = "clock"
    dimensions: tuple[Dimension, ...] = ("channel", "product", "platform", "version", "topic")
    keep: dict[str, tuple[str, ...]] = {}
    budget_per_week: Annotated[float, Meta(gt=0.0)] = 1.0
    sample_k: Annotated[int, Meta(ge=1, le=1_000)] = 20
    repeat_horizon_s: Count = 3_600
    low_score_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.6
    holidays: tuple[date, ...] = ()
    timezone: str = "UTC"
    alerts: bool = True
