"""Who writes when about what, as columns: the usual contacts, those that causes add, and the faults of measurement."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from sources.stories.world import DAY_S, Floats, Ints, Seconds, activity
from sources.stories.worlds.drama import Drama, Effect
from sources.stories.worlds.market import HOUR_S, Bools, Market, adopted, versions_at
from sources.stories.worlds.phrasing import EDGE_POOL, EFFECT_POOL, LANGUAGES, USUAL_POOL

USUAL = -1
TOPIC_SPREAD = (0.8, 0.13, 0.07)
LATE_SHARE = 0.004
BILINGUAL = 0.12


class Crowd(Struct, frozen=True, kw_only=True):
    """Contacts as columns of one length. ``at``: seconds since the world's start, in whole milliseconds; ``held``:
    place of the track's version; ``effect``: the effect that added the contact, or ``USUAL``. The text is the
    ``core``-th of the pool of effect ``voice`` (or of the usual texts of topic ``about``), between an opener and a
    closer. ``delay``: seconds until it arrives."""

    at: Floats
    track: Ints
    held: Ints
    region: Ints
    topic: Ints
    language: Ints
    customer: Ints
    effect: Ints
    voice: Ints
    about: Ints
    core: Ints
    opener: Ints
    closer: Ints
    delay: Floats

    def take(self, rows: Ints | Bools) -> Crowd:
        return Crowd(**{name: getattr(self, name)[rows] for name in Crowd.__struct_fields__})


class Cast(Struct, frozen=True):
    """Who can write, and the dice. ``blame``: share of those hit who blame something else."""

    rng: np.random.Generator
    market: Market
    drama: Drama
    customers: int


def gather(cast: Cast) -> Crowd:
    """Everyone who writes during the world's time, in order of time."""
    effects = list(enumerate(cast.drama.effects))
    crowds = [_usual(cast), *(_hit(cast, index) for index, effect in effects if effect.fault is None)]
    crowd = _in_order(_joined(crowds))
    for index, effect in effects:
        if effect.fault is not None:
            crowd = _in_order(_FAULTS[effect.fault](cast, crowd, effect, index))
    inside = crowd.take((crowd.at >= 0.0) & (crowd.at < cast.market.ends))
    return replace(inside, at=np.floor(inside.at * 1000.0) / 1000.0)


