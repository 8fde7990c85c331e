"""The sink's settings."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0.0)]


class SinkSettings(Struct, frozen=True, kw_only=True):
    """A batch is inserted at ``batch_rows`` messages, ``batch_bytes`` bytes, or ``batch_age_s`` seconds after it began,
    whichever is first. While the store is away the pauses grow from ``first_pause_s`` to ``longest_pause_s`` seconds.
    More than ``refused_per_minute`` records that cannot be stored stop the sink rather than drain a topic into the bin.
    ``session_s`` seconds without a sign of life and the broker gives this member's partitions to another."""

    group: Annotated[str, Meta(min_length=1)] = "whence-sink"
    batch_rows: Annotated[int, Meta(ge=1)] = 50_000
    batch_bytes: Annotated[int, Meta(ge=1)] = 48_000_000
    batch_age_s: Positive = 0.25
    first_pause_s: Positive = 0.5
    longest_pause_s: Positive = 15.0
    refused_per_minute: Annotated[int, Meta(ge=0)] = 1_000
    session_s: Annotated[int, Meta(ge=6)] = 6
