"""What the agents can be told."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0.0)]


class AgentSettings(Struct, frozen=True, kw_only=True):
    """``group``: the consumer group that shares the partitions. ``check_s``: how often topics are compared with what
    was applied. ``session_s``: after how long without a heartbeat a worker's partitions go to others.
    ``checkpoint_folder``: where states are kept, so that a restart need not read everything again; empty: nowhere.
    ``checkpoint_s``: how often each is written while records come."""

    group: Annotated[str, Meta(min_length=1)] = "whence-agents"
    check_s: Positive = 2.0
    session_s: Positive = 6.0
    checkpoint_folder: str = ""
    checkpoint_s: Positive = 300.0
