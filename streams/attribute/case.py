"""One spike under investigation: its window, its contacts' words, and what has been said of it so far."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from schemas.attribution import Attribution, Quote, Term
from schemas.raw import ChangeKind, Feedback
from schemas.spike import Spike
from stats.shares import Ratio
from stats.words import SLOTS, excess_terms, function_slots, slot, words
from streams.attribute import memory as past
from streams.attribute.memory import Document, Memory, WordCounts
from streams.attribute.spoken import Spoken
from streams.attribute.telling import TERMS, phrase, quotes, usual_terms
from streams.attribute.voices import SAID, Voice, voice_slots

Floats = NDArray[np.float64]
FEWEST = 3
STRONGEST = 8.0
FEW = 30
USUALLY_REPEATED = 0.05
VOICED = 40
TEXTS_READ = 300
"""Sampled texts that are read anew for quotes and for versions that customers write: those with the smallest ranks."""
VOICE_FROM = 2.0
CLEAR_TERMS = 6
_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+|\d{2,3})(?![\w]|\.\d)")


@dataclass(slots=True)
class SpikeWords:
    """What the contacts of a spike say: excess strength per slot, how rare each slot usually is, shares of contacts
    with it now and usually, and examples. ``top_customer`` and ``repeated`` are shares of the sampled contacts:
    of the most frequent customer, and of texts already seen in the window. ``clarity`` is how much of the excess its most
    unusual words cover, 0 to 1; ``versions`` holds shares of contacts that write a version, now and before the onset."""

    strength: Floats = field(default_factory=lambda: np.zeros(SLOTS))
    rarity: Floats = field(default_factory=lambda: np.zeros(SLOTS))
    share_now: Floats = field(default_factory=lambda: np.zeros(SLOTS))
    share_usual: Floats = field(default_factory=lambda: np.zeros(SLOTS))
    sampled: int = 0
    terms: tuple[Term, ...] = ()
    quotes: tuple[Quote, ...] = ()
    customers: int = 0
    top_customer: float = 0.0
    repeated: float = 0.0
    repeated_before: float = 0.0
    exposed: dict[str, tuple[int, int]] = field(default_factory=dict)
    clarity: float = 0.0
    versions: dict[str, tuple[float, float]] = field(default_factory=dict)
    voice: dict[int, float] = field(default_factory=dict)
    voices: dict[ChangeKind, Voice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a spike's own evidence says of every cause at its last revision, for the spikes beside it: log-odds by cause
    (a change's key, or the name of a nameless cause) in all, and by prior and time alone; its most unusual words."""

    own: dict[str, float]
    prior: dict[str, float]
    voice: dict[int, float]
    sampled: int


@dataclass(slots=True)
class Case:
    """State of one spike's attribution. ``tie`` is how likely it is one event with a larger spike beside it."""

    spike: Spike
    opened: datetime
    revision: int = 0
    done: bool = False
    words: SpikeWords | None = None
    usual_words: tuple[tuple[str, float], WordCounts] | None = None
    usually_filed: tuple[tuple[float, int, bytes], tuple[Floats, Floats, Floats]] | None = None
    verdicts: list[Feedback] = field(default_factory=list)
    last: Attribution | None = None
    hours: float | None = None
    customers: int = 0
    standing: Standing | None = None
    tie: float = 0.0


def window(spike: Spike) -> tuple[float, float]:
    """Seconds since 1970 of the spike's beginning and of its end so far."""
    start_s = spike.onset.timestamp()
    end_s = (spike.end if spike.end is not None else spike.as_of).timestamp()
    return start_s, max(end_s, start_s + spike.bucket_s)


def excess_share(spike: Spike, *, least: float = 0.05) -> float:
    """Share of a spike's contacts that is excess, at least so much."""
    return min(1.0, max(least, spike.excess / max(float(spike.observed), 1.0)))


def excess_of(spike: Spike) -> Ratio:
    """A spike's excess with its 90% interval, which holds it."""
    return Ratio(spike.excess, min(spike.excess_low, spike.excess), max(spike.excess_high, spike.excess))


