"""Evidence from time: the onset against the change's start and roll-out, and the excess before and after its end."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
from msgspec.structs import replace

from schemas.attribution import Evidence
from schemas.raw import RollOutStep
from schemas.spike import Spike
from schemas.timeline import Change
from stats.contrast import stop_weight
from stats.timing import onset_density, step_chances
from streams.attribute import memory as past
from streams.attribute.case import window
from streams.attribute.evidence import Surroundings, line
from streams.attribute.kinds import ENDING, HABITS, NEVER, PRECISION_H, TOO_LATE

TRAILS, REST = timedelta(hours=6), 0.2
"""How long after the end of an incident, a campaign or a shortage its contacts still come, and what share comes later yet."""

HOURS_TRIED = 12
"""Steps at which the hours of a day without a time are tried."""
LATER = 0.7
"""What it costs, in nats, to have begun after the onset at all."""

NOTICED_H = 6.0
"""Hours before an incident's record for which it is said that it was noticed later."""


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


def time_line(change: Change, around: Surroundings) -> Evidence:
    """The onset against the change's start or roll-out, by the lag shape of its kind, per day.

    A change that began after the onset can only have caused what came later: it is weighed as if the onset were
    at its start, less what the share of the excess that had come before costs. Where only the day is known the likelihood is
    averaged over its hours.
    """
    spike, habits = around.spike, HABITS[change.kind]
    first, last = start_of(change)
    after = first > max(spike.onset_high, spike.onset + timedelta(seconds=spike.bucket_s))
    density = _density(change, spike, spike.onset)
    lag_h = _hours(spike.onset, first)
    direct = max(math.log(max(density * 24.0, 1e-9)), TOO_LATE)
    if not after and last <= spike.onset:
        weight = direct
        over = change.ends_at is not None and change.ends_at + timedelta(hours=6) < spike.onset_low
        if over and change.kind in ENDING:
            weight = min(weight, TOO_LATE + 2)
        return line("time", weight, _time_sentence(change, spike), lag_h=lag_h, density_per_day=density * 24.0)
    leads = habits.noticed or (habits.lead and change.announced_at is not None)
    lead = math.log(max(density * 24.0, 1e-9)) if leads else NEVER
    starts = _starts(change)
    shares = [_share_before(around, at) for at in starts]
    late = _mean_of_logs([_at(change, spike, at, share) for at, share in zip(starts, shares, strict=True)])
    weight = max(lead, late, NEVER)
    if not after:
        weight = max(weight, direct)
    sentence = _time_sentence(change, spike)
    if weight > lead:
        least, share = shares[0], shares[-1]
        told = f"{share:.0%}" if len(shares) == 1 else f"{least:.0%} to {share:.0%}, as the hour may be,"
        sentence = f"{sentence} {told} of the excess had come before it."
    return line("time", weight, sentence, lag_h=lag_h, density_per_day=density * 24.0, share_before=shares[-1])


def _starts(change: Change) -> list[datetime]:
    """Moments at which a change may have begun: the last one, and where only the day is known its hours."""
    first, last = start_of(change)
    if change.precision != "day":
        return [last]
    return [first + (last - first) * hour / HOURS_TRIED for hour in range(HOURS_TRIED + 1)]


def _at(change: Change, spike: Spike, begins: datetime, share: float) -> float:
    """Nats for a change that began at one moment, by which a share of the excess had come."""
    exact = replace(change, starts_at=begins, precision="minute") if change.precision == "day" else change
    if begins <= spike.onset:
        return max(math.log(max(_density(exact, spike, spike.onset) * 24.0, 1e-9)), TOO_LATE)
    late = math.log(_density(exact, spike, begins + timedelta(seconds=spike.bucket_s)) * 24.0 + 1e-9)
    return late - LATER - _cost_of_before(share)


def _mean_of_logs(nats: list[float]) -> float:
    """The logarithm of the mean likelihood."""
    most = max(nats)
    return most + math.log(sum(math.exp(one - most) for one in nats) / len(nats))


def _cost_of_before(share: float) -> float:
    """Nats for the share of an excess that had come before the change: a tenth may be a badly drawn onset, half is not."""
    return 8.0 * max(share - 0.1, 0.0) + 16.0 * max(share - 0.45, 0.0)


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
    for share, at in _anchors(change, spike):
        density += share * onset_density(anchor_h=_hours(at, onset), pieces=habits.lags, **moments)
    if change.announced_at is not None and habits.lead:
        lead = onset_density(anchor_h=_hours(change.announced_at, onset), pieces=habits.lead, **moments)
        density = (1 - habits.lead_share) * density + habits.lead_share * lead
    if habits.noticed:
        noticed = onset_density(anchor_h=_hours(onset, last), pieces=habits.noticed, **_mirrored(moments))
        density = (1 - habits.noticed_share) * density + habits.noticed_share * noticed
    if habits.while_it_lasts and change.ends_at is not None and change.starts_at <= onset <= change.ends_at:
        lasting_h = max(_hours(change.ends_at, change.starts_at), 1.0)
        density = (1 - habits.while_it_lasts) * density + habits.while_it_lasts / lasting_h
    return density


