"""The company: what it sells where, who writes when, and how its versions spread."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Seconds = float
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY_S = 86_400.0
BIN_S = 600.0

TOPICS = ("payment", "login", "delivery", "billing", "account", "voucher", "technical", "other")
_TOPIC_WEIGHTS = (0.16, 0.13, 0.20, 0.12, 0.10, 0.07, 0.12, 0.10)
_NAMES = (
    "Marlo & Finch",
    "Tidewell",
    "Brightcart",
    "Hollyhock",
    "Pantrywise",
    "Nordlys Market",
    "Kestrel & Co",
    "Juniper Lane",
)
_PRODUCTS = (("app", "shop"), ("mobile", "store"), ("go", "market"), ("pocket", "web-shop"))
_REGIONS = (
    ("US", "en"),
    ("GB", "en"),
    ("DE", "de"),
    ("ES", "es"),
    ("IE", "en"),
    ("AT", "de"),
    ("MX", "es"),
    ("CA", "en"),
)
_REGION_WEIGHTS = (0.38, 0.27, 0.20, 0.15)
_HOURS = (
    0.22,
    0.15,
    0.11,
    0.09,
    0.10,
    0.18,
    0.38,
    0.72,
    1.15,
    1.55,
    1.72,
    1.70,
    1.58,
    1.60,
    1.66,
    1.62,
    1.55,
    1.50,
    1.42,
    1.30,
    1.15,
    0.90,
    0.62,
    0.38,
)
_WEEKDAYS = (1.14, 1.08, 1.04, 1.03, 1.00, 0.86, 0.85)


class Track(Struct, frozen=True):
    """Where versions are released: one product on one platform, its share of contacts, and how fast an update
    spreads (``tau_s``: time until 63% of those who can have it do)."""

    product: str
    platform: str
    weight: float
    tau_s: Seconds


class VersionRelease(Struct, frozen=True):
    """One version on a track. ``at``: seconds since the story's start. ``steps``: (seconds, share) of its roll-out."""

    track: int
    version: str
    at: Seconds
    steps: tuple[tuple[Seconds, float], ...]


class Company(Struct, frozen=True):
    """The made-up company. Regions are pairs of name and language; ``wanders`` holds, per day and topic, how the
    mix of topics drifts; ``levels`` the contacts per bin of ten minutes."""

    name: str
    tracks: tuple[Track, ...]
    regions: tuple[tuple[str, str], ...]
    region_weights: Floats
    topic_mix: Floats
    levels: Floats
    weekday0: int


def found_company(rng: np.random.Generator, *, days: int, contacts_per_day: float, weekday0: int) -> Company:
    """A company for a seed. ``weekday0``: weekday of the story's first day, Monday 0."""
    mobile, shop = _PRODUCTS[int(rng.integers(len(_PRODUCTS)))]
    shares = rng.dirichlet((30.0, 28.0, 42.0))
    tracks = (
        Track(mobile, "ios", float(shares[0]), 1.6 * DAY_S),
        Track(mobile, "android", float(shares[1]), 2.4 * DAY_S),
        Track(shop, "web", float(shares[2]), 0.02 * DAY_S),
    )
    chosen = (*_REGIONS[:2], *(_REGIONS[2:4] if rng.random() < 0.7 else _REGIONS[5:7]))
    mix = np.array(_TOPIC_WEIGHTS) * np.exp(rng.normal(0.0, 0.06, (days, len(TOPICS))))
    return Company(
        name=_NAMES[int(rng.integers(len(_NAMES)))],
        tracks=tracks,
        regions=chosen,
        region_weights=np.array(_REGION_WEIGHTS),
        topic_mix=mix / mix.sum(axis=1, keepdims=True),
        levels=_levels(rng, days, contacts_per_day, weekday0),
        weekday0=weekday0,
    )


def _levels(rng: np.random.Generator, days: int, contacts_per_day: float, weekday0: int) -> Floats:
    """Mean contacts per bin: day and week seasons, a slow trend, a day's own level, an hour's own wobble."""
    bins = int(days * DAY_S / BIN_S)
    season = activity(np.arange(bins, dtype=np.float64) * BIN_S, weekday0)
    slow = np.linspace(0.0, rng.normal(0.0, 0.04), bins)
    by_day = np.repeat(rng.normal(0.0, 0.04, days), bins // days)
    by_hour = np.repeat(rng.normal(0.0, 0.05, days * 24), bins // (days * 24))
    levels: Floats = contacts_per_day * BIN_S / DAY_S * season * np.exp(slow + by_day + by_hour)
    return levels


def activity(at: Floats, weekday0: int) -> Floats:
    """How busy customers are at a moment, around 1: hours interpolated, times the weekday."""
    hours = np.array(_HOURS) / np.mean(_HOURS)
    of_day = at % DAY_S / 3600.0
    daily = np.interp(of_day, np.arange(25), np.append(hours, hours[0]))
    weekday = (at // DAY_S).astype(np.int64) + weekday0
    busy: Floats = daily * np.array(_WEEKDAYS)[weekday % 7]
    return busy


def adopted(release: VersionRelease, track: Track, at: Floats) -> Floats:
    """Share of the track's customers who have had this release, at each moment: roll-out share times uptake."""
    share = np.zeros_like(at)
    for start, step in release.steps:
        share = np.where(at >= start, step, share)
    uptake: Floats = share * -np.expm1(-np.maximum(at - release.at, 0.0) / track.tau_s)
    return uptake


def versions_at(releases: tuple[VersionRelease, ...], track: Track, at: Floats, rng: np.random.Generator) -> Ints:
    """For each moment, which release of a track (index into ``releases``, in order of time) the customer has."""
    held = np.zeros(at.shape, dtype=np.int64)
    for index, release in enumerate(releases[1:], start=1):
        held[rng.random(at.shape) < adopted(release, track, at)] = index
    return held
