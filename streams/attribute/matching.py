"""Evidence from words: what the excess contacts say against what each change says, other changes as placebos."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.attribution import Evidence
from schemas.raw import ChangeKind
from schemas.spike import Spike
from schemas.timeline import Change
from stats.voices import THING, voice_weight
from stats.words import covered_shares, match_scores, placebo_z, slot, words, words_weight
from streams.attribute.book import Version
from streams.attribute.case import SpikeWords, excess_share
from streams.attribute.evidence import PLURALS, Surroundings, line
from streams.attribute.kinds import REMEDY, WRITTEN, room
from streams.attribute.onset import start_of

PASSAGE, PASSAGE_FROM = 5, 4_000
ENOUGH, LEAST = 8, 0.02
Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
ONE_WORD = 1.0
DIFFUSE, CLEAR, WORDY = 0.3, 0.1, 12
"""Share of causes whose words nobody repeats: in a spike that says nothing unusual, and in one that speaks with one voice."""
MATCHED, AVERAGE, HANDFUL = 0.5, 0.7, 15.0
"""What of the match counts beside what its words cover of the excess, as both see the same words; and what both say, in
nats, of a change picked at random, so that over bystanders the odds are one on average: half of it for a handful of
contacts, which say little either way, and half of it for other kinds than releases (:data:`MEANT`), of which the fit
families ask for none."""
MEANT = 0.5
FAMILIAR = 0.5
"""Strength from which a change's word is taken to be among what the excess says."""
PLACEBOS = 8
OUTSPOKEN = 0.4
"""How much rarer that is where the record tells what customers meet (all kinds but releases, whose notes praise what is
new and are silent about what broke)."""


class Match(NamedTuple):
    """How a change's words match: in standard deviations against placebos, the share of the match that comes from what
    the change says it fixes, the evidence line, and the shared words with the share of contacts that usually say one."""

    z: float
    fixing: float
    evidence: Evidence
    change: Change
    shared: Ids
    usual: float


class Beside(NamedTuple):
    """A change's match and those of all other changes, its placebos; and what the words of such a change cover of the
    excess by chance: in the middle, and by how much more, in standard deviations."""

    score: float
    placebos: Floats
    middle: float
    blur: float


def words_lines(
    around: Surroundings, found: SpikeWords, versions: list[Version], asked: set[str], frequency: Floats
) -> dict[str, Match]:
    """Match of the excess words with the words of each change asked for, standardised against all other changes.

    One shared word may be chance, so a match counts for little more than what is left of it without its best word
    (a promotion's code excepted). As telling is how much of the excess its words cover, beyond what other changes' words
    cover of it. Nothing for a change without words or a spike without samples.
    """
    usable = [version for version in versions if len(version.words.slots)]
    if found.sampled == 0 or not usable:
        return {}
    slots = np.concatenate([version.words.slots for version in usable])
    lengths = np.array([len(version.words.slots) for version in usable])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    telling = np.log((len(usable) + 2.0) / (frequency + 1.0)) / math.log(len(usable) + 2.0)
    value = found.rarity * np.clip(telling, 0.05, 1.0)
    weights = np.concatenate([version.words.weights for version in usable]) * value[slots]
    scores = match_scores(found.strength, slots, weights, starts)
    familiar = found.strength[slots] * weights > FAMILIAR
    covered = covered_shares(found.share_now, familiar, slots, starts)
    covered -= covered_shares(found.share_usual, familiar, slots, starts)
    anyway = _by_chance(usable, covered / excess_share(around.spike, least=LEAST))
    return {
        version.change.key: _match(
            around, found, version, Beside(float(scores[i]), np.delete(scores, i), *anyway[version.change.kind]), value
        )
        for i, version in enumerate(usable)
        if version.change.key in asked
    }


def _by_chance(usable: list[Version], covered: Floats) -> dict[ChangeKind, tuple[float, float]]:
    """By kind of change: what the words of one in the middle cover of the excess, and how far above it others lie, in
    standard deviations by the upper quartile. Long notes cover something of anything."""
    kinds = np.array([version.change.kind for version in usable])
    found: dict[ChangeKind, tuple[float, float]] = {}
    for kind in dict.fromkeys(version.change.kind for version in usable):
        its = covered[kinds == kind]
        its = its if len(its) >= PLACEBOS else covered
        middle, upper = np.quantile(its, (0.5, 0.75)) if len(its) >= PLACEBOS else (0.0, 0.0)
        found[kind] = max(float(middle), 0.0), max(float(upper - middle), 0.0) / 0.674
    return found


