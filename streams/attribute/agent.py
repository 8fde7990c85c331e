"""Feeds the attribute stage."""

from __future__ import annotations

import faust

from streams.attribute.step import ATTRIBUTE
from streams.follow import Deliver, follow


def register(app: faust.App, deliver: Deliver) -> None:
    """Add the agent ``attribute`` to the app."""
    follow(app, ATTRIBUTE, deliver)
