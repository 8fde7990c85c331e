"""Evidence lines about one change and one spike, each a weight in nats against ``unknown`` and a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.attribution import Evidence, EvidenceLine
from schemas.slices import slice_text
from schemas.spike import Spike
from schemas.timeline import Change
from stats.contrast import scope_weight, stop_weight
from stats.timing import onset_density
from stats.words import match_scores, placebo_z, words_weight
from streams.attribute import memory as past
from streams.attribute.book import Version
from streams.attribute.case import SpikeWords, window
from streams.attribute.kinds import ENDING, HABITS, NEVER, OUTSIDE, PRECISION_H, REMEDY, TOO_LATE, VERDICT
from streams.attribute.memory import Memory

Floats = NDArray[np.float64]
SCOPE_FIELDS = {
    "product": "products",
    "platform": "platforms",
    "version": "versions",
    "region": "regions",
    "segment": "segments",
}
ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every candidate of one spike is compared with: its stream's memory, usual counts per leaf in the
    spike's window (scaled to the spike's own expectation), and how often spikes come without a logged cause."""

    spike: Spike
    as_of: datetime
    memory: Memory
    observed: Floats
    expected: Floats
    unknown_per_day: float


def line(name: EvidenceLine, weight: float, sentence: str, **numbers: float) -> Evidence:
    """One line of evidence, its numbers rounded so that they read the same everywhere."""
    return Evidence(
        line=name,
        weight=round(weight, 3),
        sentence=sentence,
        numbers={key: round(value, 4) for key, value in numbers.items()},
    )


def span(hours: float) -> str:
    """A duration for people.

    >>> span(0.3), span(5.2), span(80)
    ('18 min', '5.2 h', '3.3 days')
    """
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def start_of(change: Change) -> tuple[datetime, datetime]:
    """Between which moments a change began, by the precision of its date."""
    return change.starts_at, change.starts_at + timedelta(hours=PRECISION_H[change.precision])


def prior_line(change: Change, around: Surroundings) -> Evidence:
    """How often such a change causes a spike, against how often spikes come from elsewhere in a day."""
    causes = HABITS[change.kind].causes
    weight = math.log(causes / around.unknown_per_day)
    sentence = f"About {causes:.0%} of {change.kind}s cause a spike; a spike from elsewhere comes every {1 / around.unknown_per_day:.0f} days."
    return line("prior", weight, sentence, causes=causes, unknown_per_day=around.unknown_per_day)


def time_line(change: Change, around: Surroundings) -> Evidence:
    """The onset against the change's start or roll-out, by the lag shape of its kind, per day.

    A change that began after the onset can only have caused what came later: it is weighed as if the onset were
    at its start, less what the share of the excess that had come before costs.
    """
    spike, habits = around.spike, HABITS[change.kind]
    first, last = start_of(change)
    after = first > max(spike.onset_high, spike.onset + timedelta(seconds=spike.bucket_s))
    density = _density(change, spike, spike.onset)
    lag_h = _hours(spike.onset, first)
    if not after:
        weight = max(math.log(max(density * 24.0, 1e-9)), TOO_LATE)
        over = change.ends_at is not None and change.ends_at + timedelta(hours=6) < spike.onset_low
        if over and change.kind in ENDING:
            weight = min(weight, TOO_LATE + 2)
        return line("time", weight, _time_sentence(change, spike), lag_h=lag_h, density_per_day=density * 24.0)
    lead = math.log(max(density * 24.0, 1e-9)) if habits.lead and change.announced_at is not None else NEVER
    share = _share_before(around, last)
    late = math.log(_density(change, spike, last + timedelta(seconds=spike.bucket_s)) * 24.0 + 1e-9)
    weight = max(lead, late - 0.7 - 7.0 * max(share - 0.1, 0.0), NEVER)
    sentence = f"{_time_sentence(change, spike)} {share:.0%} of the excess had come before it."
    return line("time", weight, sentence, lag_h=lag_h, density_per_day=density * 24.0, share_before=share)


def _density(change: Change, spike: Spike, onset: datetime) -> float:
    """Density per hour of an onset at a moment, uncertain as the spike's own, under the change's lag shape."""
    habits = HABITS[change.kind]
    first, last = start_of(change)
    moments = {
        "onset_low_h": min(_hours(spike.onset_low, spike.onset), 0.0),
        "onset_h": 0.0,
        "onset_high_h": max(_hours(spike.onset_high, spike.onset), 0.0),
        "blur_h": spike.bucket_s / 3600,
        "anchor_width_h": _hours(last, first),
    }
    density = 0.0
    for share, at in _anchors(change):
        density += share * onset_density(anchor_h=_hours(at, onset), pieces=habits.lags, **moments)
    if change.announced_at is not None and habits.lead:
        lead = onset_density(anchor_h=_hours(change.announced_at, onset), pieces=habits.lead, **moments)
        density = (1 - habits.lead_share) * density + habits.lead_share * lead
    if habits.while_it_lasts and change.ends_at is not None and change.starts_at <= onset <= change.ends_at:
        lasting_h = max(_hours(change.ends_at, change.starts_at), 1.0)
        density = (1 - habits.while_it_lasts) * density + habits.while_it_lasts / lasting_h
    return density


