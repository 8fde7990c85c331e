"""What all event types share: the producer's envelope and the stage's sequence."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Moment = Annotated[datetime, Meta(tz=True)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=0)]

SCHEMA_VERSION = 1


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields of every raw event. ``event_id`` is the producer's and is used to drop repeats."""

    event_id: Id
    workspace: Name
    occurred_at: Moment
    source: Name
    schema_version: int = SCHEMA_VERSION
    extra: dict[str, Any] = {}


class Sequenced(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields of every record that a stage writes for the next one.

    ``seq`` counts 1, 2, 3 … without holes within one ``(topic, workspace, origin)``. It is a function
    of the input alone: a repeat is recognised and skipped, a hole is noticed and read again.
    """

    workspace: Name
    origin: str
    seq: Count
    schema_version: int = SCHEMA_VERSION
