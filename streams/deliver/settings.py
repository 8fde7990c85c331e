"""What the courier can be told."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0.0)]
Url = Annotated[str, Meta(pattern=r"^(https?://[^\s@/]+(/[^\s@]*[^\s@/])?)?$")]


class CourierSettings(Struct, frozen=True, kw_only=True):
    """``routing``: the file that says who hears what; empty: nothing is delivered. ``page_url``: where people reach the
    page, without a last slash; empty: messages have no links. ``link_secret``: what links to confirm, reject and own
    are signed with. ``link_days``: how long they count. ``max_age_h``: an alert that is older when the courier first
    sees it is told to nobody. ``replays``: whether workspaces with progress = "input" are delivered too.

    A failed message is tried again after ``first_pause_s``, then twice as long each time up to ``longest_pause_s``, and
    given up ``give_up_after_h`` after it was queued.
    """

    routing: str = ""
    page_url: Url = ""
    link_secret: str = ""
    link_days: Positive = 7.0
    max_age_h: Positive = 24.0
    replays: bool = False
    group: Annotated[str, Meta(min_length=1)] = "whence-alerts"
    session_s: Annotated[int, Meta(ge=1)] = 6
    first_pause_s: Positive = 2.0
    longest_pause_s: Positive = 300.0
    give_up_after_h: Positive = 24.0

    def __repr__(self) -> str:
        return f"CourierSettings(routing={self.routing!r}, page_url={self.page_url!r})"
