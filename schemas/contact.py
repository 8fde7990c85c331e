"""An admitted contact: validated, normalised, redacted, its customer a keyed hash."""

from __future__ import annotations

from schemas.base import Moment
from schemas.raw import Conversation


class Contact(Conversation, frozen=True, kw_only=True, omit_defaults=True):
    """One ticket, chat or survey event as everything right of admit sees it.

    ``channel`` is ``ticket``, ``chat`` or ``survey``. ``late`` marks one whose bucket had closed: stored and
    shown, never counted. ``counted`` says whether it was counted in a frame. ``ingested_at`` is Kafka's time.
    """

    channel: str
    ingested_at: Moment
    late: bool = False
    counted: bool = False
    by_bot: bool = False
    ended: str | None = None
    kind: str = ""
    score: float | None = None
    scale_max: float | None = None
    about: str = ""
