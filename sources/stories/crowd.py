"""The crowd: who writes when about what, as columns; usual contacts, then those that causes add."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from sources.stories.plot import Effect, Plot
from sources.stories.world import BIN_S, DAY_S, TOPICS, Company, Floats, Ints, Seconds, activity, adopted, versions_at

USUAL = -1
_SPREAD = (0.76, 0.15, 0.09)


class Crowd(Struct, frozen=True):
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


def gather(rng: np.random.Generator, company: Company, plot: Plot, *, customers: int) -> Crowd:
    """Everyone who writes during the story, in order of time."""
    crowds = [_usual(rng, company, plot, customers)]
    crowds += [
        _hit(rng, company, plot, index, customers)
        for index, effect in enumerate(plot.effects)
        if effect.problem is not None
    ]
    crowds += [
        _pest(rng, company, plot, index, customers)
        for index, effect in enumerate(plot.effects)
        if effect.fault == "one-customer"
    ]
    crowd = _sorted(_stacked(crowds))
    for index, effect in enumerate(plot.effects):
        if effect.fault == "doubled":
            crowd = _sorted(_stacked([crowd, _twins(rng, crowd, effect, index)]))
    return crowd


def _usual(rng: np.random.Generator, company: Company, plot: Plot, customers: int) -> Crowd:
    counts = rng.poisson(company.levels)
    at = np.repeat(np.arange(counts.size) * BIN_S, counts) + rng.random(counts.sum()) * BIN_S
    track = rng.choice(len(company.tracks), at.size, p=[one.weight for one in company.tracks])
    cumulative = company.topic_mix.cumsum(axis=1)[(at // DAY_S).astype(np.int64)]
    topic = np.minimum((rng.random(at.size)[:, None] > cumulative).sum(axis=1), len(TOPICS) - 1)
    return _crowd(rng, company, plot, at, track, topic, customers, USUAL)


def _hit(rng: np.random.Generator, company: Company, plot: Plot, index: int, customers: int) -> Crowd:
    effect = plot.effects[index]
    assert effect.problem is not None
    at = _moments(rng, company, effect, rng.poisson(effect.mean), company.levels.size * BIN_S)
    if effect.track is None:
        track = rng.choice(len(company.tracks), at.size, p=[one.weight for one in company.tracks])
    else:
        track = np.full(at.size, effect.track)
    places = np.array([TOPICS.index(topic) for topic in effect.problem.topics])
    topic = places[rng.choice(places.size, at.size, p=_SPREAD[: places.size])]
    crowd = _crowd(rng, company, plot, at, track, topic, customers, index)
    if effect.release is not None:
        held = plot.releases[effect.release.track].index(effect.release)
        crowd = Crowd(crowd.at, crowd.track, np.full(at.size, held), *_columns(crowd)[3:])
    return crowd


def _columns(crowd: Crowd) -> tuple[np.ndarray, ...]:
    return (
        crowd.at,
        crowd.track,
        crowd.release,
        crowd.region,
        crowd.topic,
        crowd.customer,
        crowd.effect,
        crowd.ticket,
        crowd.twin,
    )


def _moments(rng: np.random.Generator, company: Company, effect: Effect, number: int, ends: Seconds) -> Floats:
    """When the effect's contacts come: as busy as customers are, rising with the version's uptake, fading at the end."""
    grid = np.arange(effect.onset, min(effect.until + 5 * effect.fades_s, ends), 60.0)
    if not grid.size:
        return np.zeros(0)
    weight = activity(grid, company.weekday0) * np.where(
        grid < effect.until, 1.0, np.exp(-(grid - effect.until) / effect.fades_s)
    )
    if effect.release is not None:
        weight = weight * np.sqrt(adopted(effect.release, company.tracks[effect.release.track], grid + 1_800.0))
    picked = rng.choice(grid.size, number, p=weight / weight.sum())
    moments: Floats = np.minimum(grid[picked] + rng.random(number) * 60.0, ends - 1.0)
    return moments


def _pest(rng: np.random.Generator, company: Company, plot: Plot, index: int, customers: int) -> Crowd:
    """One customer, one leaf, hundreds of messages."""
    effect = plot.effects[index]
    number = rng.poisson(effect.mean)
    at = rng.uniform(effect.onset, effect.until, number)
    one = _crowd(
        rng,
        company,
        plot,
        at,
        np.full(number, int(rng.integers(3))),
        np.full(number, TOPICS.index("billing")),
        customers,
        index,
    )
    return Crowd(
        one.at,
        one.track,
        one.release,
        np.full(number, 1),
        one.topic,
        np.full(number, customers + 7),
        one.effect,
        np.zeros(number, dtype=np.int64),
        one.twin,
    )


def _twins(rng: np.random.Generator, crowd: Crowd, effect: Effect, index: int) -> Crowd:
    """Every ticket of the stretch once more, under another id, a moment later."""
    rows = np.flatnonzero((crowd.at >= effect.onset) & (crowd.at < effect.until) & (crowd.ticket == 1))
    columns = [column[rows] for column in _columns(crowd)]
    columns[0] = columns[0] + rng.uniform(1.0, 40.0, rows.size)
    columns[6] = np.full(rows.size, index)
    columns[8] = rows
    return Crowd(*columns)


def _crowd(
    rng: np.random.Generator,
    company: Company,
    plot: Plot,
    at: Floats,
    track: Ints,
    topic: Ints,
    customers: int,
    effect: int,
) -> Crowd:
    release = np.zeros(at.size, dtype=np.int64)
    for number, one in enumerate(company.tracks):
        here = track == number
        release[here] = versions_at(plot.releases[number], one, at[here], rng)
    region = rng.choice(len(company.regions), at.size, p=company.region_weights)
    if effect != USUAL and plot.effects[effect].region:
        names = [name for name, _ in company.regions]
        region = np.full(at.size, names.index(plot.effects[effect].region))
    customer = (customers * rng.random(at.size) ** 1.4).astype(np.int64)
    ticket = (rng.random(at.size) < 0.55).astype(np.int64)
    return Crowd(
        at,
        track.astype(np.int64),
        release,
        region.astype(np.int64),
        topic.astype(np.int64),
        customer,
        np.full(at.size, effect),
        ticket,
        np.full(at.size, -1),
    )


def _stacked(crowds: list[Crowd]) -> Crowd:
    return Crowd(*(np.concatenate(columns) for columns in zip(*map(_columns, crowds), strict=True)))


def _sorted(crowd: Crowd) -> Crowd:
    """In order of time; twins keep pointing at the row they repeat."""
    order = np.argsort(crowd.at, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    columns = [column[order] for column in _columns(crowd)]
    columns[8] = np.where(columns[8] >= 0, place[columns[8]], -1)
    return Crowd(*columns)
