"""What becomes of open spikes: told when they have grown, merged when they prove one, closed when quiet."""

from __future__ import annotations

import numpy as np

from schemas.spike import Spike
from streams.detect.again import give_back
from streams.detect.dates import date_again
from streams.detect.episode import Episode
from streams.detect.known import Known
from streams.detect.ladder import Ladder
from streams.detect.place import added_to, are_one, move, window_of
from streams.detect.settings import DAY_S
from streams.detect.size import close, merge, refree, tell, times_usual, totals

HOUR_S = 3_600
QUIET_SD = 1.0
QUIET_BUCKETS = 10
QUIET_BLOCKS = (8, 72)
LOOK_EVERY = 5
GREW_TIMES = 1.5
GREW_CONTACTS = 10.0


def follow(known: Known) -> list[Spike]:
    """Revisions of the spikes that closed, or have something new to say."""
    told: list[Spike] = []
    for episode in known.episodes:
        if episode.state != "open":
            continue
        if known.now_s - episode.opened_s >= known.settings.longest_s:
            told.append(close(known, episode, end_s=known.now_s, stayed=True))
        elif _is_quiet(known, episode) or _has_faded(known, episode):
            told.append(close(known, episode))
        elif _is_worth_telling(known, episode):
            if move(known, episode):
                refree(known)
                if again := give_back(known, episode):
                    told.extend(again)
                    continue
            date_again(known, episode, known.now_s)
            told.append(tell(known, episode))
    return told


def join(known: Known) -> list[Spike]:
    """Of two open spikes that prove one, the earlier survives."""
    told: list[Spike] = []
    running = [episode for episode in known.episodes if episode.state == "open"]
    for place, later in enumerate(running):
        before = (one for one in running[:place] if one.state == "open")
        earlier = next((one for one in before if _are_one(known, one, later)), None)
        if earlier is not None:
            told.append(merge(known, later, earlier.name, end_s=known.now_s))
    return told


def _are_one(known: Known, earlier: Episode, later: Episode) -> bool:
    if earlier.name in {later.inside, later.name} or later.name == earlier.inside:
        return False
    if earlier.pairs == later.pairs:
        return True
    close_by = abs(earlier.onset_s - later.onset_s) <= max(earlier.window_s, later.window_s)
    young = (known.now_s - later.opened_s) % (LOOK_EVERY * known.bucket_s) == 0
    return close_by and (set(earlier.pairs) <= set(later.pairs) or (young and are_one(known, earlier, later)))


def _is_quiet(known: Known, episode: Episode) -> bool:
    """Whether a window about as long as the one that found it is back within chance; not so soon after it came back."""
    rungs, place = _quiet_window(known, episode)
    if known.now_s - episode.woke_s < rungs.lengths[place] * rungs.step_s:
        return False
    count, mean, variance = window_of(known, episode, rungs, place)
    count -= _others(known, episode, rungs, place)
    return bool(count - episode.raised * mean < QUIET_SD * np.sqrt(episode.raised * variance))


def _others(known: Known, episode: Episode, rungs: Ladder, place: int) -> float:
    """What open spikes on slices that do not hold this one's add to its newest window of a length."""
    rows = rungs.windows.rows(rungs.lengths[place])
    return sum(
        max(float(added_to(known, other, rungs, rows, episode.pairs).sum()), 0.0)
        for other in known.episodes
        if other.state == "open"
        and other.name not in {episode.name, episode.inside}
        and not other.inside
        and not set(other.pairs) <= set(episode.pairs)
    )


def _quiet_window(known: Known, episode: Episode) -> tuple[Ladder, int]:
    rungs = known.coarse if episode.coarse else known.finest
    shortest = QUIET_BLOCKS[0] if rungs is known.coarse else QUIET_BUCKETS
    last = len(rungs.lengths) - 1
    place = next((i for i, length in enumerate(rungs.lengths) if length >= shortest), last)
    longest = next((i for i, length in enumerate(rungs.lengths) if length >= QUIET_BLOCKS[1]), last)
    return rungs, min(max(place, episode.window), longest)


def _has_faded(known: Known, episode: Episode) -> bool:
    """Whether a day's excess has fallen to a fraction of what it was at its height."""
    lengths = known.coarse.lengths
    day = next((i for i, length in enumerate(lengths) if length * known.block_s >= DAY_S), None)
    if day is None or not known.block_ends():
        return False
    count, mean, _ = window_of(known, episode, known.coarse, day)
    now = count - mean - _others(known, episode, known.coarse, day)
    episode.height = max(episode.height, now)
    return known.now_s - max(episode.onset_s, episode.woke_s) > DAY_S and now < known.settings.faded * episode.height


def _is_worth_telling(known: Known, episode: Episode) -> bool:
    """Every hour, or every day where buckets are an hour or more; in between when the excess grew by half."""
    every_s = HOUR_S if known.bucket_s < HOUR_S else 24 * known.bucket_s
    if known.now_s - episode.told_s < every_s and (known.now_s - episode.opened_s) % (LOOK_EVERY * known.bucket_s):
        return False
    observed, expected, _ = found = totals(known, episode, known.now_s)
    episode.rise = times_usual(found)
    grew = observed - expected > GREW_TIMES * episode.told_excess + GREW_CONTACTS
    return grew or known.now_s - episode.told_s >= every_s