def read_words(case: Case, memory: Memory, others: Sequence[Spike]) -> SpikeWords:
    """Compare the spike's sampled contacts with the usual ones of its slice in the eight weeks before.

    Contacts on the slices of ``others``, spikes within or across it, are left out, as long as enough remain.
    """
    start_s, end_s = window(case.spike)
    mask = past.inside(memory, case.spike.slice)
    own = mask.copy()
    for spike in others:
        own &= ~past.inside(memory, spike.slice)
    docs = past.documents(memory, own, start_s, end_s)
    if len(docs) < FEW:
        docs = past.documents(memory, mask, start_s, end_s)
    now = _distinct(docs)
    if now.sampled == 0:
        return SpikeWords()
    usual = _usual_words(case, memory, start_s)
    # Weighted counts overstate what the samples know: judge them as if each sample were one contact.
    counts, floor = now.counts * (now.sampled / now.total), max(usual.total, 1.0)
    z = excess_terms(counts, float(now.sampled), usual.counts, usual.total)
    z[function_slots()] = 0.0
    strength = np.where(counts >= 1.5, np.clip(z, 0.0, STRONGEST), 0.0)
    before = past.documents(memory, mask, start_s - past.FINE_S, start_s)
    few, earlier = (sorted(some, key=lambda doc: doc.rank)[:TEXTS_READ] for some in (docs, before))
    spoken = Spoken(docs)
    voiced = [place for place in np.argsort(-strength, kind="stable")[:VOICED] if strength[place] > VOICE_FROM]
    return SpikeWords(
        strength=strength,
        rarity=_rarity(usual.counts, floor),
        share_now=now.counts / now.total,
        share_usual=np.minimum(usual.counts / floor, 1.0),
        sampled=len(docs),
        terms=(*phrase(few, earlier, strength), *usual_terms(memory, z, now, usual))[:TERMS],
        quotes=quotes(case.spike, [doc for doc in few if doc.sample is not None], strength),
        customers=len({doc.sample.customer for doc in docs if doc.sample is not None and doc.sample.customer}),
        top_customer=_top_customer(docs),
        repeated=_repeated(docs),
        repeated_before=_repeated(before) if len(before) >= FEW else USUALLY_REPEATED,
        exposed=_exposed(docs),
        clarity=_clarity(case.spike, docs, spoken, (now, usual), strength),
        versions=_versions(few, earlier),
        voice={int(place): float(strength[place]) for place in voiced},
        voices={kind: Voice(spoken.share(voice_slots(kind)), _usually(usual, voice_slots(kind))) for kind in SAID},
    )


def _rarity(usual: Floats, total: float) -> Floats:
    """How rare each slot usually is: 0 for a word that every contact says, 1 for one never seen."""
    rarity: Floats = np.clip(np.log((total + 1.0) / (usual + 1.0)) / np.log(total + 1.0), 0.0, 1.0)
    return rarity


def _clarity(
    spike: Spike, docs: list[Document], spoken: Spoken, counts: tuple[WordCounts, WordCounts], strength: Floats
) -> float:
    """Share of the excess that the most unusual words cover: 1 where it speaks with one voice, 0 where it says what is
    always said, or where too few were sampled to tell."""
    now, usual = counts
    gained = np.where(strength > 2.5, now.counts / now.total - usual.counts / max(usual.total, 1.0), 0.0)
    best = [int(place) for place in np.argsort(-gained, kind="stable")[:CLEAR_TERMS] if gained[place] > 0]
    if len(docs) < FEWEST or not best:
        return 0.0
    gain = spoken.share(np.array(best)) - _usually(usual, np.array(best))
    return float(np.clip(gain / excess_share(spike), 0.0, 1.0)) * min(1.0, len(docs) / 12)


def _usually(usual: WordCounts, places: NDArray[np.int64]) -> float:
    """About the share of usual contacts that use one of the words: as if they came independently."""
    return 1.0 - float(np.prod(1.0 - np.minimum(usual.counts[places] / max(usual.total, 1.0), 1.0)))


