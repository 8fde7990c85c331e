"""The timeline: every change upstream in one shape, as the attribute stage reads it."""

from __future__ import annotations

from msgspec import Struct

from schemas.base import Count, Moment, Sequenced, Share
from schemas.raw import ChangeKind, Precision, RollOutStep


class Scope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom a change can touch; an empty tuple means no restriction in that dimension."""

    products: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change, whatever its kind. ``key`` is the producer's ``change``; ``available_at`` is the later of
    ``known_at`` and the record's own time: nothing live may use it before."""

    key: str
    kind: ChangeKind
    starts_at: Moment
    ends_at: Moment | None = None
    announced_at: Moment | None = None
    precision: Precision = "minute"
    available_at: Moment
    recorded_at: Moment
    scope: Scope = Scope()
    rollout: tuple[RollOutStep, ...] = ()
    fixes: tuple[str, ...] = ()
    code: str = ""
    claims: tuple[str, ...] = ()
    owner: str = ""
    title: str = ""
    text: str = ""
    planned_at: Moment | None = None
    support_briefed_at: Moment | None = None
    expected_contacts: Count | None = None
    audience_size: Count | None = None
    control_share: Share | None = None
    channels: tuple[str, ...] = ()
    macro: str = ""
    article: str = ""


class PopulationCount(Struct, frozen=True, kw_only=True):
    """Customers on a slice at a moment."""

    at: Moment
    slice: dict[str, str]
    customers: Count


class Hunch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent's signal, redacted."""

    at: Moment
    about: str = ""
    text: str = ""


class TimelineEntry(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """One change, population or hunch, or (all three empty) mere progress.

    ``origin`` is the input partition (``releases/0``), ``inputs`` all of the timeline's input partitions, and
    everything on this one before ``until`` has been read. A later entry with the same ``change.key`` replaces
    the earlier one from its ``recorded_at`` on.
    """

    inputs: tuple[str, ...]
    until: Moment
    final: bool = False
    event_id: str = ""
    change: Change | None = None
    population: PopulationCount | None = None
    hunch: Hunch | None = None
