"""How detect works. The budget is the workspace's; nothing here is chosen by the data it is judged on."""

from __future__ import annotations

from msgspec import Struct

from schemas.frame import WatchedStream
from streams.detect.watch import WatchSettings

DAY_S = 86_400


class DetectSettings(Struct, frozen=True, kw_only=True):
    """Settings of both watched streams.

    ``shares``: each stream's share of the budget. ``depth_shares``: the budget's share of everywhere, and of all
    slices of one, two, three dimensions; within a depth all slices and windows have the same.
    ``overlap``: by how much nested slices alarming together let each have more than its share.
    ``history_d``: days a baseline is fitted on. ``warm_d``: days of silence at the start.
    ``gap_chance``: no contact at all is a gap when chance makes it rarer than this.
    ``return_s``: a spike that comes back within it is the same. ``longest_s``: a spike that lasts longer is the
    new level. ``burst_times``: how many times a running spike's own rise a burst on top of it must be.
    ``rival``: a burst that soon has this share of the running spike's excess ends it. ``faded``: a spike has ended
    when a day's excess falls to this share of its highest. ``bands``: slices of one dimension shown.
    """

    shares: tuple[tuple[WatchedStream, float], ...] = (("contacts", 0.8), ("low_scores", 0.2))
    depth_shares: tuple[float, float, float, float] = (0.3, 0.4, 0.3, 0.3)
    overlap: float = 1.4
    history_d: int = 70
    warm_d: int = 3
    gap_chance: float = 1e-7
    return_s: int = DAY_S
    longest_s: int = 14 * DAY_S
    burst_times: float = 4.0
    rival: float = 0.25
    faded: float = 0.3
    bands: int = 20
    watch: WatchSettings = WatchSettings()