def _share_before(around: Surroundings, start: datetime) -> float:
    """Share of the spike's excess that had come before a moment inside it."""
    memory, spike = around.memory, around.spike
    start_s, end_s = window(spike)
    turn_s = start.timestamp()
    if turn_s >= end_s:
        return 1.0
    mask = past.inside(memory, spike.slice)
    seen = float(past.counted(memory, start_s, turn_s)[mask].sum())
    usual = float(past.usual(memory, start_s, turn_s, onset_s=start_s)[mask].sum())
    return min(1.0, max(0.0, (seen - usual) / max(spike.excess, 1.0)))


def _anchors(change: Change) -> list[tuple[float, datetime]]:
    """Moments at which a share of the audience got the change; the shares sum to one."""
    if not change.rollout:
        return [(1.0, change.starts_at)]
    steps = sorted(change.rollout, key=lambda step: step.at)
    gains = np.maximum(np.diff([0.0] + [step.share for step in steps]), 0.0)
    if gains.sum() <= 0:
        return [(1.0, change.starts_at)]
    return [(float(gain / gains.sum()), step.at) for gain, step in zip(gains, steps, strict=True) if gain > 0]


def _hours(later: datetime, earlier: datetime) -> float:
    return (later - earlier) / timedelta(hours=1)


def _time_sentence(change: Change, spike: Spike) -> str:
    began = "its roll-out began" if change.rollout else "it began"
    day = change.precision == "day"
    when = f"{change.starts_at:%Y-%m-%d}" + ("" if day else f" {change.starts_at:%H:%M}")
    lag_h = _hours(spike.onset, change.starts_at)
    if lag_h >= 0:
        gap = (
            f"{span(lag_h)} after {began} ({when})"
            if not day
            else f"{_days_after(change, spike)} ({when}, a day without a time)"
        )
    else:
        gap = f"{span(-lag_h)} before {began} ({when})"
    return f"The spike's onset, {spike.onset:%Y-%m-%d %H:%M}, is {gap}."


def _days_after(change: Change, spike: Spike) -> str:
    days = (spike.onset.date() - change.starts_at.date()).days
    return "on the day it began" if days == 0 else f"{days} day{'s' if days > 1 else ''} after it began"


def _scope(change: Change, memory: Memory, *, versions: bool) -> dict[str, tuple[str, ...]]:
    """The scope in the workspace's own dimensions. A release's version is left out: the newest version's share of
    contacts rises by mere adoption."""
    named = {name: getattr(change.scope, attribute) for name, attribute in SCOPE_FIELDS.items()}
    return {
        name: values
        for name, values in named.items()
        if values and name in memory.dimensions and (versions or name != "version")
    }


def scope_line(change: Change, around: Surroundings) -> Evidence | None:
    """Whether the excess is where the change could touch, and absent where it could not; ``None`` without a scope."""
    scope = _scope(change, around.memory, versions=change.kind != "release")
    if not scope:
        return None
    text = slice_text({name: "/".join(values) for name, values in scope.items()})
    slices = around.spike.slice
    outside_of = [name for name, values in scope.items() if slices.get(name, "other") not in {*values, "", "other"}]
    if outside_of:
        own = ", ".join(f"{name}={slices[name]}" for name in sorted(outside_of))
        return line("scope", OUTSIDE, f"The spike is on {own}, which {text} does not cover.")
    parent = {name: value for name, value in slices.items() if name not in scope}
    among = past.inside(around.memory, parent)
    within = among & past.inside(around.memory, scope)
    numbers = {
        "inside": float(around.observed[within].sum()),
        "expected_inside": float(around.expected[within].sum()),
        "outside": float(around.observed[among & ~within].sum()),
        "expected_outside": float(around.expected[among & ~within].sum()),
    }
    if numbers["expected_outside"] + numbers["outside"] < 1.0:
        return line("scope", 0.0, f"All contacts here are within {text}, so its scope tells nothing.", **numbers)
    weight = scope_weight(**numbers)
    gained = numbers["inside"] - numbers["expected_inside"]
    lost = numbers["outside"] - numbers["expected_outside"]
    return line("scope", weight, f"{gained:+.0f} contacts within {text}, {lost:+.0f} outside it.", **numbers)


