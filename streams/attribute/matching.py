"""Evidence from words: what the excess contacts say against what each change says, other changes as placebos."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.attribution import Evidence
from schemas.spike import Spike
from schemas.timeline import Change
from stats.voices import voice_weight
from stats.words import match_scores, placebo_z, slot, words, words_weight
from streams.attribute.book import Version
from streams.attribute.case import SpikeWords, excess_share
from streams.attribute.evidence import PLURALS, Surroundings, line
from streams.attribute.kinds import REMEDY, WRITTEN
from streams.attribute.onset import start_of

PASSAGE, PASSAGE_FROM = 5, 4_000
ENOUGH = 8
Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
ONE_WORD = 1.0
DIFFUSE, CLEAR, WORDY = 0.3, 0.1, 12
"""Share of causes whose words nobody repeats: in a spike that says nothing unusual, and in one that speaks with one voice."""
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


def words_lines(
    around: Surroundings, found: SpikeWords, versions: list[Version], asked: set[str], frequency: Floats
) -> dict[str, Match]:
    """Match of the excess words with the words of each change asked for, standardised against all other changes.

    One shared word may be chance, so a match counts for little more than what is left of it without its best word
    (a promotion's code excepted). What matches must also be enough of it: if the contacts that use the shared words are few beside the excess,
    the weight is cut, down to a quarter. Nothing for a change without words or a spike without samples.
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
    return {
        version.change.key: _match(around, found, version, (float(scores[i]), np.delete(scores, i)), value)
        for i, version in enumerate(usable)
        if version.change.key in asked
    }


def _match(
    around: Surroundings, found: SpikeWords, version: Version, scored: tuple[float, Floats], value: Floats
) -> Match:
    own = version.words
    weights = own.weights * value[own.slots]
    gain = found.strength[own.slots] * weights
    z = _robust_z(scored, gain, weights, coded=np.isin(own.slots, own.code))
    best = sorted(np.flatnonzero(gain > 0.5), key=lambda i: (-gain[i], own.slots[i]))[:12]
    shared = own.slots[best]
    now, usual = (1.0 - float(np.prod(1.0 - share[shared])) for share in (found.share_now, found.share_usual))
    covered = max(now - usual, 0.0) / excess_share(around.spike, least=0.02)
    wordy = min(1.0, len(own.slots) / WORDY)
    silent = DIFFUSE - (DIFFUSE - CLEAR) * found.clarity * wordy
    weight = words_weight(z, silent=silent * (1.0 if version.change.kind == "release" else OUTSPOKEN))
    weight *= min(1.0, max(0.25, covered / 0.3)) if weight > 0 else 1.0
    sentence = _said(around, version.change, shared, gain[best], (now, usual, z))
    fixing = float(gain[np.isin(own.slots, own.fixing)].sum()) / max(float(gain.sum()), 1e-9)
    evidence = line("words", weight, sentence, z=z, sampled=found.sampled, now=now, usual=usual)
    return Match(z, fixing, evidence, version.change, np.asarray(shared, dtype=np.int64), usual)


def _said(around: Surroundings, change: Change, shared: Ids, gains: Floats, numbers: tuple[float, float, float]) -> str:
    now, usual, z = numbers
    if not len(shared):
        return f"The contacts share no unusual word with it ({z:+.1f} sd against other changes)."
    words_shared = ", ".join(f"'{around.memory.forms.get(int(place), '?')}'" for place in shared[:4])
    passage = telling_passage(change, dict(zip(shared.tolist(), gains.tolist(), strict=True)))
    its = f"; it says '{passage}'" if passage else ""
    return f"{now:.0%} of the contacts share {words_shared} with it (usually {usual:.0%}){its}: {z:+.1f} sd against other changes."


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


def written(*lines: Evidence | None) -> list[Evidence]:
    """What customers write, by line, for a change by at most :data:`~streams.attribute.kinds.WRITTEN` nats in all: later
    lines give up what is too much."""
    room, bounded = WRITTEN, []
    for one in lines:
        if one is not None:
            weight = min(one.weight, room)
            bounded.append(replace(one, weight=weight))
            room -= max(weight, 0.0)
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


def _robust_z(scored: tuple[float, Floats], gain: Floats, weights: Floats, *, coded: NDArray[np.bool_]) -> float:
    """Standard deviations of a match, at most :data:`ONE_WORD` more than one and a half times what is left of it
    without its best word."""
    score, placebos = scored
    whole = placebo_z(score, placebos)
    best = float(np.where(coded, 0.0, gain).max())
    norm = max(float(np.sqrt((weights**2).sum())), 1e-9)
    return min(whole, 1.5 * max(placebo_z(score - best / norm, placebos), 0.0) + ONE_WORD)


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
