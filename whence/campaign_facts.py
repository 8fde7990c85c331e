"""What is known of a campaign: its plan, what the store says, and the report that words make of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

Phase = Literal["before", "during", "after"]


class Plan(Struct, frozen=True, kw_only=True):
    """What is known of a campaign before anybody writes in."""

    key: str
    title: str = ""
    owner: str = ""
    starts_at: datetime
    ends_at: datetime | None = None
    planned: int | None = None
    briefed_at: datetime | None = None
    macro: str = ""
    article: str = ""
    claims: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.title} ({self.key})" if self.title and self.title != self.key else self.key


class Promise(Struct, frozen=True, kw_only=True):
    """How often a claim was named by customers in the fortnight since the launch, and in the one before."""

    claim: str
    mentions: int
    before: int
    sentence: str = ""


class Unaware(Struct, frozen=True, kw_only=True):
    """Conversations of a team in which an agent knew nothing of an offer."""

    team: str
    unaware: int
    contacts: int
    sentence: str = ""


class Found(Struct, frozen=True, kw_only=True):
    """What the store says; ``None`` and empty where it cannot say. ``hours_each`` is a contact's usual handling time,
    ``usual`` what earlier campaigns brought on average, ``conversations`` how many came with what agents said."""

    contacts: float | None = None
    low: float | None = None
    high: float | None = None
    why_not: str = ""
    hours_each: float | None = None
    usual: float | None = None
    earlier: int = 0
    promises: tuple[Promise, ...] = ()
    unaware: tuple[Unaware, ...] = ()
    conversations: int = 0


class Point(Struct, frozen=True, kw_only=True):
    """One thing looked at. ``fine`` None: it could not be judged."""

    what: Literal["briefing", "macro", "article", "owner", "forecast", "contacts", "promises", "agents"]
    fine: bool | None
    sentence: str


class Report(Struct, frozen=True, kw_only=True):
    """A campaign's check."""

    key: str
    title: str
    phase: Phase
    at: datetime
    verdict: str
    points: tuple[Point, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not as it should be."""
        return tuple(point.what for point in self.points if point.fine is False)
