"""The market of a world: what is sold on which platform where, how much is written, and which version is out."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from sources.stories.world import DAY_S, Floats, Ints, Seconds, activity
from sources.stories.worlds.families import Family

HOUR_S = 3_600.0
MOST_RELEASED = 6
Bools = NDArray[np.bool_]


class Track(Struct, frozen=True):
    """One product on one platform; ``tau_s``: time until 63% of those who can have an update do."""

    product: str
    platform: str
    tau_s: Seconds


class Published(Struct, frozen=True):
    """One version on a track, from ``at`` on; ``steps``: seconds and share of its roll-out. A version that is taken
    ``back`` is handed out no longer and replaced by the one before."""

    track: int
    version: str
    at: Seconds
    steps: tuple[tuple[Seconds, float], ...]
    back: Seconds | None = None


class Market(Struct, frozen=True):
    """Tracks (the busiest first, with their shares of contacts), regions, topics, and contacts per hour."""

    tracks: tuple[Track, ...]
    weights: Floats
    regions: tuple[tuple[str, str], ...]
    region_weights: Floats
    topics: tuple[str, ...]
    topic_weights: Floats
    levels: Floats
    weekday0: int

    @property
    def ends(self) -> Seconds:
        return self.levels.size * HOUR_S


def open_market(rng: np.random.Generator, family: Family, *, days: int, weekday0: int, per_day: float | None) -> Market:
    """A market of the family's sort: few strong products and a long tail. ``per_day``: contacts, if not the family's."""
    number = int(rng.integers(family.products[0], family.products[1] + 1))
    tracks = [
        Track(_name(family, at), platform, tau * DAY_S)
        for at in range(number)
        for platform, tau in family.platforms
        if at == 0 or rng.random() < 0.7
    ]
    weights = rng.dirichlet(12.0 / (1.0 + np.arange(len(tracks))) + 0.3)
    order = np.argsort(-weights, kind="stable")
    regions = family.regions[: int(rng.integers(min(3, len(family.regions)), len(family.regions) + 1))]
    topics = (*dict.fromkeys(thing.topic for thing in family.things), "other")
    low, high = np.log(family.per_day if per_day is None else (per_day, per_day))
    return Market(
        tracks=tuple(tracks[place] for place in order),
        weights=weights[order],
        regions=regions,
        region_weights=rng.dirichlet(np.full(len(regions), 6.0)),
        topics=topics,
        topic_weights=rng.dirichlet(np.full(len(topics), 10.0)),
        levels=_levels(rng, days, float(np.exp(rng.uniform(low, high))), weekday0),
        weekday0=weekday0,
    )


def _name(family: Family, at: int) -> str:
    return f"{family.name}-{'abcdefghijklmnopqrstuvwxyz'[at % 26]}{at // 26 or ''}"


def _levels(rng: np.random.Generator, days: int, per_day: float, weekday0: int) -> Floats:
    """Mean contacts per hour: seasons, a slow trend, a day's own level and an hour's own wobble."""
    hours = days * 24
    season = activity(np.arange(hours, dtype=np.float64) * HOUR_S + HOUR_S / 2, weekday0)
    slow = np.linspace(0.0, rng.normal(0.0, 0.05), hours)
    by_day = np.repeat(rng.normal(0.0, 0.04, days), 24)
    levels: Floats = per_day / 24.0 * season * np.exp(slow + by_day + rng.normal(0.0, 0.05, hours))
    return levels


def adopted(one: Published, track: Track, at: Floats) -> Floats:
    """Share of the track's customers who have this version at each moment: roll-out share times uptake."""
    share = np.zeros_like(at)
    for start, step in one.steps:
        share = np.where(at >= start, step, share)
    uptake: Floats = share * -np.expm1(-np.maximum(at - one.at, 0.0) / track.tau_s)
    if one.back is not None:
        uptake = uptake * np.exp(-np.maximum(at - one.back, 0.0) / track.tau_s)
    return uptake


def versions_at(made: tuple[Published, ...], track: Track, at: Floats, rng: np.random.Generator) -> Ints:
    """Which of a track's versions (in order of time) each customer has who writes at a moment."""
    held = np.zeros(at.shape, dtype=np.int64)
    for index, one in enumerate(made[1:], start=1):
        held[rng.random(at.shape) < adopted(one, track, at)] = index
    return held