def exposure_line(change: Change, found: SpikeWords) -> Evidence | None:
    """Exposed against control customers among the sampled contacts, where the share of controls is known."""
    exposed, control = found.exposed.get(change.key, (0, 0))
    n = exposed + control
    if change.control_share is None or n < 5 or not 0.01 <= change.control_share <= 0.99:
        return None
    usual, cause = 1 - change.control_share, 1 - 0.3 * change.control_share
    weight = exposed * math.log(cause / usual) + control * math.log((1 - cause) / (1 - usual))
    sentence = (
        f"{exposed} of {n} sampled contacts come from exposed customers; without an effect {usual * n:.0f} would."
    )
    return line("exposure", float(np.clip(weight, -3, 3)), sentence, exposed=exposed, control=control)


def dose_line(change: Change, around: Surroundings) -> Evidence | None:
    """Whether the excess stopped when the change ended; ``None`` while it lasts or when it ended before the onset.

    Compared are stretches of equal length just before and just after the end: a spike that was over anyway, or
    fades slowly, says nothing.
    """
    spike = around.spike
    if change.ends_at is None or change.ends_at <= spike.onset:
        return None
    start_s, end_s = window(spike)
    turn_s = change.ends_at.timestamp() + max(spike.bucket_s, 1800.0)
    width_s = min(max((turn_s - start_s) / 2, 2.0 * spike.bucket_s, 3600.0), 6 * 3600.0)
    from_s, to_s = max(start_s, turn_s - width_s), turn_s + width_s
    if to_s > around.as_of.timestamp() or turn_s - from_s < spike.bucket_s or turn_s > end_s + 6 * 3600.0:
        return None
    mask = past.inside(around.memory, spike.slice)
    before, after = (
        float(past.counted(around.memory, a, b)[mask].sum()) for a, b in ((from_s, turn_s), (turn_s, to_s))
    )
    usual_before, usual_after = (
        float(past.usual(around.memory, a, b, onset_s=start_s)[mask].sum())
        for a, b in ((from_s, turn_s), (turn_s, to_s))
    )
    hours_before, hours_after = (turn_s - from_s) / 3600, (to_s - turn_s) / 3600
    weight = stop_weight(
        before=before,
        expected_before=usual_before,
        after=after,
        expected_after=usual_after,
        hours_before=hours_before,
        hours_after=hours_after,
    )
    sentence = (
        f"{(before - usual_before) / hours_before:+.1f} contacts an hour before it ended ({change.ends_at:%Y-%m-%d %H:%M}), "
        f"{(after - usual_after) / hours_after:+.1f} after."
    )
    return line(
        "dose", weight, sentence, before=before, after=after, usual_before=usual_before, usual_after=usual_after
    )


class Match(NamedTuple):
    """How a change's words match: in standard deviations against placebos, the share of the match that comes from
    what the change says it fixes, and the evidence line."""

    z: float
    fixing: float
    evidence: Evidence


def words_lines(
    around: Surroundings, found: SpikeWords, versions: list[Version], asked: set[str], frequency: Floats
) -> dict[str, Match]:
    """Match of the excess words with the words of each change asked for, standardised against all other changes.

    What matches must also be enough of it: if the contacts that use the shared words are few beside the excess,
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
        version.change.key: _match(around, found, version, placebo_z(float(scores[i]), np.delete(scores, i)), value)
        for i, version in enumerate(usable)
        if version.change.key in asked
    }


def _match(around: Surroundings, found: SpikeWords, version: Version, z: float, value: Floats) -> Match:
    own = version.words
    gain = (found.strength * value)[own.slots] * own.weights
    best = sorted(np.flatnonzero(gain > 0.5), key=lambda i: (-gain[i], own.slots[i]))[:12]
    shared = own.slots[best]
    now, usual = (1.0 - float(np.prod(1.0 - share[shared])) for share in (found.share_now, found.share_usual))
    needed = min(1.0, max(0.02, around.spike.excess / max(float(around.spike.observed), 1.0)))
    covered = max(now - usual, 0.0) / needed
    weight = words_weight(z)
    weight *= min(1.0, max(0.25, covered / 0.3)) if weight > 0 else 1.0
    quoted = ", ".join(f"'{around.memory.forms.get(int(place), '?')}'" for place in shared[:4])
    said = (
        f"the excess contacts share {quoted} with it" if quoted else "the excess contacts share no unusual word with it"
    )
    sentence = f"Words: {said} (in {now:.0%}, usually {usual:.0%}); {z:+.1f} sd against other changes."
    fixing = float(gain[np.isin(own.slots, own.fixing)].sum()) / max(float(gain.sum()), 1e-9)
    return Match(z, fixing, line("words", weight, sentence, z=z, sampled=found.sampled, now=now, usual=usual))


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


def feedback_line(verdicts: Mapping[str, int], key: str) -> Evidence | None:
    """People's word: confirmations less rejections, at most two counted."""
    if not (balance := verdicts.get(key, 0)):
        return None
    said = "confirmed" if balance > 0 else "rejected"
    return line("feedback", VERDICT * max(-2, min(2, balance)), f"People {said} this cause.", balance=balance)
