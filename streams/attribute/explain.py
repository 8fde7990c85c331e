"""The attribution of one spike at one moment: candidates, evidence, posterior, and the sentence that says it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import numpy as np
from msgspec.structs import replace

from schemas.attribution import Attribution, Candidate, Evidence, Quote, Term
from schemas.quality import QualityResult
from schemas.slices import slice_text
from schemas.spike import Spike
from schemas.timeline import Change
from stats.posterior import cause_interval, posterior
from streams.attribute import memory as past
from streams.attribute.book import Version, document_frequency
from streams.attribute.case import Case, SpikeWords, read_words, window
from streams.attribute.evidence import (
    Surroundings,
    breadth_line,
    exposure_line,
    feedback_line,
    line,
    prior_line,
    scope_line,
)
from streams.attribute.kinds import CEILING, COMPANY, HABITS, LEADING, MEASUREMENT, TEMPERATURE
from streams.attribute.matching import Match, fix_line, words_lines
from streams.attribute.memory import Memory
from streams.attribute.onset import dose_line, start_of, time_line
from streams.attribute.quality import quality_lines

SHOWN = 8
Scored = tuple[Candidate, float]


def could_touch(change: Change, case: Case) -> bool:
    """Whether kind and time let a change be looked at for a spike."""
    spike = case.spike
    first, _ = start_of(change)
    last = max([change.starts_at, *(step.at for step in change.rollout)])
    reach = timedelta(hours=HABITS[change.kind].reach_h)
    until = last + reach
    if HABITS[change.kind].while_it_lasts and change.ends_at is not None:
        until = max(until, change.ends_at + timedelta(days=1))
    begins = first
    if change.announced_at is not None and HABITS[change.kind].lead:
        begins = min(first, change.announced_at)
    return begins <= spike.as_of and spike.onset_low <= until


def explain(
    case: Case,
    memory: Memory,
    versions: list[Version],
    *,
    as_of: datetime,
    final: bool,
    unknown_per_day: float,
    checks: list[QualityResult],
    nested: list[Spike],
    leader: Attribution | None,
) -> Attribution:
    """One revision of a spike's attribution from what is known at ``as_of``.

    ``nested`` are spikes of the same time on narrower slices: what their contacts say explains them, not this one.
    ``leader`` is the attribution of a larger spike that began at the same moment.
    """
    if case.words is None or not final:
        case.words = read_words(case, memory, nested)
    found = case.words
    around = _surroundings(case, memory, as_of, unknown_per_day)
    verdicts = _verdicts(case, as_of)
    touching = [version.change for version in versions if could_touch(version.change, case)]
    asked = {change.key for change in touching}
    matched = words_lines(around, found, versions, asked, document_frequency(versions))
    scored = [_nameless("unknown", _unknown_lines(around, versions, verdicts), 0.0)]
    lines = [*quality_lines(around, found, checks), *_optional(feedback_line(verdicts, "measurement"))]
    scored.append(_nameless("measurement", lines, MEASUREMENT))
    scored.extend(_named(change, around, found, matched, verdicts) for change in touching)
    scored = [_in_company(one, leader) for one in scored]
    return _attribution(case, _with_probabilities(scored, case), as_of, final, (found.terms, found.quotes))


def _in_company(scored: Scored, leader: Attribution | None) -> Scored:
    """One cause of two spikes of one moment is likelier than two: the larger spike's cause gains."""
    candidate, score = scored
    if leader is None or candidate.kind == "unknown":
        return scored
    top = leader.candidates[0]
    if (top.kind, top.key) != (candidate.kind, candidate.key) or top.probability < LEADING:
        return scored
    where = slice_text(leader.slice) or "everywhere"
    sentence = f"A larger spike of the same moment ({leader.stream} on {where}) is held to come from it."
    more = line("prior", COMPANY, sentence, probability=top.probability)
    return replace(candidate, evidence=(*candidate.evidence, more)), score + more.weight


def reweighed(case: Case, last: Attribution, as_of: datetime) -> Attribution:
    """A settled attribution after people's word on it: the same evidence, with their line renewed."""
    verdicts = _verdicts(case, as_of)
    scored: list[Scored] = []
    for candidate in sorted(last.candidates, key=lambda one: (one.kind != "unknown", one.kind != "measurement")):
        lines = [one for one in candidate.evidence if one.line != "feedback"]
        lines.extend(_optional(feedback_line(verdicts, candidate.key or candidate.kind)))
        scored.append((replace(candidate, evidence=tuple(lines)), _total(lines)))
    return _attribution(case, _with_probabilities(scored, case), as_of, True, (last.terms, last.quotes))


def _surroundings(case: Case, memory: Memory, as_of: datetime, unknown_per_day: float) -> Surroundings:
    start_s, end_s = window(case.spike)
    observed = past.counted(memory, start_s, end_s)
    expected = past.usual(memory, start_s, end_s, onset_s=start_s)
    own = float(expected[past.inside(memory, case.spike.slice)].sum())
    factor = case.spike.expected / own if own > 0 and case.spike.expected > 0 else 1.0
    return Surroundings(case.spike, as_of, memory, observed, expected * min(max(factor, 0.5), 2.0), unknown_per_day)


def _verdicts(case: Case, as_of: datetime) -> dict[str, int]:
    """Confirmations less rejections by cause."""
    balance: dict[str, int] = {}
    for feedback in case.verdicts:
        if feedback.occurred_at < as_of and feedback.cause and feedback.verdict != "own":
            balance[feedback.cause] = balance.get(feedback.cause, 0) + (-1 if feedback.verdict == "reject" else 1)
    return balance


