"""Settings of the data-quality checks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class QualitySettings(Struct, frozen=True, kw_only=True):
    """``first_after_s``: seconds from the start to the first run, ``every_s`` between two. ``buckets``: buckets in the window that is checked. ``history_days``: the
    days before it that say what is usual; ``weeks`` of them are looked at for the weekday and hour. ``rows``: contacts
    looked at one by one, the rest of a larger window is only counted. ``replays``: whether workspaces whose progress
    comes from their input are checked too; without it a replay's results do not depend on when the checks ran."""

    first_after_s: Annotated[float, Meta(ge=0.0)] = 30.0
    every_s: Annotated[float, Meta(gt=0.0)] = 900.0
    buckets: Annotated[int, Meta(ge=1)] = 60
    history_days: Annotated[int, Meta(ge=1)] = 28
    weeks: Annotated[int, Meta(ge=1, le=52)] = 8
    rows: Annotated[int, Meta(ge=100)] = 50_000
    replays: bool = False
