"""Spikes of one cause tied into one impact; a nameless cause has one impact per spike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b

from msgspec.structs import replace

from schemas.attribution import Attribution, Candidate, Impact
from schemas.slices import slice_text
from schemas.spike import Spike
from stats.posterior import sum_interval
from streams.attribute.case import Case
from streams.attribute.saying import named

SURE_ENOUGH = 0.5
QUOTED = 3


def impact_id(workspace: str, key: str) -> str:
    """Stable id of an impact: of the workspace and the change's key, or for a nameless cause the spike's id."""
    return blake2b(f"{workspace}\x00{key}".encode(), digest_size=10).hexdigest()


def blamed(attribution: Attribution) -> Candidate:
    """The cause that a spike counts for: the likeliest, if it is nameless or at least as likely as not."""
    top = attribution.candidates[0]
    if not top.key or top.probability >= SURE_ENOUGH:
        return top
    return next(one for one in attribution.candidates if one.kind == "unknown")


def impact_key(attribution: Attribution) -> str:
    """What an impact is told apart by: the change's key, or the spike for a nameless cause."""
    cause = blamed(attribution)
    return f"change\x00{cause.key}" if cause.key else f"spike\x00{attribution.spike_id}"


def impact_of(key: str, cases: Iterable[Case], as_of: datetime, earlier: Impact | None) -> Impact | None:
    """The impact of the spikes that count for one key now; withdrawn when none is left, ``None`` if it never was."""
    told = [(case, case.last) for case in cases if case.last is not None and case.spike.state != "merged"]
    mine = sorted(
        ((case, last) for case, last in told if impact_key(last) == key),
        key=lambda pair: (pair[1].onset, pair[1].spike_id),
    )
    if not mine:
        if earlier is None or earlier.state == "withdrawn":
            return None
        sentence = f"Withdrawn: no spike counts for {earlier.title or earlier.key or earlier.kind} any more."
        return replace(
            earlier,
            revision=earlier.revision + 1,
            as_of=as_of,
            state="withdrawn",
            spikes=(),
            contacts=0.0,
            contacts_low=0.0,
            contacts_high=0.0,
            hours=None,
            customers=None,
            by_slice={},
            sentence=sentence,
            probability=0.0,
        )
    return _tied(key, mine, as_of, earlier)


def _tied(key: str, mine: list[tuple[Case, Attribution]], as_of: datetime, earlier: Impact | None) -> Impact:
    attributions = [last for _, last in mine]
    best = max(attributions, key=lambda one: (blamed(one).probability, one.spike_id))
    cause = blamed(best)
    largest = max(attributions, key=lambda one: (blamed(one).excess, one.spike_id))
    billed = _billed(mine)
    contacts, low, high = sum_interval([_cost(case, last) for case, last in billed])
    by_slice: dict[str, float] = {}
    for case, last in billed:
        name = slice_text(case.spike.slice)
        by_slice[name] = round(by_slice.get(name, 0.0) + _cost(case, last)[0], 1)
    hours = [case.hours for case, _ in billed if case.hours is not None]
    customers = sum(case.customers for case, _ in billed)
    impact = Impact(
        workspace=best.workspace,
        origin="impact",
        seq=0,
        impact_id=impact_id(best.workspace, key),
        revision=earlier.revision + 1 if earlier is not None else 1,
        as_of=as_of,
        state="open" if any(one.state == "open" for one in attributions) else "closed",
        kind=cause.kind,
        key=cause.key,
        title=cause.title,
        owner=cause.owner,
        probability=cause.probability,
        spikes=tuple(one.spike_id for one in attributions),
        first=min(one.onset for one in attributions),
        last=max(one.end for one in attributions),
        contacts=round(contacts, 1),
        contacts_low=round(max(low, 0.0), 1),
        contacts_high=round(high, 1),
        hours=round(sum(hours), 2) if hours else None,
        customers=customers or None,
        by_slice=dict(sorted(by_slice.items())),
        sentence="",
        explanation=largest.sentence,
        quotes=largest.quotes[:QUOTED],
        largest=largest.spike_id,
    )
    return replace(impact, sentence=_sentence(impact, cause))


def _billed(mine: list[tuple[Case, Attribution]]) -> list[tuple[Case, Attribution]]:
    """The spikes whose contacts are counted: none within a wider one of the same stream and time, and no survey beside
    contacts, which it is mostly about."""
    contacts = [pair for pair in mine if pair[0].spike.stream == "contacts"]
    among = contacts or mine
    return [pair for pair in among if not any(_holds(other[0].spike, pair[0].spike) for other in among)]


def _holds(wider: Spike, spike: Spike) -> bool:
    """Whether a spike's contacts are, most of them, another's too."""
    if wider.spike_id == spike.spike_id or wider.stream != spike.stream:
        return False
    if not wider.slice.items() <= spike.slice.items() or (wider.slice == spike.slice and wider.excess < spike.excess):
        return False
    ends = [one.end if one.end is not None else one.as_of for one in (wider, spike)]
    shared = min(ends) - max(wider.onset, spike.onset)
    return shared > 0.5 * (ends[1] - spike.onset) and wider.excess >= 0.5 * spike.excess


def _cost(case: Case, last: Attribution) -> tuple[float, float, float]:
    """A spike's contacts due to its cause, with their interval: all of them, or its part where parts are told apart."""
    cause, spike = blamed(last), case.spike
    if any(line.line == "parts" for line in cause.evidence):
        return cause.excess, cause.excess_low, cause.excess_high
    return spike.excess, min(spike.excess_low, spike.excess), max(spike.excess_high, spike.excess)


def _sentence(impact: Impact, cause: Candidate) -> str:
    parts = ", ".join(
        f"{text or 'everywhere'} {excess:+.0f}"
        for text, excess in sorted(impact.by_slice.items(), key=lambda pair: -pair[1])[:4]
    )
    hours = f", about {impact.hours:.1f} h of handling" if impact.hours is not None else ""
    return (
        f"{named(cause)}, {impact.probability:.0%}: {impact.contacts:+.0f} contacts ({impact.contacts_low:.0f}\u2013"
        f"{impact.contacts_high:.0f}){hours}, {impact.first:%Y-%m-%d %H:%M} to {impact.last:%Y-%m-%d %H:%M} ({parts})."
    )


def changed(new: Impact, old: Impact | None) -> bool:
    """Whether an impact says anything new."""
    if old is None:
        return True
    said = {"revision": 0, "seq": 0, "as_of": old.as_of, "explanation": "", "quotes": (), "largest": ""}
    return replace(new, **said) != replace(old, **said)