def _optional(evidence: Evidence | None) -> list[Evidence]:
    return [] if evidence is None else [evidence]


def _unknown_lines(around: Surroundings, versions: list[Version], verdicts: dict[str, int]) -> list[Evidence]:
    sentence = f"Looked at {len(versions)} known changes; a spike from elsewhere comes every {1 / around.unknown_per_day:.0f} days."
    prior = line("prior", 0.0, sentence, changes=len(versions), unknown_per_day=around.unknown_per_day)
    return [prior, *_optional(feedback_line(verdicts, "unknown"))]


def _nameless(kind: Literal["unknown", "measurement"], lines: list[Evidence], base: float) -> Scored:
    if base:
        lines = [line("prior", base, "Few spikes have no customers behind them."), *lines]
    return Candidate(
        kind=kind, probability=0.0, excess=0.0, excess_low=0.0, excess_high=0.0, evidence=tuple(lines)
    ), _total(lines)


def _named(
    change: Change,
    around: Surroundings,
    found: SpikeWords,
    matched: dict[str, Match],
    verdicts: dict[str, int],
) -> Scored:
    match = matched.get(change.key)
    lines = [
        prior_line(change, around),
        time_line(change, around),
        *_optional(scope_line(change, around)),
        *_optional(breadth_line(change, around)),
        *_optional(exposure_line(change, found)),
        *_optional(match.evidence if match is not None else None),
        *_optional(dose_line(change, around)),
        *_optional(fix_line(change, around.spike, match)),
        *_optional(feedback_line(verdicts, change.key)),
    ]
    candidate = Candidate(
        kind=change.kind,
        key=change.key,
        title=change.title[:200],
        owner=change.owner,
        probability=0.0,
        excess=0.0,
        excess_low=0.0,
        excess_high=0.0,
        evidence=tuple(lines),
    )
    return candidate, _total(lines)


def _total(lines: list[Evidence]) -> float:
    return float(sum(evidence.weight for evidence in lines))


def _with_probabilities(scored: list[Scored], case: Case) -> tuple[Candidate, ...]:
    """The likeliest first; of the named ones the best few (the nameless ones always); shares of the excess."""
    named = sorted(scored[2:], key=lambda pair: (-pair[1], pair[0].key))[: SHOWN - 2]
    kept = [*scored[:2], *named]
    p = posterior(np.array([score for _, score in kept]), temperature=TEMPERATURE, ceiling=CEILING)
    spike = case.spike
    low, high = min(spike.excess_low, spike.excess), max(spike.excess_high, spike.excess)
    done = []
    for (candidate, _), share in zip(kept, p, strict=True):
        probability = float(share)
        interval = cause_interval(probability, excess=spike.excess, low=low, high=high)
        part = probability * spike.excess
        done.append(
            replace(
                candidate,
                probability=probability,
                excess=part,
                excess_low=min(interval[0], part),
                excess_high=max(interval[1], part),
            )
        )
    return tuple(sorted(done, key=lambda one: (-one.probability, one.kind, one.key)))


def _attribution(
    case: Case,
    candidates: tuple[Candidate, ...],
    as_of: datetime,
    final: bool,
    said: tuple[tuple[Term, ...], tuple[Quote, ...]],
) -> Attribution:
    spike = case.spike
    return Attribution(
        workspace=spike.workspace,
        origin="attribute",
        seq=0,
        spike_id=spike.spike_id,
        revision=case.revision + 1,
        as_of=as_of,
        final=final,
        stream=spike.stream,
        state=spike.state,
        slice=spike.slice,
        onset=spike.onset,
        end=spike.end if spike.end is not None else spike.as_of,
        expected=spike.expected,
        observed=spike.observed,
        candidates=candidates,
        sentence=_sentence(case, candidates, said[0]),
        terms=said[0],
        quotes=said[1],
    )


def _sentence(case: Case, candidates: tuple[Candidate, ...], terms: tuple[Term, ...]) -> str:
    spike, top = case.spike, candidates[0]
    contacts = f"{spike.excess:+.0f} contacts ({spike.excess_low:.0f}\u2013{spike.excess_high:.0f})"
    where = slice_text(spike.slice) or "everywhere"
    parts = [f"{named(top)}, {top.probability:.0%}: {contacts} on {where} since {spike.onset:%Y-%m-%d %H:%M}."]
    if terms:
        term = terms[0]
        parts.append(f"{term.share_now:.0%} say '{term.term}' (usually {term.share_usual:.0%}).")
    pro = sorted((one for one in top.evidence if one.weight > 0.3 and one.line != "prior"), key=lambda one: -one.weight)
    parts.extend(one.sentence for one in pro[:3])
    against = [one.sentence for one in top.evidence if one.weight < -0.3 and one.line != "prior"]
    if top.key:
        parts.append(f"Against it: {' '.join(against) if against else 'none.'}")
    elif (rival := next((one for one in candidates[1:] if one.key), None)) is not None:
        parts.append(f"Next: {named(rival)}, {rival.probability:.0%}.")
    return " ".join(parts)


def named(candidate: Candidate) -> str:
    """A cause as people call it."""
    if not candidate.key:
        return {"unknown": "No known change", "measurement": "No customers behind it (measurement)"}[candidate.kind]
    title = candidate.title or candidate.key
    said = title if candidate.key in title or len(title) > 60 else candidate.key
    owner = f" ({candidate.owner})" if candidate.owner else ""
    return f"{candidate.kind.capitalize()} {said}{owner}"
