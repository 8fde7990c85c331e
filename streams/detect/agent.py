"""Feeds the detect stage."""

from __future__ import annotations

import faust

from streams.detect.step import DETECT
from streams.follow import Deliver, follow


def register(app: faust.App, deliver: Deliver) -> None:
    """Add the agent ``detect`` to the app."""
    follow(app, DETECT, deliver)
