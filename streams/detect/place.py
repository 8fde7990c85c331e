"""Where a spike is, which slices lie in it, and what of every slice's excess is its doing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stats.localise import scan_score, sure_score
from streams.detect.episode import Episode
from streams.detect.known import Bools, Floats, Ints, Known
from streams.detect.ladder import Alarm, Ladder
from streams.detect.memory import EMPTY, Sparse, added

REST_SD = 4.0
WIDER = 1.15
CHANGE_NATS = 3.0
MOSTLY = 0.35
SAME = 0.7


def best_place(
    known: Known, rungs: Ladder, alarm: Alarm, among: Bools, *, explained: Floats | float = 0.0, raised: float = 1.0
) -> int:
    """The slice that explains an alarm's window best, of those that share contacts with the alarm's slice.

    ``explained`` is what other spikes account for, ``raised`` the rise that the alarm stands on.
    """
    count = np.maximum(rungs.windows.count_sums[alarm.window] - explained, 0.0)
    seen = _seen(known, rungs, alarm.window, count, raised * rungs.mean[alarm.window])
    among = among & (shared_mass(known, alarm.number) > 0)
    among[alarm.number] = True
    return _explaining(known, seen, among)


def move(known: Known, episode: Episode) -> bool:
    """Put a spike at the slice that explains it since its onset, if that is clearly another and holds most of it."""
    since = _since(known, episode)
    if since is None:
        return False
    seen, own = since
    here = episode.number
    best = _explaining(known, seen, own >= MOSTLY * own[here])
    if best == here:
        return False
    if known.watched.inside_of(here, best):
        better = seen.reach[best] >= max(float(seen.reach[here]), 0.0) + max(
            _second(known, episode, seen, own), CHANGE_NATS
        )
    else:
        better = seen.sure[best] >= max(float(seen.sure[here]), 0.0) * 1.1 + CHANGE_NATS
    if better:
        _put(known, episode, best, seen)
    return bool(better)


def gather(known: Known, episode: Episode, number: int) -> bool:
    """Put a spike at a slice that holds it and slice ``number``, if that explains more than both do side by side."""
    since = _since(known, episode)
    if since is None:
        return False
    seen, own = since
    here = episode.number
    holds = (shared_mass(known, here) >= known.mass[here]) & (shared_mass(known, number) >= known.mass[number])
    beside = max(float(_beside(known, seen, own).reach[number]), 0.0)
    apart = max(float(seen.reach[here]), 0.0) + beside + CHANGE_NATS
    rest = seen.excess - seen.excess[here] - seen.excess[number]
    spare = np.maximum(seen.mean - seen.mean[here] - seen.mean[number], 1e-6)
    goes_on = rest > REST_SD * np.sqrt(seen.dispersion * spare + seen.spread2 * spare**2)
    goes_on[[here, number]] = True
    score = np.where(holds & goes_on, seen.reach, -np.inf)
    best = int(np.argmax(score))
    if score[best] < apart:
        return False
    _put(known, episode, best, seen)
    return True


def are_one(known: Known, earlier: Episode, later: Episode) -> bool:
    """Whether most of what the later spike adds is the earlier one's."""
    rungs = known.reaching(min(earlier.onset_s, later.onset_s))
    rows = known.rows(rungs, later.onset_s)
    own = float(explained_by(known, later, rungs, rows)[:, later.number].sum())
    theirs = float(explained_by(known, earlier, rungs, rows)[:, later.number].sum())
    return own > 0.0 and theirs >= SAME * own


def cover(known: Known, episode: Episode) -> None:
    """Which slices lie mostly in the spike: it answers for them."""
    if episode.number >= 0:
        episode.covered = shared_mass(known, episode.number) >= 0.5 * known.mass
        episode.covered[episode.number] = True


def shared_mass(known: Known, number: int) -> Floats:
    """Usual contacts of every slice that also lie in slice ``number``."""
    inside = known.watched.inside(number)[: len(known.leaf_mass)]
    places = np.flatnonzero(inside & (known.leaf_mass > 0))
    return known.watched.add_up(places, known.leaf_mass[places])


def explained_by(known: Known, episode: Episode, rungs: Ladder, rows: Ints) -> Floats:
    """What of every slice's contacts (columns) the spike adds to these steps (rows): those in its slice above usual."""
    unit = rungs.windows.unit[rows, episode.number]
    return _above_usual(known, episode, _leaves(known, rungs, rows), unit * episode.level)


def explained_blocks(known: Known, episode: Episode, within: Ints) -> Floats:
    """The same for remembered blocks."""
    memory = known.memory
    blocks = [memory.blocks[place] for place in within.tolist()]
    hour, weekday = np.array(memory.hours)[within], np.array(memory.weekdays)[within]
    # The slices may just have been chosen anew, before any shape of theirs is fitted: everywhere's will do.
    unit = known.shape.hour[hour, 0] * known.shape.weekday[weekday, 0]
    return _above_usual(known, episode, blocks, unit * episode.level)