def _usual(cast: Cast) -> Crowd:
    rng, market = cast.rng, cast.market
    counts = rng.poisson(market.levels)
    at = (np.repeat(np.arange(counts.size), counts) + rng.random(int(counts.sum()))) * HOUR_S
    days = int(np.ceil(market.ends / DAY_S))
    mix = market.topic_weights * np.exp(rng.normal(0.0, 0.06, (days, market.topic_weights.size)))
    bounds = (mix / mix.sum(axis=1, keepdims=True)).cumsum(axis=1)
    topic = (rng.random(at.size)[:, None] > bounds[(at // DAY_S).astype(np.int64)]).sum(axis=1)
    topic = np.minimum(topic, market.topic_weights.size - 1)
    return _crowd(cast, at, rng.choice(len(market.tracks), at.size, p=market.weights), topic, USUAL)


def _hit(cast: Cast, index: int) -> Crowd:
    """Those whom an effect makes write."""
    rng, market, effect = cast.rng, cast.market, cast.drama.effects[index]
    at = _moments(cast, effect, int(rng.poisson(effect.mean)))
    inside = np.array(
        [effect.product in ("", one.product) and effect.platform in ("", one.platform) for one in market.tracks]
    )
    weights = np.where(inside, market.weights, 0.0)
    track = rng.choice(weights.size, at.size, p=weights / weights.sum())
    topic = np.array(effect.topics)[rng.choice(len(TOPIC_SPREAD), at.size, p=TOPIC_SPREAD)]
    crowd = _crowd(cast, at, track, topic, index)
    if effect.published is not None:
        where = effect.published.track
        held = cast.drama.published[where].index(effect.published)
        crowd = replace(crowd, track=np.full(at.size, where), held=np.full(at.size, held))
    if effect.region:
        place = [name for name, _ in market.regions].index(effect.region)
        crowd = replace(crowd, region=np.full(at.size, place))
        crowd = replace(crowd, language=_languages(cast, crowd.region))
    return crowd


def _moments(cast: Cast, effect: Effect, number: int) -> Floats:
    """When they come: as busy as customers are, as many as have the version, dying down in a burst or at the end."""
    grid = np.arange(effect.onset, min(effect.until + 4 * effect.fades_s, cast.market.ends), 120.0)
    if not grid.size:
        return np.zeros(0)
    weight = activity(grid, cast.market.weekday0) * np.exp(-np.maximum(grid - effect.until, 0.0) / effect.fades_s)
    if effect.shape == "burst":
        weight = weight * np.exp(-2.0 * (grid - effect.onset) / (effect.until - effect.onset))
    if effect.published is not None:
        weight = weight * adopted(effect.published, cast.market.tracks[effect.published.track], grid + 1_800.0)
    total = weight.sum()
    if not total > 0:
        return np.zeros(0)
    picked = cast.rng.choice(grid.size, number, p=weight / total)
    moments: Floats = grid[picked] + cast.rng.random(number) * 120.0
    return moments


def _doubled(cast: Cast, crowd: Crowd, effect: Effect, index: int) -> Crowd:
    """A part of the stretch's contacts once more under other ids, a moment later."""
    rows = np.flatnonzero((crowd.at >= effect.onset) & (crowd.at < effect.until))
    rows = rows[cast.rng.random(rows.size) < effect.ratio]
    copy = crowd.take(rows)
    later = copy.at + cast.rng.uniform(1.0, 90.0, rows.size)
    return _joined([crowd, replace(copy, at=later, effect=np.full(rows.size, index))])


def _back_filled(cast: Cast, crowd: Crowd, effect: Effect, index: int) -> Crowd:
    """Contacts of the three days before, imported again: most with the import's date, some late with their own."""
    rng = cast.rng
    rows = np.flatnonzero((crowd.at >= effect.onset - 3 * DAY_S) & (crowd.at < effect.onset))
    rows = np.sort(rng.choice(rows, min(rows.size, round(1.4 * effect.mean)), replace=False))
    copy = crowd.take(rows)
    now = rng.random(rows.size) < 0.7
    arrives = rng.uniform(effect.onset, effect.until, rows.size)
    copy = replace(
        copy,
        at=np.where(now, arrives, copy.at),
        delay=np.where(now, 2.0, arrives - copy.at),
        effect=np.full(rows.size, index),
    )
    return _joined([crowd, copy])


def _one_customer(cast: Cast, crowd: Crowd, effect: Effect, index: int) -> Crowd:
    """One customer, one leaf, message after message."""
    return _joined([crowd, _pest(cast, effect, index)])


def _one_text(cast: Cast, crowd: Crowd, effect: Effect, index: int) -> Crowd:
    """Many customers, or so it seems, and one text."""
    rng = cast.rng
    pest = _pest(cast, effect, index)
    rows = pest.at.size
    same = {name: np.full(rows, int(rng.integers(EDGE_POOL))) for name in ("opener", "closer")}
    pest = replace(
        pest, customer=rng.integers(0, cast.customers, rows), core=np.full(rows, int(rng.integers(USUAL_POOL))), **same
    )
    return _joined([crowd, pest])


def _pest(cast: Cast, effect: Effect, index: int) -> Crowd:
    rng = cast.rng
    at = rng.uniform(effect.onset, effect.until, int(rng.poisson(effect.mean)))
    track = np.full(at.size, int(rng.choice(len(cast.market.tracks), p=cast.market.weights)))
    crowd = _crowd(cast, at, track, np.full(at.size, effect.topics[0]), index)
    region = np.full(at.size, int(rng.integers(len(cast.market.regions))))
    language = np.full(at.size, LANGUAGES.index(cast.market.regions[int(region[0])][1]) if at.size else 0)
    held = np.full(at.size, int(crowd.held[0]) if at.size else 0)
    customer = np.full(at.size, cast.customers + index)
    return replace(crowd, voice=np.full(at.size, USUAL), region=region, language=language, held=held, customer=customer)


def _renamed(cast: Cast, crowd: Crowd, effect: Effect, index: int) -> Crowd:
    """A category gets another name at intake, for good; nobody writes more than before."""
    new = len(cast.market.topics) + index
    chosen = (crowd.topic == effect.topics[0]) & (crowd.at >= effect.onset)
    effects = np.where(chosen & (crowd.effect == USUAL), index, crowd.effect)
    return replace(crowd, topic=np.where(chosen, new, crowd.topic), effect=effects)


def _gap(cast: Cast, crowd: Crowd, effect: Effect, index: int) -> Crowd:
    """Nothing is collected for hours; of what was written then, most comes at once afterwards, dated when it came."""
    rng = cast.rng
    within = (crowd.at >= effect.onset) & (crowd.at < effect.until)
    kept = ~within | (rng.random(crowd.at.size) < 0.7)
    at = np.where(within, effect.until + rng.uniform(0.0, 1.5 * HOUR_S, crowd.at.size), crowd.at)
    effects = np.where(within, index, crowd.effect)
    return replace(crowd, at=at, effect=effects).take(kept)


_FAULTS = {
    "doubled": _doubled,
    "back-fill": _back_filled,
    "one-customer": _one_customer,
    "one-text": _one_text,
    "renamed": _renamed,
    "gap": _gap,
}


def _crowd(cast: Cast, at: Floats, track: Ints, topic: Ints, effect: int) -> Crowd:
    """The rest of every row: version, region, customer and words."""
    rng, size = cast.rng, at.size
    held = np.zeros(size, dtype=np.int64)
    for number, made in enumerate(cast.drama.published):
        if made and (here := track == number).any():
            held[here] = versions_at(made, cast.market.tracks[number], at[here], rng)
    region = rng.choice(len(cast.market.regions), size, p=cast.market.region_weights)
    late = rng.random(size) < LATE_SHARE
    return Crowd(
        at=at, track=track, held=held, region=region, topic=topic, language=_languages(cast, region),
        customer=(cast.customers * rng.random(size) ** 1.3).astype(np.int64), effect=np.full(size, effect),
        voice=np.full(size, effect), about=topic, core=rng.integers(0, USUAL_POOL if effect == USUAL else EFFECT_POOL, size),
        opener=rng.integers(0, EDGE_POOL, size), closer=rng.integers(0, EDGE_POOL, size),
        delay=rng.exponential(4.0, size).clip(max=60.0) + np.where(late, rng.uniform(1.0, 8.0, size) * HOUR_S, 0.0),
    )  # fmt: skip


def _languages(cast: Cast, region: Ints) -> Ints:
    spoken = np.array([LANGUAGES.index(language) for _, language in cast.market.regions])
    return np.where(cast.rng.random(region.size) < BILINGUAL, LANGUAGES.index("en"), spoken[region])


def _joined(crowds: list[Crowd]) -> Crowd:
    return Crowd(**{name: np.concatenate([getattr(one, name) for one in crowds]) for name in Crowd.__struct_fields__})


def _in_order(crowd: Crowd) -> Crowd:
    return crowd.take(np.argsort(crowd.at, kind="stable"))


def ends_of(at: Floats) -> Seconds:
    """When 98% of an effect's contacts have come."""
    return float(np.sort(at)[int(0.98 * (at.size - 1))])
