"""The attribution of one spike at one moment: candidates, evidence, posterior, and what it says to people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from msgspec.structs import replace

from schemas.attribution import Attribution, Candidate, Evidence
from schemas.quality import QualityResult
from schemas.slices import slice_text
from schemas.timeline import Change, Hunch
from stats.posterior import posterior
from streams.attribute import memory as past
from streams.attribute.book import Version, document_frequency
from streams.attribute.case import Case, SpikeWords, Standing, read_words, window
from streams.attribute.census import Census, by_version
from streams.attribute.company import Company, earlier, join, nested, without
from streams.attribute.evidence import (
    Surroundings,
    breadth_line,
    exposure_line,
    feedback_line,
    line,
    other_version_line,
    prior_line,
    scope_line,
)
from streams.attribute.filing import Filing, filed_line, filing
from streams.attribute.hunches import hunch_line, hunch_of_trouble
from streams.attribute.kinds import CEILING, HABITS, MEASUREMENT, TEMPERATURE
from streams.attribute.learnt import Ledger, again, learnt_causes
from streams.attribute.matching import Match, fix_line, voice_line, words_lines, written
from streams.attribute.memory import Memory
from streams.attribute.onset import dose_line, start_of, time_line
from streams.attribute.parts import shared_out
from streams.attribute.quality import quality_lines
from streams.attribute.saying import say
from streams.attribute.versions import misdated, rollout_line, stated_line, version_line

SHOWN = 8
LIKELY = 0.3
FELT = 0.05
"""A line that moves the log-odds by less is not shown."""


@dataclass(frozen=True, slots=True)
class Known:
    """What may be used at the moment of a decision: changes, spikes beside this one, checks, customers, hunches, and what
    was learnt so far; ``events_per_day`` counts spikes, those of one event once; ``releases`` are the changes of that kind."""

    as_of: datetime
    final: bool
    versions: list[Version]
    cases: Sequence[Case]
    checks: list[QualityResult]
    hunches: Sequence[Hunch]
    census: Census
    ledger: Ledger
    unknown_per_day: float
    events_per_day: float
    releases: Sequence[Change] = ()


@dataclass(frozen=True, slots=True)
class Weighed:
    """One candidate with its evidence, and the part of its weight that comes from prior and time."""

    candidate: Candidate
    prior: float

    @property
    def cause(self) -> str:
        """What it is called among causes."""
        return self.candidate.key or self.candidate.kind

    @property
    def score(self) -> float:
        """Log-odds against ``unknown``."""
        return float(sum(evidence.weight for evidence in self.candidate.evidence))


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


def explain(case: Case, memory: Memory, known: Known) -> Attribution:
    """One revision of a spike's attribution from what is known at a moment; leaves its standing in the case."""
    if case.words is None or not known.final:
        case.words = read_words(case, memory, [*nested(case, known.cases), *earlier(case, known.cases)])
    found = case.words
    around = _surroundings(case, memory, known)
    verdicts = _verdicts(case, known.as_of)
    touching = [version for version in known.versions if could_touch(version.change, case)]
    frequency = document_frequency(known.versions)
    matched = words_lines(around, found, known.versions, {version.change.key for version in touching}, frequency)
    filed = filing(case, around, touching, frequency, known=len(known.versions))
    weighed = [_unknown(around, known, verdicts), _measurement(around, found, known, verdicts)]
    weighed.extend(
        _named(version, around, known, (matched.get(version.change.key), filed), case) for version in touching
    )
    standing = Standing(
        {one.cause: one.score for one in weighed}, {one.cause: one.prior for one in weighed}, found.voice, found.sampled
    )
    company = join(case, standing, known.cases, events_per_day=known.events_per_day)
    case.standing, case.tie = standing, company.tie
    weighed = [_in_company(one, company) for one in weighed]
    return _attribution(
        case, shared_out(case, memory, around, _with_probabilities(weighed), matched), known.as_of, known.final
    )


def _in_company(one: Weighed, company: Company) -> Weighed:
    """Add what the spikes beside it say of a cause."""
    weight = company.added.get(one.cause, 0.0)
    if abs(weight) < FELT:
        return one
    said = []
    if company.leader is not None and company.tie > LIKELY:
        top = company.leader.candidates[0]
        what = "it" if (top.key or top.kind) == one.cause else (top.title or top.key or f"'{top.kind}'")
        where = slice_text(company.leader.slice) or "everywhere"
        said.append(
            f"It is one event with a larger spike ({company.leader.stream} on {where}) with probability {company.tie:.0%}, "
            f"which is put down to {what} ({top.probability:.0%})."
        )
    if company.smaller:
        said.append(
            f"{company.smaller} smaller spike{'s' if company.smaller > 1 else ''} beside it weigh{'s' if company.smaller == 1 else ''} in."
        )
    if not said:
        said.append("A larger spike beside it has little to do with it.")
    more = line("joint", weight, " ".join(said), tie=company.tie, smaller=company.smaller)
    return Weighed(replace(one.candidate, evidence=(*one.candidate.evidence, more)), one.prior)


def reweighed(case: Case, last: Attribution, as_of: datetime) -> Attribution:
    """A settled attribution after people's word on it: the same evidence, with their line renewed."""
    verdicts = _verdicts(case, as_of)
    weighed: list[Weighed] = []
    for candidate in last.candidates:
        lines = [one for one in candidate.evidence if one.line not in ("feedback", "parts")]
        lines.extend(_optional(feedback_line(verdicts, candidate.key or candidate.kind)))
        weighed.append(Weighed(replace(candidate, evidence=tuple(lines)), 0.0))
    return _attribution(case, shared_out(case, None, None, _with_probabilities(weighed), {}), as_of, True, last)


