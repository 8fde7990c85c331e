"""How large an effect is, and where: as drawn where that can be told from chance, else wider, longer or louder."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sources.stories.world import Floats, Seconds
from sources.stories.worlds.market import HOUR_S, Market

MAIN_SHARE = 0.8
MEDIAN_RATIO, RATIO_SPREAD = 0.42, 0.5
LEAST_SURE, MOST_SURE = 6.0, 13.0
LEAST_RAISED = 5.0
LEVEL_ERROR = 0.04
LOUDEST = 4.0
BRIEF_H = (1.5, 4.0)


class Spot(NamedTuple):
    """Where an effect lies; empty: everywhere."""

    product: str = ""
    platform: str = ""
    region: str = ""


class Size(NamedTuple):
    """Place, length in seconds, excess over the usual contacts of the place's main topic, and contacts in all."""

    spot: Spot
    lasts: Seconds
    ratio: float
    mean: float


def fitted(
    rng: np.random.Generator,
    market: Market,
    onset: Seconds,
    lengths: tuple[Seconds, ...],
    place: tuple[Spot, int],
    *,
    fixed: bool,
) -> Size | None:
    """A size that can be told from chance: the drawn ratio if the place (or, unless ``fixed``, a wider one) is busy
    enough for one of the lengths, else a louder effect; ``None`` where not even that helps."""
    spot, topic = place
    ratio = float(np.exp(rng.normal(math.log(MEDIAN_RATIO), RATIO_SPREAD)))
    sure = rng.uniform(LEAST_SURE, MOST_SURE)
    wider = [spot, spot._replace(platform=""), Spot(spot.product), Spot("", "", spot.region), Spot()]
    spans = [(one, length) for length in lengths for one in (wider[:1] if fixed else wider)]
    for one, length in spans:
        base = base_of(market, (onset, onset + length), one, topic)
        if ratio * base >= sure * math.sqrt((1.0 + ratio) * base + (LEVEL_ERROR * base) ** 2):
            return Size(one, length, ratio, ratio * base / MAIN_SHARE)
    one, length = spans[-1]
    base = max(base_of(market, (onset, onset + length), one, topic), 1.0)
    sure = LEAST_RAISED
    ratio = (sure**2 + math.sqrt(sure**4 + 4.0 * base * sure**2)) / (2.0 * base) + sure * LEVEL_ERROR
    return Size(one, length, ratio, ratio * base / MAIN_SHARE) if ratio <= LOUDEST else None


def brief(rng: np.random.Generator, market: Market, onset: Seconds, spot: Spot, shares: tuple[float, float]) -> Size:
    """Some hours that add between two shares of all contacts, wherever they fall."""
    length = rng.uniform(*BRIEF_H) * HOUR_S
    share = float(np.exp(rng.uniform(*np.log(shares))))
    return Size(spot, length, share, share * base_of(market, (onset, onset + length), Spot()))


def base_of(market: Market, stretch: tuple[Seconds, Seconds], spot: Spot, topic: int | None = None) -> float:
    """Usual contacts of a place in a stretch of time."""
    start, end = stretch
    hours = np.arange(market.levels.size) * HOUR_S
    overlap: Floats = np.clip((np.minimum(hours + HOUR_S, end) - np.maximum(hours, start)) / HOUR_S, 0.0, 1.0)
    inside = [spot.product in ("", one.product) and spot.platform in ("", one.platform) for one in market.tracks]
    share = float(market.weights[np.array(inside)].sum())
    if spot.region:
        share *= float(market.region_weights[[name for name, _ in market.regions].index(spot.region)])
    if topic is not None:
        share *= float(market.topic_weights[topic])
    return float((overlap * market.levels).sum()) * share
