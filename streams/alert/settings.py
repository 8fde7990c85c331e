"""When an impact has changed enough to be said again. The same for everybody: what each audience hears of it is the
routing file's to say, and may be changed at any time without rewriting what was said."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from schemas.base import Share

Factor = Annotated[float, Meta(gt=1.0)]


class AlertSteps(Struct, frozen=True, kw_only=True):
    """``growth``: contacts times or divided by this since last said, and at least ``least`` of them. ``odds``: the odds
    of the cause times or divided by this. A value that swings by less is never said twice: that is the hysteresis.
    ``switch``: how likely another cause of an open spike must be before the first one is openly given up."""

    growth: Factor = 1.25
    least: Annotated[float, Meta(gt=0.0)] = 5.0
    odds: Factor = 1.5
    switch: Share = 0.6
