"""What producers send: contacts, changes upstream, and the optional denominators and hunches."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.base import Count, Event, Id, Moment, Name, Share

Exposure = Literal["exposed", "control"]
ContactEvent = Literal["opened", "updated"]
Precision = Literal["minute", "hour", "day"]
ChangeKind = Literal["release", "promotion", "policy", "price", "incident", "automation", "capacity"]
Text = Annotated[str, Meta(max_length=1_000_000)]
Seconds = Annotated[float, Meta(ge=0.0)]


class Turn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a conversation."""

    who: Literal["customer", "agent", "bot", "system"]
    at: Moment | None = None
    text: Text = ""


class Conversation(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What tickets and chats have in common. ``contact`` is the vendor's id; ``topic`` its category at intake."""

    contact: Id
    event: ContactEvent = "opened"
    customer: str = ""
    product: str = ""
    platform: str = ""
    version: str = ""
    region: str = ""
    language: str = ""
    segment: str = ""
    topic: str = ""
    subject: Text = ""
    text: Text = ""
    turns: tuple[Turn, ...] = ()
    tags: tuple[str, ...] = ()
    agent: str = ""
    team: str = ""
    exposed: dict[str, Exposure] = {}
    status: str = ""
    handle_s: Seconds | None = None
    wait_s: Seconds | None = None
    transfers: Count | None = None
    reopens: Count | None = None


class Ticket(Conversation, frozen=True, kw_only=True, omit_defaults=True):
    """A help-desk ticket, opened or updated."""


class Chat(Conversation, frozen=True, kw_only=True, omit_defaults=True):
    """A chat with a person or a bot."""

    by_bot: bool = False
    ended: Literal["solved", "left", "handed_over"] | None = None


class Survey(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A survey response or review. ``about`` names the contact it is about; such a one is never billed again."""

    customer: str = ""
    product: str = ""
    platform: str = ""
    version: str = ""
    region: str = ""
    language: str = ""
    segment: str = ""
    topic: str = ""
    kind: Literal["nps", "csat", "ces", "review"]
    score: float
    scale_max: Annotated[float, Meta(gt=0.0)]
    text: Text = ""
    about: str = ""


class RollOutStep(Struct, frozen=True, kw_only=True):
    """From ``at`` on, ``share`` of the audience has the change."""

    at: Moment
    share: Share


class Release(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A release, from CI, an app store or a feature flag."""

    change: Id
    product: str = ""
    platforms: tuple[str, ...] = ()
    version: str = ""
    planned_at: Moment | None = None
    released_at: Moment
    precision: Precision = "minute"
    known_at: Moment | None = None
    rollout: tuple[RollOutStep, ...] = ()
    rolled_back_at: Moment | None = None
    fixes: tuple[str, ...] = ()
    owner: str = ""
    title: Text = ""
    notes: Text = ""
    support_briefed_at: Moment | None = None
    expected_contacts: Count | None = None


class Promotion(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A campaign, offer or mailing, from the marketing tool."""

    change: Id
    planned_at: Moment | None = None
    starts_at: Moment
    ends_at: Moment | None = None
    known_at: Moment | None = None
    precision: Precision = "minute"
    regions: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    audience_size: Count | None = None
    control_share: Share | None = None
    code: str = ""
    channels: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    expected_contacts: Count | None = None
    support_briefed_at: Moment | None = None
    macro: str = ""
    article: str = ""
    owner: str = ""
    title: Text = ""
    text: Text = ""


class ChangeRecord(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Any other change upstream: incident, policy, price, automation, capacity."""

    change: Id
    kind: Literal["incident", "policy", "price", "automation", "capacity"]
    starts_at: Moment
    ends_at: Moment | None = None
    announced_at: Moment | None = None
    known_at: Moment | None = None
    precision: Precision = "minute"
    products: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    owner: str = ""
    title: Text = ""
    text: Text = ""


class Population(Event, frozen=True, kw_only=True, omit_defaults=True):
    """How many customers are on a slice: the denominator of "6 times as often"."""

    slice: dict[str, str]
    customers: Count


class Signal(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An agent's hunch that something is wrong, before any chart shows it."""

    about: str = ""
    agent: str = ""
    text: Text = ""


class Feedback(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What a person says of a spike's cause. ``cause`` is the change's key, ``unknown`` or ``measurement``; with ``own``
    it is the team that takes the spike, if one is named."""

    spike: Id
    verdict: Literal["confirm", "reject", "reassign", "own"]
    cause: str = ""
    who: Name
    note: Text = ""


class Progress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mark in a raw partition: every event of this workspace before ``until`` has been sent on it.

    Only marks close buckets. A replay writes them from its input, a live stream's are written by admit from
    the clock. ``final`` says that the input has ended.
    """

    workspace: Name
    until: Moment
    final: bool = False


PROGRESS_KEY = b"\x00progress"
"""Kafka key of every :class:`Progress` mark; no event has it."""

ContactSource = Ticket | Chat | Survey
ChangeSource = Release | Promotion | ChangeRecord
RawEvent = Ticket | Chat | Survey | Release | Promotion | ChangeRecord | Population | Signal
