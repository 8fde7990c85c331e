"""Spikes of the same time, as far as they bear on each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from schemas.attribution import Attribution
from schemas.spike import Spike
from stats.joint import joint_posterior, tie_probability
from streams.attribute import memory as past
from streams.attribute.case import Case, Standing, window
from streams.attribute.kinds import TEMPERATURE
from streams.attribute.memory import Floats, Memory

NEAR = timedelta(hours=24)
MOST = 24
LOOSE = 0.05
SPOKEN = 8
ECHO_H = 1.0
IMPOSSIBLE = -30.0
SIGN = 0.3
"""Nats from which a spike's own signs of mismeasurement count as one."""
TOGETHER, AGAINST = 2.0, 0.3
"""Nats against ``unknown`` that the spikes beside one may add to a cause in all, and what of those that they take from it
counts: fitted on worlds of the families meant for it (docs/attribution-settings.md). More for a cause made named causes sure and
wrong; what spoke against one by 1.8 nats was worth 0.5."""
FAULTY, FAULTY_MOST, UNSEEN = 1.3, 2.6, 1.3
"""The same for ``measurement``: how much more what spikes beside one say for it counts, and the nats in all. A fault of
counting shows in every slice that it touches; where a spike bears no sign of one itself (``UNSEEN``), three of four such
spikes beside a fault had customers behind them."""


class Company(NamedTuple):
    """What the spikes beside one add to each cause, in nats, and the larger one that it is tied to, if any."""

    added: dict[str, float]
    tie: float
    leader: Attribution | None
    smaller: int


def nested(case: Case, cases: Iterable[Case]) -> list[Spike]:
    """Other spikes of the case's stream and time on narrower slices, by id."""
    return [other for other in _meanwhile(case, cases) if case.spike.slice.items() < other.slice.items()]


def earlier(case: Case, cases: Iterable[Case]) -> list[Spike]:
    """Other spikes of the case's stream and time that opened before it and do not hold its slice, by id.

    What they add is theirs: the case's spike counts without it (:mod:`streams.detect.size`).
    """
    spike = case.spike
    return [
        other
        for other in _meanwhile(case, cases)
        if other.opened_at < spike.opened_at and not other.slice.items() <= spike.slice.items()
    ]


def _meanwhile(case: Case, cases: Iterable[Case]) -> list[Spike]:
    """Other spikes of the case's stream that share time with it, by id."""
    start_s, end_s = window(case.spike)
    others = (
        other
        for other in (one.spike for one in cases if one is not case)
        if other.stream == case.spike.stream
        and other.state != "merged"
        and window(other)[0] < end_s
        and window(other)[1] > start_s
    )
    return sorted(others, key=lambda other: other.spike_id)


def without(observed: Floats, expected: Floats, memory: Memory, spike: Spike, others: Iterable[Spike]) -> Floats:
    """Contacts per leaf in a spike's window without what other spikes added in it, taken from where contacts were more
    than expected."""
    left = observed.copy()
    start_s, end_s = window(spike)
    for other in others:
        begin_s, stop_s = window(other)
        part = (min(end_s, stop_s) - max(start_s, begin_s)) / (stop_s - begin_s)
        over = np.where(past.inside(memory, other.slice), np.maximum(left - expected, 0.0), 0.0)
        if (whole := float(over.sum())) > 0.0:
            left -= over * min(1.0, max(other.excess, 0.0) * part / whole)
    return left


def join(case: Case, standing: Standing, cases: Iterable[Case], *, events_per_day: float) -> Company:
    """Hold a spike's own evidence beside that of the spikes that began within a day of it.

    The larger a spike, the earlier in line; each is tied to the one before it that is most likely the same event.
    """
    line = _in_line(case, cases)
    standings = [standing if one is case else one.standing for one in line]
    told = [one for one in standings if one is not None]
    parents, ties = _ties(line, told, events_per_day)
    row = next(place for place, one in enumerate(line) if one is case)
    if parents[row] < 0 and row not in parents:
        return Company({}, 0.0, None, 0)
    causes = sorted({cause for one in told for cause in one.own})
    own = np.array([[one.own.get(cause, IMPOSSIBLE) for cause in causes] for one in told]) / TEMPERATURE
    prior = np.array([[one.prior.get(cause, IMPOSSIBLE) for cause in causes] for one in told]) / TEMPERATURE
    prior = np.exp(prior - prior.max(axis=1, keepdims=True))
    _, added = joint_posterior(own, prior / prior.sum(axis=1, keepdims=True), parents, np.array(ties))
    against_unknown = (added[row] - added[row][causes.index("unknown")]) * TEMPERATURE
    faulty = standing.own.get("measurement", 0.0) - standing.prior.get("measurement", 0.0) > SIGN
    nats = {cause: _bounded(cause, float(said), faulty) for cause, said in zip(causes, against_unknown, strict=True)}
    leader = line[parents[row]].last if parents[row] >= 0 else None
    return Company(nats, ties[row], leader, parents.count(row))


def _bounded(cause: str, said: float, faulty: bool) -> float:
    """What the spikes beside one say of a cause, in nats, as far as it counts; ``faulty``: it bears a sign of a fault itself."""
    if said < 0.0:
        return AGAINST * max(said, -TOGETHER)
    if cause == "measurement":
        return min(FAULTY * said, FAULTY_MOST if faulty else UNSEEN)
    return min(said, TOGETHER)


def _in_line(case: Case, cases: Iterable[Case]) -> list[Case]:
    near = [
        one
        for one in cases
        if one is case
        or (
            one.standing is not None and one.spike.state != "merged" and abs(one.spike.onset - case.spike.onset) <= NEAR
        )
    ]
    near.sort(key=lambda one: (-one.spike.excess, one.spike.spike_id))
    return near if len(near) <= MOST else [*[one for one in near if one is not case][: MOST - 1], case]


def _ties(line: list[Case], told: list[Standing], events_per_day: float) -> tuple[list[int], list[float]]:
    parents, ties = [-1], [0.0]
    for row in range(1, len(line)):
        chances = [_tie(line[row].spike, line[i].spike, told[row], told[i], events_per_day) for i in range(row)]
        best = int(np.argmax(chances))
        parents.append(best if chances[best] > LOOSE else -1)
        ties.append(chances[best] if chances[best] > LOOSE else 0.0)
    return parents, ties


def _tie(one: Spike, other: Spike, said: Standing, by: Standing, events_per_day: float) -> float:
    wide, narrow = (one, other) if len(one.slice) < len(other.slice) else (other, one)
    wider = wide.slice.items() < narrow.slice.items() and wide.onset > narrow.onset
    width_h = max((spike.onset_high - spike.onset_low) / timedelta(hours=1) for spike in (one, other))
    return tie_probability(
        apart_h=abs(one.onset - other.onset) / timedelta(hours=1),
        blur_h=ECHO_H + one.bucket_s / 3600 + min(width_h, 24.0) / 4,
        events_per_day=events_per_day,
        likeness=_likeness(said.voice, by.voice) if min(said.sampled, by.sampled) >= SPOKEN and not wider else None,
        soon=wider,
        compatible=all(other.slice.get(name, value) == value for name, value in one.slice.items()),
    )


def _likeness(one: Mapping[int, float], other: Mapping[int, float]) -> float | None:
    """Cosine of two spikes' unusual words; ``None`` where one of them says nothing unusual."""
    if not one or not other:
        return None
    norms = np.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return float(sum(value * other.get(place, 0.0) for place, value in one.items()) / norms)
