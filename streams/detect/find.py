"""From windows beyond chance to spikes: what open spikes explain is taken off, what is left opens or joins one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from schemas.spike import Spike
from stats.judging import ripe
from streams.detect.again import before, reopen
from streams.detect.dates import LEAD_STEPS, date_onset
from streams.detect.episode import Episode, spike_id
from streams.detect.known import Bools, Floats, Known
from streams.detect.ladder import Alarm, Ladder
from streams.detect.leafwise import Pairs
from streams.detect.place import best_place, cover, explained_by, gather, host_of
from streams.detect.size import close, refree, tell, totals

AT_MOST = 5
INSIDE_AGE = 12
RISEN_WORTH = 5.0
MOSTLY_JUDGED = 0.5


class Found(NamedTuple):
    """An alarm, and what other spikes explain of its window's counts, per slice."""

    rungs: Ladder
    alarm: Alarm
    explained: Floats | float


def look(known: Known) -> list[Spike]:
    """Every new alarm of this bucket, the rarest first."""
    told: list[Spike] = []
    for _ in range(AT_MOST):
        found = _first_alarm(known)
        if found is None:
            break
        told.extend(_take(known, found))
    return told + _look_inside(known)


def _first_alarm(known: Known) -> Found | None:
    best: Found | None = None
    for rungs in known.due():
        for found in _unexplained(known, rungs, ripe_windows(known, rungs)):
            if best is None or found.alarm.per_week < best.alarm.per_week:
                best = found
    return best


def ripe_windows(known: Known, rungs: Ladder) -> Bools:
    """Which windows have seen enough history to be judged, and are not for the greater part a gap."""
    judges = ripe(rungs, known.days) & (known.days >= known.settings.warm_d)
    if known.gaps and known.now_s - known.gaps[-1][1] <= rungs.lengths[-1] * rungs.step_s:
        judged = rungs.windows.unit[rungs.windows.rows(rungs.lengths[-1]), 0] > 0.0
        judges &= np.array([np.mean(judged[-length:]) >= MOSTLY_JUDGED for length in rungs.lengths])
    return judges


def _unexplained(
    known: Known,
    rungs: Ladder,
    ripe: Bools,
    *,
    host: Episode | None = None,
    among: Bools | None = None,
    raised: Floats | float = 1.0,
) -> list[Found]:
    """The rarest alarm of every window length, after what open spikes explain has been taken off.

    A slice's rarest window may be the others' doing while a shorter one is not, so every length is looked at.
    With a ``host``: of the slices ``among`` its own, on top of what they are ``raised``, and apart from what the others explain.
    """
    alarms = rungs.beyond(known.budget, ripe, known.free if among is None else among, raised=raised)
    others = [one for one in known.episodes if one.state == "open" and one is not host]
    if not others or not alarms:
        return [Found(rungs, alarms[0], 0.0)] if alarms else []
    numbers = np.array(sorted(alarm.number for alarm in alarms))
    longest = max(alarm.window for alarm in alarms)
    rows = rungs.windows.rows(rungs.lengths[longest])
    added = [explained_by(known, episode, rungs, rows) for episode in others]
    left: list[Found] = []
    for window in np.flatnonzero(ripe[: longest + 1]).tolist():
        length = rungs.lengths[window]
        explained = sum((np.maximum(one[-length:].sum(axis=0), 0.0) for one in added), np.zeros(len(known.free)))
        still = rungs.still_beyond(known.budget, window, numbers, explained, raised=raised)
        left.extend(Found(rungs, alarm, explained) for alarm in still[:1])
    return left


def _take(known: Known, found: Found) -> list[Spike]:
    """Open a spike where the excess is explained best, unless one that is open or was so lately goes on there."""
    number = found.alarm.number
    pairs = best_place(known, found.rungs, found.alarm)
    episode = _open(known, found.rungs, found.alarm, pairs)
    for other in known.episodes:
        close_by = abs(other.onset_s - episode.onset_s) <= max(other.window_s, episode.window_s)
        if other.state == "open" and not other.inside and close_by and gather(known, other, pairs):
            other.covered[number] = True
            refree(known)
            return [tell(known, other)]
    same = next((one for one in known.episodes if one.name == episode.name), None)
    if same is not None and same.state != "closed":
        return _leave_to(known, same.merged_into or same.name, number)
    rise = found.rungs.times(found.alarm.window, number, found.explained)
    old = same if same is not None else before(known, episode, rise)
    if old is not None:
        return [reopen(known, old, episode)]
    known.episodes.append(episode)
    refree(known)
    return [tell(known, episode)]


