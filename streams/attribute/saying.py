"""What an attribution says to people, made from its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from schemas.attribution import Candidate, Term
from schemas.slices import slice_text
from schemas.spike import Spike

TELLING = 0.3
QUIET = ("prior", "time", "words", "parts")
MOST = 3
RIVAL, SLIGHT = 0.2, 0.05
LEAST = {"time": 1.5}
"""How much a line must weigh to be held against a cause, where that is more than :data:`TELLING`: many a cause is late."""
LONG = 60
BEGAN = "The spike began "


def say(spike: Spike, candidates: Sequence[Candidate], terms: Sequence[Term], as_of: datetime) -> str:
    """The likeliest cause, its contacts, what speaks for it and what against, in a paragraph."""
    top = candidates[0]
    parts = [_head(spike, top, as_of), *_words(top, terms)]
    pro = sorted(
        (one for one in top.evidence if one.weight > TELLING and one.line not in QUIET), key=lambda one: -one.weight
    )
    parts.extend(one.sentence for one in pro[:MOST])
    if top.key:
        parts.append(f"Against it: {' '.join(against(top)) or 'none.'}")
    rival = next((one for one in candidates[1:] if one.key or one.probability > RIVAL), None)
    if rival is not None and rival.probability > (RIVAL if top.key else SLIGHT):
        parts.append(f"Next: {named(rival)}, {rival.probability:.0%}.")
    return " ".join(parts)


def against(candidate: Candidate) -> list[str]:
    """Sentences of the lines that speak against a cause, the weightiest first."""
    lines = [one for one in candidate.evidence if one.weight < -LEAST.get(one.line, TELLING) and one.line != "prior"]
    return [one.sentence for one in sorted(lines, key=lambda one: one.weight)]


def _head(spike: Spike, top: Candidate, as_of: datetime) -> str:
    whole = f"{spike.excess:+.0f} contacts ({spike.excess_low:.0f}\u2013{spike.excess_high:.0f})"
    parted = any(one.line == "parts" for one in top.evidence)
    part = f"{top.excess:.0f} ({top.excess_low:.0f}\u2013{top.excess_high:.0f}) of "
    contacts = f"{part if parted else ''}{whole}"
    where = f" on {slice_text(spike.slice)}" if spike.slice else ""
    day = "" if spike.onset.date() == as_of.date() else f"{spike.onset:%Y-%m-%d} "
    time = next((one for one in top.evidence if one.line == "time"), None)
    gap = f", {time.sentence.removeprefix(BEGAN)}" if time is not None else "."
    return f"{named(top)}, {top.probability:.0%}: {contacts}{where} since {day}{spike.onset:%H:%M}{gap}"


def _words(top: Candidate, terms: Sequence[Term]) -> list[str]:
    """What the contacts say, and where the change says so too."""
    parts = []
    if terms:
        parts.append(f"{terms[0].share_now:.0%} say '{terms[0].term}' (usually {terms[0].share_usual:.0%}).")
    said = [one for one in top.evidence if one.line == "words" and one.weight > TELLING]
    parts.extend(one.sentence for one in said)
    return parts


def named(candidate: Candidate) -> str:
    """A cause as people call it."""
    if not candidate.key:
        return {"unknown": "No known change", "measurement": "No customers behind it (measurement)"}[candidate.kind]
    said = candidate.title if candidate.title and len(candidate.title) <= LONG else candidate.key
    owner = f" ({candidate.owner})" if candidate.owner else ""
    return f"{candidate.kind.capitalize()} {said}{owner}"


__all__ = ["against", "named", "say"]