def says(text: str, term: str) -> bool:
    """Whether a text says a term, in any of its forms.

    >>> says("All my add-ons are disabled", "addon"), says("card was declined", "card declined")
    (True, False)
    """
    wanted, said = [slot(word) for word in words(term)], [slot(word) for word in words(text)]
    return any(said[i : i + len(wanted)] == wanted for i in range(len(said) - len(wanted) + 1))


def plain_version(version: str) -> str:
    """A version as people may shorten it: without closing zeros.

    >>> plain_version("72.0"), plain_version("5.2.0"), plain_version("66.0.4")
    ('72', '5.2', '66.0.4')
    """
    while version.endswith(".0"):
        version = version[:-2]
    return version


def _versions(now: list[Document], before: list[Document]) -> dict[str, tuple[float, float]]:
    """Shares of the sampled texts that write a version, now and before the onset."""
    counts: list[dict[str, int]] = [{}, {}]
    texts = [[doc.sample.text for doc in docs if doc.sample is not None] for docs in (now, before)]
    for found, said in zip(counts, texts, strict=True):
        for text in said:
            for version in {plain_version(one) for one in _VERSION.findall(text)}:
                found[version] = found.get(version, 0) + 1
    if len(texts[0]) < FEWEST:
        return {}
    return {
        version: (times / len(texts[0]), counts[1].get(version, 0) / max(len(texts[1]), 1))
        for version, times in sorted(counts[0].items())
    }


def _distinct(docs: list[Document]) -> WordCounts:
    """Words of the distinct texts: what one customer or machine says many times is one voice."""
    seen: dict[bytes, Document] = {}
    for doc in docs:
        seen.setdefault(doc.slots.tobytes(), doc)
    voices = list(seen.values())
    if not voices:
        return WordCounts(np.zeros(SLOTS), 0.0, 0)
    weights = np.repeat([doc.weight for doc in voices], [len(doc.slots) for doc in voices])
    counts = np.bincount(np.concatenate([doc.slots for doc in voices]), weights=weights, minlength=SLOTS)
    return WordCounts(np.asarray(counts, dtype=np.float64), sum(doc.weight for doc in voices), len(voices))


def _usual_words(case: Case, memory: Memory, start_s: float) -> WordCounts:
    """The slice's usual words, padded with fifty contacts' worth of the whole stream's where it is thin."""
    key = (repr(sorted(case.spike.slice.items())), start_s)
    if case.usual_words is None or case.usual_words[0] != key:
        until_s = start_s - case.spike.bucket_s
        mask = past.inside(memory, case.spike.slice)
        own = past.word_counts(memory, mask, start_s - past.HORIZON_S, until_s)
        if case.spike.slice:
            whole = past.word_counts(memory, None, start_s - past.HORIZON_S, until_s)
            part = 50.0 / max(whole.total, 50.0)
            own = WordCounts(own.counts + part * whole.counts, own.total + part * whole.total, own.sampled)
        case.usual_words = (key, own)
    return case.usual_words[1]


def _top_customer(docs: list[Document]) -> float:
    """Share of the sampled contacts that come from the most frequent customer."""
    customers: dict[str, int] = {}
    for doc in docs:
        if doc.sample is not None and doc.sample.customer:
            customers[doc.sample.customer] = customers.get(doc.sample.customer, 0) + 1
    return max(customers.values(), default=0) / max(len(docs), 1)


def _repeated(docs: list[Document]) -> float:
    """Share of the sampled contacts whose text (of four words or more) had been seen before among them."""
    texts = [doc.slots.tobytes() for doc in docs if len(doc.slots) >= 4]
    return (len(texts) - len(set(texts))) / max(len(docs), 1)


def _exposed(docs: list[Document]) -> dict[str, tuple[int, int]]:
    """Per change: sampled contacts of exposed and of control customers."""
    found: dict[str, tuple[int, int]] = {}
    for doc in docs:
        for key, arm in sorted(doc.sample.exposed.items()) if doc.sample is not None else ():
            exposed, control = found.get(key, (0, 0))
            found[key] = (exposed + (arm == "exposed"), control + (arm == "control"))
    return found