def _surroundings(case: Case, memory: Memory, known: Known) -> Surroundings:
    start_s, end_s = window(case.spike)
    observed = past.counted(memory, start_s, end_s)
    expected = past.usual(memory, start_s, end_s, onset_s=start_s)
    own = float(expected[past.inside(memory, case.spike.slice)].sum())
    factor = case.spike.expected / own if own > 0 and case.spike.expected > 0 else 1.0
    expected = expected * min(max(factor, 0.5), 2.0)
    return Surroundings(
        spike=case.spike,
        as_of=known.as_of,
        memory=memory,
        observed=without(observed, expected, memory, case.spike, earlier(case, known.cases)),
        expected=expected,
        unknown_per_day=known.unknown_per_day,
        versions=by_version(known.census, datetime.fromtimestamp((start_s + end_s) / 2, UTC), known.as_of),
    )


def _verdicts(case: Case, as_of: datetime) -> dict[str, int]:
    """Confirmations less rejections by cause."""
    balance: dict[str, int] = {}
    for feedback in case.verdicts:
        if feedback.occurred_at < as_of and feedback.cause and feedback.verdict != "own":
            balance[feedback.cause] = balance.get(feedback.cause, 0) + (-1 if feedback.verdict == "reject" else 1)
    return balance


def _optional(*evidence: Evidence | None) -> Iterable[Evidence]:
    return (one for one in evidence if one is not None)


def _unknown(around: Surroundings, known: Known, verdicts: dict[str, int]) -> Weighed:
    every = 1 / around.unknown_per_day
    sentence = f"Looked at {len(known.versions)} known changes; a spike from elsewhere comes every {every:.1f} days."
    prior = line("prior", 0.0, sentence, changes=len(known.versions), unknown_per_day=around.unknown_per_day)
    return _nameless("unknown", [prior, *_optional(feedback_line(verdicts, "unknown"))], 0.0)


def _measurement(around: Surroundings, found: SpikeWords, known: Known, verdicts: dict[str, int]) -> Weighed:
    prior = line("prior", MEASUREMENT, "Few spikes have no customers behind them.")
    lines = [
        prior,
        *quality_lines(around, found, known.checks),
        *_optional(hunch_of_trouble(around, known.hunches), feedback_line(verdicts, "measurement")),
    ]
    return _nameless("measurement", lines, MEASUREMENT)


def _nameless(kind: Literal["unknown", "measurement"], lines: list[Evidence], prior: float) -> Weighed:
    candidate = Candidate(
        kind=kind, probability=0.0, excess=0.0, excess_low=0.0, excess_high=0.0, evidence=tuple(lines)
    )
    return Weighed(candidate, prior)


def _named(
    version: Version, around: Surroundings, known: Known, said: tuple[Match | None, Filing | None], case: Case
) -> Weighed:
    change, (match, filed) = version.change, said
    found = case.words if case.words is not None else SpikeWords()
    verdicts = _verdicts(case, known.as_of)
    share = learnt_causes(known.ledger, change)
    beside = [case.spike.spike_id, *_near(case, known.cases)]
    odd = (*version.remarks, *misdated(change, around.memory))
    prior = prior_line(change, around, share, again(known.ledger, change, share.value, beside), odd)
    time = time_line(change, around)
    adopted = version_line(change, around, known.releases, time=time.weight)
    lines = [
        prior,
        time,
        *_optional(
            scope_line(change, around),
            breadth_line(change, around),
            exposure_line(change, found),
            adopted if adopted is not None else other_version_line(change, around),
            *written(
                match.evidence if match is not None else None,
                voice_line(change, around.spike, found),
                stated_line(change, found),
                filed_line(version, filed, around, matched=match.evidence.weight if match is not None else 0.0),
                time=time.weight,
            ),
            hunch_line(change, around, known.hunches),
            rollout_line(change, around),
            dose_line(change, around),
            fix_line(change, around.spike, match),
            feedback_line(verdicts, change.key),
        ),
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
    return Weighed(candidate, prior.weight + time.weight)


def _near(case: Case, cases: Iterable[Case]) -> list[str]:
    return [one.spike.spike_id for one in cases if abs(one.spike.onset - case.spike.onset) <= timedelta(days=1)]


def _with_probabilities(weighed: Sequence[Weighed]) -> tuple[Candidate, ...]:
    """The likeliest first; of the named ones the best few, the nameless ones always."""
    nameless = [one for one in weighed if not one.candidate.key]
    named = sorted((one for one in weighed if one.candidate.key), key=lambda one: (-one.score, one.candidate.key))
    kept = [*nameless, *named[: SHOWN - len(nameless)]]
    p = posterior(np.array([one.score for one in kept]), temperature=TEMPERATURE, ceiling=CEILING)
    done = [replace(one.candidate, probability=float(share)) for one, share in zip(kept, p, strict=True)]
    return tuple(sorted(done, key=lambda one: (-one.probability, one.kind, one.key)))


def probabilities_of(candidates: Sequence[Candidate]) -> list[float]:
    """Probabilities as the candidates' evidence gives them, in the same order."""
    scores = np.array([sum(evidence.weight for evidence in one.evidence) for one in candidates])
    return [float(p) for p in posterior(scores, temperature=TEMPERATURE, ceiling=CEILING)]


def _attribution(
    case: Case, candidates: tuple[Candidate, ...], as_of: datetime, final: bool, last: Attribution | None = None
) -> Attribution:
    """The record; terms and quotes are those of the case's words, or of the last revision where these are gone."""
    spike = case.spike
    terms = case.words.terms if case.words is not None else last.terms if last is not None else ()
    quotes = case.words.quotes if case.words is not None else last.quotes if last is not None else ()
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
        sentence=say(spike, candidates, terms, as_of),
        terms=terms,
        quotes=quotes,
    )