def _match(around: Surroundings, found: SpikeWords, version: Version, beside: Beside, value: Floats) -> Match:
    own = version.words
    weights = own.weights * value[own.slots]
    gain = found.strength[own.slots] * weights
    z = _robust_z(beside, gain, weights, coded=np.isin(own.slots, own.code))
    best = sorted(np.flatnonzero(gain > FAMILIAR), key=lambda i: (-gain[i], own.slots[i]))[:12]
    shared = own.slots[best]
    now, usual = (1.0 - float(np.prod(1.0 - share[shared])) for share in (found.share_now, found.share_usual))
    needed = excess_share(around.spike, least=LEAST)
    thing = voice_weight(
        now,
        min(usual + beside.middle * needed, 1.0),
        sampled=found.sampled,
        needed=needed,
        manner=THING,
        blur=beside.blur,
    )
    wordy = min(1.0, len(own.slots) / WORDY)
    silent = DIFFUSE - (DIFFUSE - CLEAR) * found.clarity * wordy
    weight = words_weight(z, silent=silent * (1.0 if version.change.kind == "release" else OUTSPOKEN))
    average = AVERAGE * (1.0 if version.change.kind == "release" else MEANT)
    weight = MATCHED * weight + thing - average * found.sampled / (found.sampled + HANDFUL)
    covered = min(max(now - usual, 0.0) / needed, 1.0)
    sentence = _said(around, version.change, shared, gain[best], (now, usual, covered, z))
    fixing = float(gain[np.isin(own.slots, own.fixing)].sum()) / max(float(gain.sum()), 1e-9)
    numbers = {"now": now, "usual": usual, "covered": covered, "by_chance": beside.middle}
    evidence = line("words", weight, sentence, z=z, sampled=found.sampled, **numbers)
    return Match(z, fixing, evidence, version.change, np.asarray(shared, dtype=np.int64), usual)


def _said(around: Surroundings, change: Change, shared: Ids, gains: Floats, numbers: tuple[float, ...]) -> str:
    now, usual, covered, z = numbers
    if not len(shared):
        return f"The contacts share no unusual word with it ({z:+.1f} sd against other changes)."
    words_shared = ", ".join(f"'{around.memory.forms.get(int(place), '?')}'" for place in shared[:4])
    passage = telling_passage(change, dict(zip(shared.tolist(), gains.tolist(), strict=True)))
    its = f"; it says '{passage}'" if passage else ""
    said = f"{now:.0%} of the contacts share {words_shared} with it (usually {usual:.0%}), {covered:.0%} of the excess"
    return f"{said}{its}: {z:+.1f} sd against other changes."


def voice_line(change: Change, spike: Spike, found: SpikeWords) -> Evidence | None:
    """Whether what is beyond the usual is written as customers write about such changes.

    ``None`` for a kind without a voice, and for fewer than :data:`ENOUGH` sampled contacts.
    """
    voice = found.voices.get(change.kind)
    if voice is None or found.sampled < ENOUGH:
        return None
    weight = voice_weight(voice.now, voice.usual, sampled=found.sampled, needed=excess_share(spike))
    sentence = f"{voice.now:.0%} of the contacts use words that people use of {PLURALS[change.kind]} (usually {voice.usual:.0%})."
    return line("words", weight, sentence, kind_now=voice.now, kind_usual=voice.usual)


def written(*lines: Evidence | None, time: float) -> list[Evidence]:
    """What customers write, by line, for a change by at most :data:`~streams.attribute.kinds.WRITTEN` nats in all, and less
    for one that ``time`` speaks against: later lines give up what is too much."""
    left = room(WRITTEN, time=time)
    bounded = []
    for one in lines:
        if one is not None:
            weight = min(one.weight, left)
            bounded.append(replace(one, weight=weight))
            left -= max(weight, 0.0)
    return bounded


def telling_passage(change: Change, gains: Mapping[int, float]) -> str:
    """The few words of a change's own text that hold most of what matches."""
    best, found = 0.0, ""
    for text in (change.title, *change.claims, change.text[:PASSAGE_FROM]):
        said = text.split()
        value = [gains.get(slot(part), 0.0) for part in (_plain(one) for one in said)]
        for start in range(len(said)):
            if value[start] <= 0:
                continue
            for length in range(1, PASSAGE + 1):
                total = sum(value[start : start + length]) - 0.1 * length
                if total > best and start + length <= len(said) and value[start + length - 1] > 0:
                    best, found = total, " ".join(said[start : start + length])
    return found.strip(" .,;:!?|*-")


def _plain(word: str) -> str:
    found = words(word)
    return found[0] if found else ""


def _robust_z(beside: Beside, gain: Floats, weights: Floats, *, coded: NDArray[np.bool_]) -> float:
    """Standard deviations of a match, at most :data:`ONE_WORD` more than one and a half times what is left of it
    without its best word."""
    whole = placebo_z(beside.score, beside.placebos)
    best = float(np.where(coded, 0.0, gain).max())
    norm = max(float(np.sqrt((weights**2).sum())), 1e-9)
    return min(whole, 1.5 * max(placebo_z(beside.score - best / norm, beside.placebos), 0.0) + ONE_WORD)


def fix_line(change: Change, spike: Spike, match: Match | None) -> Evidence | None:
    """A change that says it fixes this, begun after the onset, is the remedy, not the cause: its words are the
    problem's, so what they weighed is taken back."""
    _, last = start_of(change)
    says = match is not None and match.z > 1.0 and match.fixing > 0.5
    if last <= spike.onset or not (change.fixes or says):
        return None
    named = ", ".join(change.fixes[:3]) or "what these contacts say"
    weight = REMEDY - (max(match.evidence.weight, 0.0) if match is not None else 0.0)
    return line("dose", weight, f"It fixes {named} and came after the spike's onset: a remedy.")