def _mirrored(moments: dict[str, float]) -> dict[str, float]:
    """The same moments with time running backwards, for what comes before an anchor."""
    return {**moments, "onset_low_h": -moments["onset_high_h"], "onset_high_h": -moments["onset_low_h"]}


def _share_before(around: Surroundings, start: datetime) -> float:
    """Share of the spike's excess that had come before a moment inside it."""
    start_s, end_s = window(around.spike)
    return 1.0 if start.timestamp() >= end_s else _share(around, start_s, start.timestamp())


def _share_after(around: Surroundings, end: datetime) -> float:
    """Share of the spike's excess that came after a moment inside it."""
    start_s, end_s = window(around.spike)
    return 0.0 if end.timestamp() >= end_s else _share(around, max(end.timestamp(), start_s), end_s)


def _share(around: Surroundings, from_s: float, to_s: float) -> float:
    memory, spike = around.memory, around.spike
    mask = past.inside(memory, spike.slice)
    seen = float(past.counted(memory, from_s, to_s)[mask].sum())
    usual = float(past.usual(memory, from_s, to_s, onset_s=window(spike)[0])[mask].sum())
    return min(1.0, max(0.0, (seen - usual) / max(spike.excess, 1.0)))


def _anchors(change: Change, spike: Spike) -> list[tuple[float, datetime]]:
    """Moments at which the audience grew, each with the chance that the spike's onset comes with it; they sum to one."""
    steps = _rising(change)
    if len(steps) < 2:
        return [(1.0, steps[0].at if steps else change.starts_at)]
    until = [*(step.at for step in steps[1:]), spike.as_of]
    hours = [max(_hours(min(end, spike.as_of), step.at), 0.0) for step, end in zip(steps, until, strict=True)]
    shares = np.array([step.share for step in steps])
    chances = step_chances(shares, np.array(hours), deviations=_deviations(spike, steps))
    return [(float(chance), step.at) for chance, step in zip(chances, steps, strict=True)]


def _rising(change: Change) -> list[RollOutStep]:
    """The steps of a roll-out that add audience, in their order."""
    steps: list[RollOutStep] = []
    for step in sorted(change.rollout, key=lambda step: step.at):
        if step.share > (steps[-1].share if steps else 0.0):
            steps.append(step)
    return steps


def _deviations(spike: Spike, steps: list[RollOutStep]) -> float:
    """How far above chance the spike would rise within an hour at the whole audience, by what it did at the shares it had."""
    start_s, end_s = window(spike)
    hours = max((end_s - start_s) / 3600, spike.bucket_s / 3600)
    bounds = [start_s, *(min(max(step.at.timestamp(), start_s), end_s) for step in steps), end_s]
    shares = [0.0, *(step.share for step in steps)]
    had = sum(share * (b - a) for share, a, b in zip(shares, bounds, bounds[1:], strict=False)) / max(
        end_s - start_s, 1.0
    )
    return spike.excess / math.sqrt(max(spike.expected, 1.0) * hours) / max(had, steps[0].share)


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
        noticed = HABITS[change.kind].noticed and lag_h > -NOTICED_H
        gap = f"{span(-lag_h)} before {'it was noticed' if noticed else began} ({when})"
        told_h = _hours(spike.onset, change.announced_at) if change.announced_at is not None else -1.0
        if told_h >= 0 and HABITS[change.kind].lead:
            gap = f"{span(told_h)} after it was announced, {gap}"
    return f"The spike began {gap}."


def _days_after(change: Change, spike: Spike) -> str:
    days = (spike.onset.date() - change.starts_at.date()).days
    return "on the day it began" if days == 0 else f"{days} day{'s' if days > 1 else ''} after it began"


def dose_line(change: Change, around: Surroundings) -> Evidence | None:
    """Whether the excess stopped when the change ended; ``None`` while it lasts or when it ended before the onset.

    Compared are stretches of equal length just before and just after the end: a spike that was over anyway, or
    fades slowly, says nothing. Of a change whose effect goes with its end, much of the excess long after it speaks
    against it, whatever happened at the end itself.
    """
    stopped, trailing = _stopped(change, around), _trailing(change, around)
    return trailing if stopped is None or (trailing is not None and trailing.weight < stopped.weight) else stopped


def _trailing(change: Change, around: Surroundings) -> Evidence | None:
    """What of the excess came when the change had been over for :data:`TRAILS`; ``None`` for a usual rest."""
    spike, ends = around.spike, change.ends_at
    if change.kind not in ENDING or ends is None or ends <= spike.onset:
        return None
    share = _share_after(around, ends + TRAILS)
    if share <= REST:
        return None
    hours = TRAILS / timedelta(hours=1)
    sentence = f"{share:.0%} of the excess came more than {hours:.0f} h after it ended ({ends:%Y-%m-%d %H:%M})."
    return line("dose", max(-7.0 * (share - REST), -5.0), sentence, share_after=share)


def _stopped(change: Change, around: Surroundings) -> Evidence | None:
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
