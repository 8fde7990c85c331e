"""How a spike's excess is shared among its causes: by what each explains where that can be told, else by probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.attribution import Candidate
from schemas.spike import Spike
from schemas.timeline import Change
from stats.mixture import Parts, separate
from stats.posterior import cause_interval
from streams.attribute import memory as past
from streams.attribute.case import Case, excess_of, window
from streams.attribute.evidence import Surroundings, line, own_scope
from streams.attribute.kinds import ENDING, PRECISION_H
from streams.attribute.matching import Match
from streams.attribute.memory import Document, Memory
from streams.attribute.spoken import Spoken

Floats = NDArray[np.float64]
STRONG = 1.5
"""Log-odds against ``unknown`` that make a change a cause in its own right, whatever others there are."""
MOST_CAUSES = 3
FEW = 20
LOSS = 3.0
LEAST_SHARE = 0.1
LEAK = 0.05
SAID_BY = 0.6
_Z90 = 1.645


class Part(NamedTuple):
    """A cause's part of the excess: share with its 90% interval."""

    share: float
    low: float
    high: float


def shared_out(
    case: Case,
    memory: Memory | None,
    around: Surroundings | None,
    candidates: tuple[Candidate, ...],
    matched: Mapping[str, Match],
) -> tuple[Candidate, ...]:
    """Give every candidate its contacts; they sum to the spike's.

    Where two changes are causes in their own right and can be told apart by words, place or time, their probability
    together is divided by what each explains, so that it reads as the chance that a contact is due to it.
    """
    parts: dict[str, Part] = {}
    if memory is not None and around is not None:
        parts = _parts(case, memory, around, candidates, matched)
    if parts:
        candidates = _by_parts(candidates, parts)
    return tuple(_with_excess(one, case.spike, parts.get(one.key)) for one in candidates)


def _by_parts(candidates: tuple[Candidate, ...], parts: Mapping[str, Part]) -> tuple[Candidate, ...]:
    together = sum(one.probability for one in candidates if one.key in parts)
    told = sum(part.share for part in parts.values())
    done = []
    for candidate in candidates:
        one = candidate
        if (part := parts.get(one.key)) is not None:
            sentence = f"{part.share:.0%} of the excess ({part.low:.0%}\u2013{part.high:.0%}) by words, place and time."
            more = line("parts", 0.0, sentence, share=part.share, low=part.low, high=part.high)
            one = replace(one, probability=together * part.share / told, evidence=(*one.evidence, more))
        done.append(one)
    return tuple(sorted(done, key=lambda one: (-one.probability, one.kind, one.key)))


def _with_excess(one: Candidate, spike: Spike, part: Part | None) -> Candidate:
    _, low, high = excess_of(spike)
    mean = one.probability * spike.excess
    if part is None or spike.excess <= 0:
        interval = cause_interval(one.probability, excess=spike.excess, low=low, high=high)
    else:
        spread = [np.hypot(part.share - part.low, (spike.excess - low) / spike.excess * part.share)]
        spread.append(np.hypot(part.high - part.share, (high - spike.excess) / spike.excess * part.share))
        interval = (max(mean - float(spread[0]) * spike.excess, 0.0), mean + float(spread[1]) * spike.excess)
    return replace(one, excess=mean, excess_low=min(interval[0], mean), excess_high=max(interval[1], mean))


def _parts(
    case: Case, memory: Memory, around: Surroundings, candidates: tuple[Candidate, ...], matched: Mapping[str, Match]
) -> dict[str, Part]:
    """Parts of the causes that can be told apart; empty where fewer than two can."""
    scores = {one.key: sum(e.weight for e in one.evidence if e.line != "joint") for one in candidates if one.key}
    strong = [
        key for key in sorted(scores, key=lambda key: (-scores[key], key)) if scores[key] > STRONG and key in matched
    ]
    spike = case.spike
    usual = min(max(1.0 - spike.excess / max(float(spike.observed), 1.0), 0.0), 0.95)
    if len(strong) < 2:
        return {}
    docs = past.documents(memory, past.inside(memory, spike.slice), *window(spike))
    if len(docs) < FEW:
        return {}
    strong = strong[:MOST_CAUSES]
    ratios = np.column_stack([*_ratios(docs, [matched[key] for key in strong], around), np.ones(len(docs))])
    weights = np.array([doc.weight for doc in docs])
    found = separate(ratios, weights * len(docs) / weights.sum(), usual=usual)
    told = [i for i in range(len(strong)) if found.loss[i] > LOSS and found.share[i] > LEAST_SHARE]
    return {strong[i]: _part(found, i) for i in told} if len(told) > 1 else {}


def _part(found: Parts, i: int) -> Part:
    share, error = float(found.share[i]), _Z90 * float(found.error[i])
    return Part(share, max(share - error, 0.0), min(share + error, 1.0))


def _ratios(docs: list[Document], matches: list[Match], around: Surroundings) -> list[Floats]:
    """Per cause: density of each contact under it over that of usual contacts, by words, place and time."""
    spoken = Spoken(docs)
    said = [spoken.by(match.shared) for match in matches]
    found = []
    for own, match in enumerate(matches):
        ratio = _place(docs, match.change, around) * _time(docs, match.change)
        for other, hit in enumerate(said):
            usual = min(max(matches[other].usual, 0.005), 0.9)
            by = max(SAID_BY, usual) if other == own else usual
            ratio = ratio * np.where(hit, by / usual, (1.0 - by) / (1.0 - usual))
        found.append(ratio)
    return found


def _place(docs: list[Document], change: Change, around: Surroundings) -> Floats:
    scope = own_scope(change, around.memory)
    if not scope:
        return np.ones(len(docs))
    within = past.inside(around.memory, scope)
    mine = past.inside(around.memory, around.spike.slice)
    share = float(around.expected[mine & within].sum()) / max(float(around.expected[mine].sum()), 1e-9)
    share = min(max(share, 0.02), 0.98)
    inside = np.array([within[doc.leaf] for doc in docs])
    return np.where(inside, (1.0 - LEAK) / share, LEAK / (1.0 - share))


def _time(docs: list[Document], change: Change) -> Floats:
    at = np.array([doc.at_s for doc in docs])
    begins = change.starts_at.timestamp()
    live = at >= begins
    if change.announced_at is not None:
        live = at >= min(begins, change.announced_at.timestamp())
    if change.ends_at is not None and change.kind in ENDING:
        live &= at <= change.ends_at.timestamp() + 2 * 3600.0
    if change.precision == "day":
        live |= at >= begins - PRECISION_H["hour"] * 3600.0
    share = min(max(float(live.mean()), 0.05), 0.98)
    return np.where(live, (1.0 - LEAK) / share, LEAK / (1.0 - share)) if not live.all() else np.ones(len(docs))
