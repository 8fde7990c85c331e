"""The crowd: who writes when about what, as columns; usual contacts, then those that causes add."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple, replace

from sources.stories.plot import Effect, Plot
from sources.stories.world import BIN_S, DAY_S, TOPICS, Company, Floats, Ints, Seconds, activity, adopted, versions_at

USUAL = -1
PEST_TOPIC = "other"
_SPREAD = (0.76, 0.15, 0.09)


class Crowd(Struct, frozen=True, kw_only=True):
    """Contacts as columns of one length. ``at``: seconds since the story's start; ``effect``: index of the plot's
    effect that caused it, or ``USUAL``; ``ticket``: a ticket, else a chat; ``twin``: row it repeats, or -1."""

    at: Floats
    track: Ints
    release: Ints
    region: Ints
    topic: Ints
    customer: Ints
    effect: Ints
    ticket: Ints
    twin: Ints


class Cast(Struct, frozen=True):
    """Who can write, and the dice. ``customers``: how many there are."""

    rng: np.random.Generator
    company: Company
    plot: Plot
    customers: int

    @property
    def ends(self) -> Seconds:
        """The story's length."""
        return self.company.levels.size * BIN_S


def gather(cast: Cast) -> Crowd:
    """Everyone who writes during the story, in order of time."""
    effects = list(enumerate(cast.plot.effects))
    crowds = [_usual(cast)]
    crowds += [_hit(cast, index) for index, effect in effects if effect.problem is not None]
    crowds += [_pest(cast, index) for index, effect in effects if effect.fault == "one-customer"]
    crowd = _sorted(_stacked(crowds))
    for index, effect in effects:
        if effect.fault == "doubled":
            crowd = _sorted(_stacked([crowd, _twins(cast.rng, crowd, effect, index)]))
    return crowd


def _usual(cast: Cast) -> Crowd:
    rng, company = cast.rng, cast.company
    counts = rng.poisson(company.levels)
    at = np.repeat(np.arange(counts.size) * BIN_S, counts) + rng.random(counts.sum()) * BIN_S
    cumulative = company.topic_mix.cumsum(axis=1)[(at // DAY_S).astype(np.int64)]
    topic = np.minimum((rng.random(at.size)[:, None] > cumulative).sum(axis=1), len(TOPICS) - 1)
    return _crowd(cast, at, _tracks(cast, at.size), topic, USUAL)


def _hit(cast: Cast, index: int) -> Crowd:
    """Those whom an effect makes write."""
    effect = cast.plot.effects[index]
    assert effect.problem is not None
    at = _moments(cast, effect, int(cast.rng.poisson(effect.mean)))
    track = _tracks(cast, at.size) if effect.track is None else np.full(at.size, effect.track)
    places = np.array([TOPICS.index(topic) for topic in effect.problem.topics])
    topic = places[cast.rng.choice(places.size, at.size, p=_SPREAD)]
    crowd = _crowd(cast, at, track, topic, index)
    if effect.release is not None:
        held = cast.plot.releases[effect.release.track].index(effect.release)
        crowd = replace(crowd, release=np.full(at.size, held))
    if effect.region:
        place = [name for name, _ in cast.company.regions].index(effect.region)
        crowd = replace(crowd, region=np.full(at.size, place))
    return crowd


def _moments(cast: Cast, effect: Effect, number: int) -> Floats:
    """When the effect's contacts come: as busy as customers are, rising with the version's uptake, fading at the end."""
    grid = np.arange(effect.onset, min(effect.until + 5 * effect.fades_s, cast.ends), 60.0)
    if not grid.size:
        return np.zeros(0)
    fading = np.where(grid < effect.until, 1.0, np.exp(-(grid - effect.until) / effect.fades_s))
    weight = activity(grid, cast.company.weekday0) * fading
    if effect.release is not None:
        track = cast.company.tracks[effect.release.track]
        weight = weight * np.sqrt(adopted(effect.release, track, grid + 1_800.0))
    picked = cast.rng.choice(grid.size, number, p=weight / weight.sum())
    moments: Floats = np.minimum(grid[picked] + cast.rng.random(number) * 60.0, cast.ends - 1.0)
    return moments


def _pest(cast: Cast, index: int) -> Crowd:
    """One customer, one leaf, hundreds of messages."""
    effect = cast.plot.effects[index]
    number = int(cast.rng.poisson(effect.mean))
    at = cast.rng.uniform(effect.onset, effect.until, number)
    track = np.full(number, int(cast.rng.integers(len(cast.company.tracks))))
    crowd = _crowd(cast, at, track, np.full(number, TOPICS.index(PEST_TOPIC)), index)
    same = {
        name: np.full(number, value) for name, value in (("region", 1), ("customer", cast.customers + 7), ("ticket", 0))
    }
    return replace(crowd, **same, release=np.full(number, int(crowd.release[0]) if number else 0))


def _twins(rng: np.random.Generator, crowd: Crowd, effect: Effect, index: int) -> Crowd:
    """Every ticket of the stretch once more, under another id, a moment later."""
    rows = np.flatnonzero((crowd.at >= effect.onset) & (crowd.at < effect.until) & (crowd.ticket == 1))
    copy = Crowd(**{name: getattr(crowd, name)[rows] for name in Crowd.__struct_fields__})
    later = copy.at + rng.uniform(1.0, 40.0, rows.size)
    return replace(copy, at=later, effect=np.full(rows.size, index), twin=rows)


def _tracks(cast: Cast, size: int) -> Ints:
    weights = [track.weight for track in cast.company.tracks]
    return cast.rng.choice(len(weights), size, p=weights)


def _crowd(cast: Cast, at: Floats, track: Ints, topic: Ints, effect: int) -> Crowd:
    """The rest of every row: which version, region, customer and channel."""
    rng = cast.rng
    release = np.zeros(at.size, dtype=np.int64)
    for number, one in enumerate(cast.company.tracks):
        here = track == number
        release[here] = versions_at(cast.plot.releases[number], one, at[here], rng)
    return Crowd(
        at=at,
        track=track,
        release=release,
        region=rng.choice(len(cast.company.regions), at.size, p=cast.company.region_weights),
        topic=topic,
        customer=(cast.customers * rng.random(at.size) ** 1.4).astype(np.int64),
        effect=np.full(at.size, effect),
        ticket=(rng.random(at.size) < 0.55).astype(np.int64),
        twin=np.full(at.size, -1),
    )


def _stacked(crowds: list[Crowd]) -> Crowd:
    columns = zip(*(astuple(crowd) for crowd in crowds), strict=True)
    return Crowd(**dict(zip(Crowd.__struct_fields__, map(np.concatenate, columns), strict=True)))


def _sorted(crowd: Crowd) -> Crowd:
    """In order of time; twins keep pointing at the row they repeat."""
    order = np.argsort(crowd.at, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    moved = Crowd(**{name: getattr(crowd, name)[order] for name in Crowd.__struct_fields__})
    return replace(moved, twin=np.where(moved.twin >= 0, place[moved.twin], -1))
