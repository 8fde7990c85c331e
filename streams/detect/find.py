"""From windows beyond chance to spikes: joined to one that explains them, or opened anew."""

from __future__ import annotations

import numpy as np

from schemas.spike import Spike
from stats.localise import interval, onset_posterior
from streams.detect.episode import Episode, spike_id
from streams.detect.known import Known
from streams.detect.ladder import Alarm, Ladder
from streams.detect.place import best_place, cover, gather, move, shared_excess
from streams.detect.settings import DAY_S
from streams.detect.size import close, refree, reopen, tell, totals

AT_MOST = 5
INSIDE_AGE = 12
RIPE_WINDOWS = 3


def look(known: Known) -> list[Spike]:
    """Every new alarm of this bucket, the rarest first."""
    told: list[Spike] = []
    for _ in range(AT_MOST):
        found = _first_alarm(known)
        if found is None:
            break
        told.extend(_take(known, *found))
    return told + _look_inside(known)


def _first_alarm(known: Known) -> tuple[Ladder, Alarm] | None:
    best: tuple[float, Ladder, Alarm] | None = None
    for rungs in known.due():
        needed = [max(known.settings.warm_d, RIPE_WINDOWS * n * rungs.step_s / DAY_S) for n in rungs.lengths]
        alarms = rungs.beyond(known.budget, known.days >= np.array(needed), known.free)
        if alarms and (best is None or alarms[0].per_week < best[0]):
            best = (alarms[0].per_week, rungs, alarms[0])
    return None if best is None else (best[1], best[2])


def _take(known: Known, rungs: Ladder, alarm: Alarm) -> list[Spike]:
    """Join the alarm to a spike that explains it, or open a new one where the excess is explained best."""
    for episode in sorted(known.episodes, key=lambda one: (one.state != "open", -(one.end_s or 0))):
        if _explains(known, episode, rungs, alarm):
            episode.covered[alarm.number] = True
            told = [reopen(known, episode)] if episode.state != "open" else []
            if move(known, episode):
                told.append(tell(known, episode))
            refree(known)
            return told
    episode = _open(known, rungs, alarm, best_place(known, rungs, alarm, known.free))
    before = _before(known, episode)
    if before is not None:
        before.covered |= episode.covered
        return [reopen(known, before)]
    for other in known.episodes:
        close_by = abs(other.onset_s - episode.onset_s) <= max(other.window_s, episode.window_s)
        if other.state == "open" and close_by and gather(known, other, episode.number):
            other.covered |= episode.covered
            refree(known)
            return [tell(known, other)]
    known.episodes.append(episode)
    refree(known)
    return [tell(known, episode)]


def _explains(known: Known, episode: Episode, rungs: Ladder, alarm: Alarm) -> bool:
    """Whether at least half of the alarm's excess is the spike's, or most of the spike's lies in the alarm."""
    closed = episode.state == "closed" and episode.end_s is not None and episode.number >= 0
    recent = closed and known.now_s - (episode.end_s or 0) <= known.settings.return_s
    if episode.state != "open" and not recent:
        return False
    if episode.covered[alarm.number]:
        return True
    excess = rungs.excess(alarm.window, alarm.number)
    span_s = rungs.lengths[alarm.window] * rungs.step_s
    shared = shared_excess(known, episode.number, rungs, known.now_s - span_s, alarm.window)
    both, own = float(shared[alarm.number]), float(shared[episode.number])
    together = episode.onset_s >= known.now_s - 2 * span_s and both >= max(0.5 * own, 0.15 * excess)
    return both >= 0.5 * excess or together


def _before(known: Known, episode: Episode) -> Episode | None:
    """The closed spike that this one goes on."""
    for old in reversed(known.episodes):
        if old.state != "closed" or old.end_s is None or old.teaches or old.inside or old.number < 0:
            continue
        again = old.covered[episode.number] and episode.onset_s - old.end_s <= known.settings.return_s
        if again and known.now_s - old.end_s <= 7 * known.settings.return_s:
            return old
    return None


def _look_inside(known: Known) -> list[Spike]:
    """A burst on top of a spike that has long been open is a spike of its own."""
    for episode in known.episodes:
        if episode.state != "open" or any(one.inside == episode.name and one.state == "open" for one in known.episodes):
            continue
        observed, expected, _ = totals(known, episode, known.now_s)
        raised = max(observed / max(expected, 1e-9), 1.0)
        for rungs in known.due():
            age = (known.now_s - episode.onset_s) // rungs.step_s
            ripe = np.array([length * INSIDE_AGE <= age for length in rungs.lengths])
            for alarm in rungs.beyond(known.budget, ripe, episode.covered, raised=raised):
                if rungs.times(alarm) >= known.settings.burst_times * raised:
                    return _burst(known, episode, rungs, alarm, raised)
    return []


def _burst(known: Known, episode: Episode, rungs: Ladder, alarm: Alarm, raised: float) -> list[Spike]:
    """Open the burst; where it soon rivals all of the spike's excess so far, the spike ends where it begins."""
    told: list[Spike] = []
    number = best_place(known, rungs, alarm, episode.covered)
    observed, expected, _ = totals(known, episode, known.now_s)
    excess = rungs.excess(alarm.window, number)
    if excess >= known.settings.rival * (observed - expected - excess):
        burst = _open(known, rungs, alarm, number)
        told.append(close(known, episode, end_s=max(burst.onset_s, episode.since_s + known.bucket_s)))
    else:
        burst = _open(known, rungs, alarm, best_place(known, rungs, alarm, episode.covered, raised), raised)
        burst.inside = episode.name
    known.episodes.append(burst)
    refree(known)
    return [*told, tell(known, burst)]


def _open(known: Known, rungs: Ladder, alarm: Alarm, number: int, raised: float = 1.0) -> Episode:
    length = rungs.lengths[alarm.window]
    rows = rungs.windows.rows(2 * length if length > 1 else 3)
    level = raised * float(rungs.level[alarm.window, number])
    posterior = onset_posterior(
        rungs.windows.count[rows, number],
        rungs.windows.unit[rows, number] * level,
        dispersion=float(rungs.dispersion[number]),
    )
    first, last = interval(posterior, level=0.9)
    begin_s = known.last_end_s(rungs) - len(rows) * rungs.step_s
    onset_s = begin_s + int(np.argmax(posterior)) * rungs.step_s
    pairs = known.watched.slices[number]
    episode = Episode(
        name=spike_id(known.workspace.name, known.stream, pairs, onset_s),
        pairs=pairs,
        number=number,
        covered=np.zeros(len(known.free), dtype=bool),
        coarse=rungs is known.coarse,
        window=alarm.window,
        window_s=length * rungs.step_s,
        level=level,
        forecast2=float(rungs.spread2[alarm.window, number]),
        chance=alarm.chance,
        raised=raised,
        onset_s=onset_s,
        onset_low_s=min(begin_s + first * rungs.step_s, onset_s),
        onset_high_s=max(begin_s + (last + 1) * rungs.step_s, onset_s),
        opened_s=known.now_s,
    )
    cover(known, episode, rungs, alarm.window, known.now_s - length * rungs.step_s)
    episode.covered[alarm.number] = True
    return episode
