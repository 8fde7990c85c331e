"""What the courier writes: every step in the life of every message to every channel."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.alert import AlertEvent
from schemas.base import SCHEMA_VERSION, Count, Moment, Name, Share

NoticeEvent = AlertEvent | Literal["escalated"]
DeliveryStatus = Literal["queued", "held", "failed", "sent", "dropped", "given_up"]
ENDED: tuple[DeliveryStatus, ...] = ("sent", "dropped", "given_up")


class Delivery(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of one message to one channel: it is queued (or held until a maintenance window ends), failed any
    number of times, and is sent, dropped or given up.

    ``delivery_id`` is ``key@channel``; ``key`` (alert, revision, and for an escalation its level) is what receivers
    drop repeats by. ``step`` counts from 0, ``attempt`` the tries so far. ``at`` is the courier's clock, ``next_at``
    when it is tried next. ``reason`` never holds an address or a secret. ``contacts`` and ``probability`` are as told.
    """

    workspace: Name
    delivery_id: str
    step: Count
    key: str
    channel: str
    team: str = ""
    audiences: tuple[str, ...] = ()
    alert_id: str
    revision: Count
    event: NoticeEvent
    level: Count = 0
    status: DeliveryStatus
    attempt: Count = 0
    at: Moment
    next_at: Moment | None = None
    reason: str = ""
    contacts: float
    probability: Share
    sure: bool = True
    schema_version: int = SCHEMA_VERSION