def _leave_to(known: Known, name: str, number: int) -> list[Spike]:
    """Let an open spike answer for a slice from now on."""
    for episode in known.episodes:
        if episode.name == name:
            episode.covered[number] = True
    refree(known)
    return []


def _look_inside(known: Known) -> list[Spike]:
    """A burst on top of a spike that has long been open is a spike of its own."""
    for episode in known.episodes:
        if episode.state != "open":
            continue
        among = episode.covered.copy()
        for one in known.episodes:
            if one.state == "open" and one.inside == episode.name:
                among &= ~one.covered
        for rungs in known.due():
            age = (known.now_s - episode.onset_s) // rungs.step_s
            ripe = np.array([length * INSIDE_AGE <= age for length in rungs.lengths])
            if not rungs.striking(ripe, among).any():
                continue
            raised = _risen(
                known, episode, rungs, max(length for length, old in zip(rungs.lengths, ripe, strict=True) if old)
            )
            for found in _unexplained(known, rungs, ripe, host=episode, among=among, raised=raised):
                number = found.alarm.number
                times = rungs.times(found.alarm.window, number, found.explained)
                if times >= _steep(known, float(raised[number])):
                    return _burst(known, episode, found, float(raised[number]))
    return []


def _risen(known: Known, episode: Episode, rungs: Ladder, latest: int) -> Floats:
    """How many times its expectation every slice has been since a spike's onset, the ``latest`` steps left out: its own rise
    where it is more than the spike's."""
    rows = known.rows(rungs, episode.onset_s)[:-latest]
    count = rungs.windows.count[rows].sum(axis=0)
    mean = rungs.windows.unit[rows].sum(axis=0) * rungs.level[0]
    return np.asarray(np.maximum((count + RISEN_WORTH * episode.rise) / (mean + RISEN_WORTH), episode.rise))


def _steep(known: Known, raised: float) -> float:
    """How many times its expectation a burst must be on top of a rise: ``burst_times`` a rise to twice or more, less on a mild one."""
    return raised * (1.0 + (known.settings.burst_times - 1.0) * min(raised - 1.0, 1.0))


def _burst(known: Known, episode: Episode, found: Found, raised: float) -> list[Spike]:
    """Open the burst; where it soon rivals all of the spike's excess so far, the spike ends where it begins."""
    told: list[Spike] = []
    rungs, alarm, _ = found
    pairs = best_place(known, rungs, alarm)
    observed, expected, _ = totals(known, episode, known.now_s)
    excess = rungs.excess(alarm.window, host_of(known, pairs)[0])
    if excess >= known.settings.rival * (observed - expected - excess):
        burst = _open(known, rungs, alarm, pairs)
        told.append(close(known, episode, end_s=max(burst.onset_s, episode.since_s + known.bucket_s)))
    else:
        pairs = best_place(known, rungs, alarm, host=episode)
        burst = _open(known, rungs, alarm, pairs, raised=raised)
        burst.inside = episode.name
    if any(one.name == burst.name for one in known.episodes):
        return told
    known.episodes.append(burst)
    refree(known)
    return [*told, tell(known, burst)]


def _open(known: Known, rungs: Ladder, alarm: Alarm, pairs: Pairs, *, raised: float = 1.0) -> Episode:
    length = rungs.lengths[alarm.window]
    number, part = host_of(known, pairs)
    episode = Episode(
        name="",
        pairs=pairs,
        number=number,
        covered=np.zeros(len(known.free), dtype=bool),
        coarse=rungs is known.coarse,
        window=alarm.window,
        window_s=length * rungs.step_s,
        level=raised * part * float(rungs.level[alarm.window, number]),
        forecast2=float(rungs.spread2[alarm.window, number]),
        chance=alarm.chance,
        raised=raised,
        onset_s=known.now_s - length * rungs.step_s,
        onset_low_s=known.now_s - length * rungs.step_s,
        onset_high_s=known.now_s,
        opened_s=known.now_s,
    )
    since_s = known.last_end_s(rungs) - (2 * length + LEAD_STEPS) * rungs.step_s
    date_onset(known, episode, rungs, since_s, known.now_s)
    episode.name = spike_id(known.workspace.name, known.stream, pairs, episode.onset_s)
    cover(known, episode)
    episode.covered[alarm.number] = True
    return episode
