"""Evidence from topics: where contacts that use a change's words are usually filed, and what the excess is filed under."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.attribution import Evidence
from stats.filing import filed_shares, filed_weight, heard_share
from stats.words import SLOTS, function_slots
from streams.attribute import memory as past
from streams.attribute.book import Version
from streams.attribute.case import Case, window
from streams.attribute.evidence import Surroundings, line
from streams.attribute.memory import Memory

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
TOPIC = "topic"
KNOWN, ENOUGH = 20, 50
"""Sampled contacts from which on a topic has a past, and that are needed in all."""
HEARD = 0.5
"""Share of its words below which it is said how many contacts have used before."""
BOTH = 2.5
"""Nats that a topic may add for a change up to, its matching words counted in: where the words match already, what is filed
alike says hardly anything more, as another record about the same thing lies under the same topic."""


class Filing(NamedTuple):
    """Topics with a past: their usual shares and those of the excess; per word (``slots``, sorted) its usual contacts by
    topic; and how telling each slot is of one change among all."""

    topics: tuple[str, ...]
    usual: Floats
    excess: Floats
    slots: Ids
    said: Floats
    telling: Floats


def filing(
    case: Case, around: Surroundings, versions: list[Version], frequency: Floats, *, known: int
) -> Filing | None:
    """Count under which topics the words of some changes were filed in the eight weeks before a spike.

    ``frequency``: in how many of the ``known`` changes each slot occurs. ``None`` without topics or a past.
    """
    memory = around.memory
    found = [version.words.slots for version in versions if len(version.words.slots)]
    if TOPIC not in memory.dimensions or not found:
        return None
    place = memory.dimensions.index(TOPIC)
    topics = sorted({leaf[place] for leaf in memory.leaves})
    topic_of = np.array([topics.index(leaf[place]) for leaf in memory.leaves], dtype=np.int64)
    slots = np.setdiff1d(np.concatenate(found), function_slots())
    said, total, sampled = _counted(case, memory, topic_of, slots)
    kept = sampled >= KNOWN
    if sampled.sum() < ENOUGH or not kept.any():
        return None
    gained = np.where(past.inside(memory, around.spike.slice), around.observed - around.expected, 0.0)
    by_topic = np.maximum(np.bincount(topic_of, weights=gained, minlength=len(topics)), 0.0)
    if not by_topic.sum() > 0:
        return None
    telling = np.log((known + 2.0) / (frequency + 1.0)) / np.log(known + 2.0)
    return Filing(
        tuple(name for name, use in zip(topics, kept, strict=True) if use),
        total[kept] / total[kept].sum(),
        (by_topic / by_topic.sum())[kept],
        slots,
        said[:, kept],
        np.clip(telling, 0.05, 1.0),
    )


def _counted(case: Case, memory: Memory, topic_of: Ids, slots: Ids) -> tuple[Floats, Floats, Floats]:
    """What :func:`_said` counts before a spike, counted anew only where onset, topics or words are others."""
    start_s, _ = window(case.spike)
    key = (start_s, int(topic_of.max()), slots.tobytes())
    if case.usually_filed is None or case.usually_filed[0] != key:
        case.usually_filed = (key, _said(memory, topic_of, slots, start_s - case.spike.bucket_s))
    return case.usually_filed[1]


def _said(memory: Memory, topic_of: Ids, slots: Ids, until_s: float) -> tuple[Floats, Floats, Floats]:
    """Contacts with each slot by topic (as many as were sampled), all contacts by topic, and how many were sampled."""
    width = int(topic_of.max()) + 1
    row = np.full(SLOTS, -1, dtype=np.int64)
    row[slots] = np.arange(len(slots))
    said, total, sampled = np.zeros(len(slots) * width), np.zeros(width), np.zeros(width)
    for number in range(int((until_s - past.HORIZON_S) // past.DAY_S), int(until_s // past.DAY_S) + 1):
        if number not in memory.days:
            continue
        times, leaves, weight, lengths, terms = memory.days[number].columns()
        before = times < until_s
        topics = topic_of[leaves]
        total += np.bincount(topics[before], weights=weight[before], minlength=width)
        sampled += np.bincount(topics[before], minlength=width)
        rows = np.where(np.repeat(before, lengths), row[terms], -1)
        use = rows >= 0
        cells = rows[use] * width + np.repeat(topics, lengths)[use]
        said += np.bincount(cells, weights=np.repeat(weight, lengths)[use], minlength=len(said))
    stretch = sampled.sum() / max(float(total.sum()), 1e-9)
    return said.reshape(len(slots), width) * stretch, total, sampled


def filed_line(version: Version, found: Filing | None, around: Surroundings, *, matched: float) -> Evidence | None:
    """Whether the excess is filed where contacts that use a change's words usually are; ``None`` where nothing tells.

    It needs no word in common: a record names a thing in one way and language, customers in many, under one topic.
    Where words in common weigh ``matched`` already, it speaks for a change only up to :data:`BOTH`; the less, either way, the
    fewer of its words contacts have used before.
    """
    if found is None:
        return None
    own = version.words
    at = np.minimum(np.searchsorted(found.slots, own.slots), max(len(found.slots) - 1, 0))
    mine = np.isin(own.slots, found.slots)
    said, weights = found.said[at[mine]], (own.weights * found.telling[own.slots])[mine]
    filed = filed_shares(said, found.usual, weights) if mine.any() else None
    if filed is None:
        return None
    heard = heard_share(said, weights)
    weight = filed_weight(found.excess, found.usual, filed, heard=heard)
    weight = min(weight, max(BOTH - max(matched, 0.0), 0.0))
    best = int(np.argmax(found.excess if weight < 0 else found.excess * filed / found.usual))
    words = _words(around.memory, own.slots[mine], said[:, best] * weights)
    share, usual, now = float(filed[best]), float(found.usual[best]), float(found.excess[best])
    sentence = (
        f"Of the contacts that use its words{words} {share:.0%} are usually filed under {TOPIC}={found.topics[best]} "
        f"(of all {usual:.0%}), of the excess {now:.0%}."
    )
    if heard < HEARD:
        sentence = f"{sentence} Contacts have used {heard:.0%} of its words before."
    return line("words", weight, sentence, filed=share, filed_usual=usual, filed_now=now, filed_heard=heard)


def _words(memory: Memory, slots: Ids, values: Floats) -> str:
    """The words that say most, in brackets."""
    best = [int(slots[i]) for i in np.argsort(-values, kind="stable")[:3] if values[i] > 0]
    said = ", ".join(f"'{memory.forms[place]}'" for place in best if place in memory.forms)
    return f" ({said})" if said else ""
