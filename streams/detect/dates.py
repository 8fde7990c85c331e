"""When a spike began and ended: dated anew while it is young and when it closes, as far back as its windows reach."""

from __future__ import annotations

import numpy as np

from stats.dating import Dated, date_end, date_rise, excess_moments
from stats.lasting import beyond_end
from streams.detect.episode import Episode
from streams.detect.known import Floats, Known
from streams.detect.ladder import Ladder
from streams.detect.place import added_to, own_counts

MOST_STEPS = 120
LEAD_STEPS = 6
LEVEL = 0.9
INTO = 0.85
"""A step belongs to a spike whose end lies further into it than the rest of this to one."""


class Steps:
    """A spike's steps from well before its onset: contacts without other spikes' part, expectation, start and width."""

    def __init__(self, known: Known, episode: Episode, rungs: Ladder, since_s: int, until_s: int) -> None:
        rows = known.rows(rungs, since_s)
        after = max((known.last_end_s(rungs) - until_s) // rungs.step_s, 0)
        rows = rows[: len(rows) - after] if after else rows
        count = own_counts(known, episode, rungs, rows)
        for other in known.episodes:
            if _apart(episode, other) and len(rows):
                count = count - added_to(known, other, rungs, rows, episode.pairs)
        self.begin_s = known.last_end_s(rungs) - (len(rows) + after) * rungs.step_s
        self.step_s = rungs.step_s
        self.count: Floats = np.maximum(count, 0.0)
        self.mean: Floats = rungs.windows.unit[rows, episode.number] * episode.level
        self._widen(-(-len(rows) // MOST_STEPS))

    def _widen(self, by: int) -> None:
        """Add up so many steps to one, the oldest that are left over forgotten."""
        if by > 1:
            spare = len(self.count) % by
            self.begin_s += spare * self.step_s
            self.step_s *= by
            self.count = self.count[spare:].reshape(-1, by).sum(axis=1)
            self.mean = self.mean[spare:].reshape(-1, by).sum(axis=1)

    def at(self, step: float) -> int:
        """The second at which a step, or a part of one, begins."""
        return round(self.begin_s + step * self.step_s)


def date_onset(known: Known, episode: Episode, rungs: Ladder, since_s: int, until_s: int) -> None:
    """Say when a spike began, from its steps between these moments; nothing is said where there are none."""
    steps = Steps(known, episode, rungs, since_s, until_s)
    if not len(steps.count):
        return
    begin = date_rise(steps.count, steps.mean, **_noise(episode, rungs, steps))
    low, high = begin.interval(LEVEL)
    first = _first(begin)
    episode.onset_s = steps.at(first)
    episode.onset_low_s = min(steps.at(low), episode.onset_s)
    episode.onset_high_s = max(steps.at(high), episode.onset_s)
    whole = Dated(np.array([len(steps.count) - 0.25]), np.ones(1))
    middle, episode.edge2 = excess_moments(steps.count, steps.mean, begin, whole)
    episode.shift = middle - float((steps.count[first:] - steps.mean[first:]).sum())


def date_again(known: Known, episode: Episode, until_s: int) -> None:
    """Date a spike anew now that more of it is known; not once it is long or has come back."""
    rungs = known.coarse if episode.coarse else known.finest
    lead = max(episode.window_s, LEAD_STEPS * rungs.step_s)
    since_s = episode.onset_low_s - lead
    reach_s = min(rungs.windows.keep - 1, MOST_STEPS) * rungs.step_s
    if episode.resumed_s is None and known.now_s - since_s <= reach_s:
        date_onset(known, episode, rungs, since_s, until_s)


def date_close(known: Known, episode: Episode) -> int:
    """When a spike ended; its onset and what is open about its size are settled with it."""
    rungs = known.reaching(episode.since_s)
    steps = Steps(known, episode, rungs, episode.since_s, known.now_s)
    if not len(steps.count):
        return known.now_s
    end = date_end(steps.count, steps.mean, **_noise(episode, rungs, steps))
    at_s = steps.at(int(sum(end.interval(0.02)) / 2 + INTO))
    date_again(known, episode, at_s)
    steps = Steps(known, episode, rungs, episode.since_s, known.now_s)
    if len(steps.count):
        at = min(max(round((at_s - steps.begin_s) / steps.step_s), 1), len(steps.count))
        episode.beyond = beyond_end(steps.count, steps.mean, stated=at, **_noise(episode, rungs, steps))
    return at_s


def _first(begin: Dated) -> int:
    """The step that counting starts with: the likeliest, or the one before where a quarter speaks for it, for a rise may
    fill only a part of its first step."""
    return max(int(begin.interval(0.5)[0]), begin.mode - 1)


def _noise(episode: Episode, rungs: Ladder, steps: Steps) -> dict[str, float]:
    """Dispersion of the steps and relative variance of the forecast; what single steps are off beyond the whole stretch
    goes to the dispersion."""
    number = episode.number
    own = max(float(rungs.spread2[0, number] - rungs.spread2[:, number].min()), 0.0)
    dispersion = float(rungs.dispersion[number]) + own * float(steps.mean.mean())
    return {"dispersion": dispersion, "spread2": min(episode.forecast2, 1.0)}


def _apart(episode: Episode, other: Episode) -> bool:
    """Whether another open spike's part is to be taken off: not its own host's, nor one's that holds it."""
    if other is episode or other.state != "open" or other.name == episode.inside or other.inside == episode.name != "":
        return False
    return not set(other.pairs) <= set(episode.pairs)
