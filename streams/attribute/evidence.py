"""Evidence lines about one change and one spike, each a weight in nats against ``unknown`` and a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from streams.attribute.kinds import HABITS, NEVER, OUTSIDE, PRECISION_H, TOO_LATE, VERDICT
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


def time_line(change: Change, spike: Spike) -> Evidence:
    """The onset against the change's start or roll-out, by the lag shape of its kind, per day."""
    habits = HABITS[change.kind]
    blur_h = spike.bucket_s / 3600
    first, last = start_of(change)
    onset = {
        "onset_low_h": _hours(min(spike.onset_low, spike.onset), spike.onset),
        "onset_h": 0.0,
        "onset_high_h": _hours(max(spike.onset_high, spike.onset), spike.onset),
        "blur_h": blur_h,
    }
    width_h = _hours(last, first)
    density = 0.0
    for share, at in _anchors(change):
        density += share * onset_density(
            anchor_h=_hours(at, spike.onset), anchor_width_h=width_h, pieces=habits.lags, **onset
        )
    if change.announced_at is not None and habits.lead:
        lead = onset_density(
            anchor_h=_hours(change.announced_at, spike.onset), anchor_width_h=width_h, pieces=habits.lead, **onset
        )
        density = (1 - habits.lead_share) * density + habits.lead_share * lead
    if habits.while_it_lasts and change.ends_at is not None and change.starts_at <= spike.onset <= change.ends_at:
        lasting_h = max(_hours(change.ends_at, change.starts_at), 1.0)
        density = (1 - habits.while_it_lasts) * density + habits.while_it_lasts / lasting_h
    over = change.ends_at is not None and change.ends_at + timedelta(hours=max(6.0, blur_h)) < spike.onset_low
    weight = max(math.log(max(density * 24.0, 1e-9)), TOO_LATE)
    if over and change.kind in ("incident", "promotion", "capacity"):
        weight = min(weight, TOO_LATE + 2)
    if first > spike.onset_high + timedelta(hours=blur_h) and density * 24.0 < 0.01:
        weight = NEVER
    return line(
        "time", weight, _time_sentence(change, spike), lag_h=_hours(spike.onset, first), density_per_day=density * 24.0
    )


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
    """Whether the excess stopped when the change ended; ``None`` while it lasts or when it ended before the onset."""
    spike = around.spike
    if change.ends_at is None or change.ends_at <= spike.onset:
        return None
    grace_s = max(spike.bucket_s, 3600.0)
    start_s, _ = window(spike)
    turn_s = change.ends_at.timestamp() + grace_s
    stop_s = min(around.as_of.timestamp(), turn_s + max(turn_s - start_s, 2 * grace_s), turn_s + 3 * past.DAY_S)
    if stop_s - turn_s < grace_s or turn_s - start_s < spike.bucket_s:
        return None
    mask = past.inside(around.memory, spike.slice)
    before, after = (
        float(past.counted(around.memory, a, b)[mask].sum()) for a, b in ((start_s, turn_s), (turn_s, stop_s))
    )
    usual_before, usual_after = (
        float(past.usual(around.memory, a, b, onset_s=start_s)[mask].sum())
        for a, b in ((start_s, turn_s), (turn_s, stop_s))
    )
    hours_before, hours_after = (turn_s - start_s) / 3600, (stop_s - turn_s) / 3600
    weight = stop_weight(
        before=before,
        expected_before=usual_before,
        after=after,
        expected_after=usual_after,
        hours_before=hours_before,
        hours_after=hours_after,
    )
    sentence = (
        f"{(before - usual_before) / hours_before:+.1f} contacts an hour until it ended ({change.ends_at:%Y-%m-%d %H:%M}), "
        f"{(after - usual_after) / hours_after:+.1f} after."
    )
    return line(
        "dose", weight, sentence, before=before, after=after, usual_before=usual_before, usual_after=usual_after
    )


def words_lines(
    found: SpikeWords, versions: list[Version], asked: set[str], frequency: Floats, forms: Mapping[int, str]
) -> dict[str, tuple[float, Evidence]]:
    """Match of the excess words with the words of each change asked for, standardised against all the other changes.

    Returns z and the evidence line by key; nothing for a change without words or a spike without samples.
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
    lines: dict[str, tuple[float, Evidence]] = {}
    for i in [i for i, version in enumerate(usable) if version.change.key in asked]:
        version = usable[i]
        z = placebo_z(float(scores[i]), np.delete(scores, i))
        shared = _shared(version, found.strength * value, forms)
        said = (
            f"the excess contacts share {shared} with it"
            if shared
            else "the excess contacts share no unusual word with it"
        )
        sentence = f"Words: {said}; {z:+.1f} sd against {len(usable) - 1} other changes."
        lines[version.change.key] = (
            z,
            line("words", words_weight(z), sentence, z=z, sampled=found.sampled, placebos=len(usable) - 1),
        )
    return lines


def _shared(version: Version, telling: Floats, forms: Mapping[int, str]) -> str:
    gain = telling[version.words.slots] * version.words.weights
    best = sorted(np.flatnonzero(gain > 0.5), key=lambda i: (-gain[i], version.words.slots[i]))[:4]
    return ", ".join(f"'{forms.get(int(version.words.slots[i]), '?')}'" for i in best)


def fix_line(change: Change, spike: Spike, z: float | None) -> Evidence | None:
    """A change that says it fixes something, begun after the onset, is the remedy, not the cause."""
    _, last = start_of(change)
    if not change.fixes or last <= spike.onset:
        return None
    named = ", ".join(change.fixes[:3])
    return line(
        "dose", -4.0, f"It fixes {named} and came after the spike's onset: a remedy.", z=z if z is not None else 0.0
    )


def feedback_line(verdicts: Mapping[str, int], key: str) -> Evidence | None:
    """People's word: confirmations less rejections, at most two counted."""
    if not (balance := verdicts.get(key, 0)):
        return None
    said = "confirmed" if balance > 0 else "rejected"
    return line("feedback", VERDICT * max(-2, min(2, balance)), f"People {said} this cause.", balance=balance)
