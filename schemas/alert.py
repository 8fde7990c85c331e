"""What alert writes: one alert per impact, by stated change of state."""

from __future__ import annotations

from typing import Literal

from schemas.attribution import CauseKind, Quote
from schemas.base import Count, Moment, Sequenced, Share

AlertEvent = Literal["opened", "updated", "reattributed", "resolved", "withdrawn"]
Moved = Literal["grown", "shrunk", "surer", "less sure", "began again"]


class Alert(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """One message about an impact. ``alert_id`` and ``revision`` together are the key by which receivers drop repeats.

    ``moved`` says what an update is about. ``sentence`` is the bill, ``explanation`` what attribution says of the
    ``largest`` of its spikes, with ``quotes`` of it. Where the cause of a spike changed, ``formerly`` is the
    alert that it was first told under, and on that alert ``successor`` the one it is told under now. An alert that
    keeps other spikes is not taken back: then only ``formerly_name`` says what these were first counted to.
    """

    alert_id: str
    revision: Count
    at: Moment
    event: AlertEvent
    moved: Moved | None = None
    audience: Literal["operations", "product", "marketing"]
    impact_id: str = ""
    kind: CauseKind
    key: str = ""
    title: str = ""
    owner: str = ""
    probability: Share
    contacts: float
    contacts_low: float
    contacts_high: float
    hours: float | None = None
    customers: Count | None = None
    first: Moment | None = None
    last: Moment | None = None
    spikes: tuple[str, ...] = ()
    largest: str = ""
    by_slice: dict[str, float] = {}
    text: str
    sentence: str = ""
    explanation: str = ""
    quotes: tuple[Quote, ...] = ()
    formerly: str = ""
    formerly_name: str = ""
    successor: str = ""
    successor_name: str = ""
