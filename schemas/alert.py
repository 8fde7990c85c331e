"""What alert writes: one alert per impact, by stated change of state."""

from __future__ import annotations

from typing import Literal

from schemas.attribution import CauseKind
from schemas.base import Count, Moment, Sequenced, Share


class Alert(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """One message about an impact. ``alert_id`` and ``revision`` together are the key by which receivers drop repeats."""

    alert_id: str
    revision: Count
    at: Moment
    event: Literal["opened", "updated", "reattributed", "resolved", "withdrawn"]
    audience: Literal["operations", "product", "marketing"]
    kind: CauseKind
    key: str = ""
    owner: str = ""
    probability: Share
    contacts: float
    contacts_low: float
    contacts_high: float
    text: str