def _above_usual(known: Known, episode: Episode, parts: list[Sparse], mean: Floats) -> Floats:
    many = len(known.free)
    places = np.concatenate([part.places for part in parts] or [EMPTY.places])
    counts = np.concatenate([part.counts for part in parts] or [EMPTY.counts]).astype(np.float64)
    step = np.repeat(np.arange(len(parts)), [len(part.places) for part in parts])
    here = known.watched.inside(episode.number)[places]
    member = known.watched.member[places[here]]
    cell = (step[here, None] * (many + 1) + member).ravel()
    weights = np.repeat(counts[here], member.shape[1])
    count = np.bincount(cell, weights=weights, minlength=len(parts) * (many + 1)).reshape(len(parts), many + 1)
    usual = shared_mass(known, episode.number)
    share = usual / max(float(usual[episode.number]), 1e-9)
    return np.asarray(np.where(mean[:, None] > 0, count[:, :-1] - np.outer(mean, share), 0.0))


def _leaves(known: Known, rungs: Ladder, rows: Ints) -> list[Sparse]:
    """Contacts per leaf of steps in the ring, given by their places."""
    if not len(rows):
        return []
    back = (rungs.windows.steps - 1 - rows) % rungs.windows.keep
    if rungs is known.fine:
        return [known.recent[-1 - step] if step < len(known.recent) else EMPTY for step in back.tolist()]
    last_s = known.last_end_s(rungs) - known.block_s
    blocks = dict(zip(known.memory.starts, known.memory.blocks, strict=True))
    if known.block_ends():
        blocks.setdefault(last_s, added(known.open_block))
    return [blocks.get(last_s - step * known.block_s, EMPTY) for step in back.tolist()]


class _Seen(NamedTuple):
    """A stretch of every slice: contacts and expectation, how surely each is raised, how far a rise reaches."""

    rungs: Ladder
    window: int
    mean: Floats
    excess: Floats
    dispersion: Floats
    spread2: Floats
    sure: Floats
    reach: Floats


def _seen(known: Known, rungs: Ladder, window: int, count: Floats, mean: Floats) -> _Seen:
    dispersion, spread2, depth = rungs.dispersion, rungs.spread2[window], known.watched.depth
    variance = dispersion * mean + spread2 * mean**2
    return _Seen(
        rungs=rungs,
        window=window,
        mean=mean,
        excess=count - mean,
        dispersion=dispersion,
        spread2=spread2,
        sure=sure_score(count, mean=mean, variance=variance, depth=depth),
        reach=scan_score(count, mean=mean, dispersion=dispersion, depth=depth),
    )


def _explaining(known: Known, seen: _Seen, among: Bools) -> int:
    """The most surely raised slice; or one that holds it, where the rise surely goes on beyond it."""
    best = int(np.argmax(np.where(among, seen.sure, -np.inf)))
    holds = (shared_mass(known, best) >= known.mass[best]) & among
    holds[best] = False
    spare = np.maximum(seen.mean - seen.mean[best], 1e-6)
    rest_sd = np.sqrt(seen.dispersion * spare + seen.spread2 * spare**2)
    goes_on = (seen.excess - seen.excess[best] > REST_SD * rest_sd) & (seen.excess > WIDER * seen.excess[best])
    wider = np.where(holds & goes_on & (seen.reach > seen.reach[best]), seen.reach, -np.inf)
    return int(np.argmax(wider)) if np.isfinite(wider).any() else best


def _since(known: Known, episode: Episode) -> tuple[_Seen, Floats] | None:
    """Every slice since the spike's onset without other spikes' part, and the spike's own part; None once it came back."""
    rungs = known.reaching(episode.since_s)
    rows = known.rows(rungs, episode.onset_s)
    if episode.resumed_s is not None or not len(rows):
        return None
    window = min(episode.window, len(rungs.lengths) - 1)
    count = rungs.windows.count[rows].sum(axis=0)
    for other in known.episodes:
        if other.state == "open" and other.name not in {episode.name, episode.inside} and other.inside != episode.name:
            count -= np.maximum(explained_by(known, other, rungs, rows).sum(axis=0), 0.0)
    mean = np.maximum(rungs.windows.unit[rows].sum(axis=0) * rungs.level[window], 1e-6)
    own = explained_by(known, episode, rungs, rows).sum(axis=0)
    return _seen(known, rungs, window, np.maximum(count, 0.0), mean), own


def _beside(known: Known, seen: _Seen, own: Floats) -> _Seen:
    """The same stretch without the spike's own part."""
    count = np.maximum(seen.mean + seen.excess - np.maximum(own, 0.0), 0.0)
    return _seen(known, seen.rungs, seen.window, count, seen.mean)


def _second(known: Known, episode: Episode, seen: _Seen, own: Floats) -> float:
    """Score of the best separate spike beside this one: a wider slice has to explain more than the two."""
    apart = shared_mass(known, episode.number) < 0.5 * known.mass[episode.number]
    return max(float(np.where(apart, _beside(known, seen, own).reach, 0.0).max()), 0.0)


def _put(known: Known, episode: Episode, number: int, seen: _Seen) -> None:
    episode.number, episode.pairs = number, known.watched.slices[number]
    episode.level = float(seen.rungs.level[seen.window, number])
    episode.forecast2 = float(seen.rungs.spread2[seen.window, number])
    cover(known, episode)
