"""Feeds the alert stage."""

from __future__ import annotations

import faust

from streams.alert.step import ALERT
from streams.follow import Deliver, follow


def register(app: faust.App, deliver: Deliver) -> None:
    """Add the agent ``alert`` to the app."""
    follow(app, ALERT, deliver)
