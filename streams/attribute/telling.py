"""What a spike's contacts say, for people: words and phrases beyond the usual, and contacts that represent them."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from schemas.attribution import Quote, Term
from schemas.spike import Spike
from stats.words import slot, words
from streams.attribute.memory import Document, Memory, WordCounts

Floats = NDArray[np.float64]
QUOTES = 3
QUOTE_LENGTH = 280
TERMS = 6
PHRASED = 400
FELT = 2.0


def usual_terms(memory: Memory, z: Floats, now: WordCounts, usual: WordCounts) -> tuple[Term, ...]:
    share_now, share_usual = now.counts / now.total, usual.counts / max(usual.total, 1.0)
    telling = np.where((z > 2.5) & (share_now > 0.03) & (share_now > 1.5 * share_usual), z * np.sqrt(share_now), 0.0)
    best = sorted(np.flatnonzero(telling), key=lambda place: (-telling[place], place))[:TERMS]
    return tuple(
        Term(
            term=memory.forms.get(int(place), ""),
            share_now=min(1.0, round(float(share_now[place]), 4)),
            share_usual=min(1.0, round(float(share_usual[place]), 4)),
        )
        for place in best
    )


def phrase(now: list[Document], before: list[Document], strength: Floats) -> tuple[Term, ...]:
    """The two neighbouring words that most of the excess says and hardly anybody before, if a tenth say them."""
    counts: list[dict[tuple[str, str], int]] = [{}, {}]
    texts = [[doc.sample.text for doc in docs if doc.sample is not None] for docs in (now, before)]
    for found, said in zip(counts, texts, strict=True):
        for text in said:
            parts = words(text[:PHRASED])
            for pair in set(pairwise(parts)):
                if all((place := slot(word)) >= 0 and strength[place] > FELT for word in pair):
                    found[pair] = found.get(pair, 0) + 1
    if not counts[0] or len(texts[0]) < QUOTES:
        return ()
    best, times = max(counts[0].items(), key=lambda item: (item[1], item[0]))
    share, usual = times / len(texts[0]), counts[1].get(best, 0) / max(len(texts[1]), 1)
    if share < 0.1 or share < 2 * usual:
        return ()
    return (Term(term=" ".join(best), share_now=round(share, 4), share_usual=round(usual, 4)),)


def quotes(spike: Spike, docs: list[Document], value: Floats) -> tuple[Quote, ...]:
    """Contacts that say most nearly what the excess says: of those in the middle of the scores, seeded by hash.

    Never the loudest: the top tenth is left out where there are enough, and so are repeats of one text.
    """
    scored = [(float(value[doc.slots].sum()) / max(len(doc.slots), 8) ** 0.5, doc) for doc in docs if len(doc.slots)]
    scored.sort(key=lambda pair: (-pair[0], pair[1].rank))
    pool = scored[len(scored) // 10 : len(scored) // 10 + max(QUOTES, len(scored) // 3)]
    pool.sort(key=lambda pair: blake2b(f"{spike.spike_id}/{_event(pair[1])}".encode(), digest_size=8).digest())
    chosen: list[Quote] = []
    seen: set[bytes] = set()
    for _, doc in pool:
        sample = doc.sample
        if sample is None or doc.slots.tobytes() in seen:
            continue
        seen.add(doc.slots.tobytes())
        chosen.append(Quote(event_id=sample.event_id, occurred_at=sample.occurred_at, text=_cut(sample.text)))
        if len(chosen) == QUOTES:
            break
    return tuple(chosen)


def _event(doc: Document) -> str:
    return doc.sample.event_id if doc.sample is not None else ""


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= QUOTE_LENGTH else flat[: QUOTE_LENGTH - 1].rsplit(" ", 1)[0] + "…"
