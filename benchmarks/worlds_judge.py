"""Holds the spikes found in a world against its truth, contact by contact.

A world knows of every contact which effect added it. So each spike found is made of known parts: what makes most of
its added contacts is its true cause, what makes a quarter as much shares it. A spike in which fewer than 5 contacts,
or than a quarter of what was claimed, were added by anything is a false one; right for it is a nameless answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from msgspec import Struct

from benchmarks.worlds_run import Found, inside
from schemas.attribution import NAMELESS, Attribution
from sources.stories.worlds import WorldTruth

SHARED = 0.25
LEAST_PART = 0.25
LEAST_CONTACTS = 5
BLAMED_AT = 0.5


class Part(Struct, frozen=True):
    """A true effect in a spike: its name and cause, the contacts it added there, and how strong it is."""

    name: str
    kind: str
    key: str
    contacts: int
    ratio: float


class Named(Struct, frozen=True):
    """One candidate: its probability, interval of contacts, and the sum of weights of each evidence line."""

    kind: str
    key: str
    probability: float
    excess: float
    low: float
    high: float
    lines: dict[str, float]


class Answer(Struct, frozen=True):
    """One spike found: what it truly is made of (the largest part first; empty for a false one), what was said of it,
    what the rivals said, and the changes that must not be blamed for it."""

    world: str
    spike: str
    slice: str
    excess: float
    low: float
    high: float
    parts: tuple[Part, ...]
    candidates: tuple[Named, ...]
    must_not_blame: tuple[str, ...] = ()
    rivals: dict[str, tuple[str, str]] = {}

    @property
    def truth(self) -> Part | None:
        return self.parts[0] if self.parts else None

    @property
    def top(self) -> Named:
        return self.candidates[0]

    def is_right(self, kind: str, key: str) -> bool:
        if not self.parts:
            return kind in NAMELESS
        return any((part.kind, part.key) == (kind, key) for part in self.parts)

    @property
    def right(self) -> bool:
        return self.is_right(self.top.kind, self.top.key)

    @property
    def blamed(self) -> bool:
        """Whether a decoy is put first or at a half and more."""
        put = {
            one.key
            for place, one in enumerate(self.candidates)
            if one.key and (place == 0 or one.probability >= BLAMED_AT)
        }
        return bool(put & set(self.must_not_blame))


class Cause(Struct, frozen=True):
    """One true spike of a world. ``spike`` names the found one of which it is the main cause and has most contacts
    (empty: none); ``shared``: it is at least a part of one."""

    world: str
    truth: WorldTruth
    spike: str = ""
    shared: bool = False


def judged(
    found: Found, rivals: dict[str, dict[str, tuple[str, str]]] | None = None
) -> tuple[list[Answer], list[Cause]]:
    """All spikes found in a world beside the truth, and all its true causes beside what was found."""
    answers = [_answer(found, one, (rivals or {}).get(one.spike_id, {})) for one in found.said.final]
    return answers, [_cause(found, truth, answers) for truth in found.world.truth]


def _answer(found: Found, one: Attribution, rivals: dict[str, tuple[str, str]]) -> Answer:
    spike = found.said.spikes[one.spike_id]
    parts = tuple(_parts(found, one))
    near = {part.name for part in parts}
    spared = {(part.kind, part.key) for part in parts}
    decoys = {key for truth in found.world.truth if truth.name in near for key in truth.must_not_blame}
    return Answer(
        world=found.world.name,
        spike=one.spike_id,
        slice=", ".join(f"{name}={value}" for name, value in one.slice.items()),
        excess=spike.excess,
        low=spike.excess_low,
        high=spike.excess_high,
        parts=parts,
        candidates=tuple(_named(candidate) for candidate in one.candidates),
        must_not_blame=tuple(sorted(key for key in decoys if not any(key == true for _, true in spared))),
        rivals=rivals,
    )


def _named(candidate: Any) -> Named:
    lines: dict[str, float] = {}
    for evidence in candidate.evidence:
        lines[evidence.line] = lines.get(evidence.line, 0.0) + evidence.weight
    return Named(
        candidate.kind,
        candidate.key,
        candidate.probability,
        candidate.excess,
        candidate.excess_low,
        candidate.excess_high,
        lines,
    )


def _parts(found: Found, one: Attribution) -> Iterator[Part]:
    world = found.world
    crowd = world.crowd
    from_s, to_s = ((moment - world.start).total_seconds() for moment in (one.onset, one.end))
    low, high = np.searchsorted(crowd.at, (from_s, to_s))
    rows = np.flatnonzero(inside(world, one.slice)[world.leaves.place[low:high]]) + low
    effects = crowd.effect[rows]
    counts = np.bincount(effects[effects >= 0], minlength=len(world.effect_names))
    order = np.argsort(-counts, kind="stable")
    main = int(counts[order[0]]) if order.size else 0
    if main < max(LEAST_CONTACTS, LEAST_PART * (one.observed - one.expected)):
        return
    for index in order.tolist():
        if counts[index] >= SHARED * main:
            effect = world.drama.effects[index]
            yield Part(effect.name, effect.cause_kind, effect.cause_key, int(counts[index]), effect.ratio)


def _cause(found: Found, truth: WorldTruth, answers: list[Answer]) -> Cause:
    having = [(part.contacts, answer) for answer in answers for part in answer.parts if part.name == truth.name]
    leading = [pair for pair in having if pair[1].truth is not None and pair[1].truth.name == truth.name]
    best = max(leading, key=lambda pair: pair[0], default=None)
    return Cause(found.world.name, truth, best[1].spike if best is not None else "", bool(having))
