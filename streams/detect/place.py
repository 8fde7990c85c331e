"""Where a spike is, and which slices it answers for."""

from __future__ import annotations

import numpy as np

from stats.localise import scan_score, unexplained
from streams.detect.episode import Episode
from streams.detect.known import Bools, Floats, Known
from streams.detect.ladder import Alarm, Ladder
from streams.detect.memory import Sparse, added

CLEAR_SD = 2.5
CHANGE_NATS = 3.0
TOGETHER = 0.8


def best_place(known: Known, rungs: Ladder, alarm: Alarm, among: Bools, raised: float = 1.0) -> int:
    """The slice that explains an alarm's window best, of those that share contacts with the alarm's slice."""
    score = scan_score(
        rungs.windows.count_sums[alarm.window],
        mean=raised * rungs.mean[alarm.window],
        dispersion=rungs.dispersion,
        spread2=rungs.spread2[alarm.window],
        depth=known.watched.depth,
    )
    related = among & (rungs.z[alarm.window] > CLEAR_SD) & (shared_mass(known, alarm.number) > 0)
    score = np.where(related, score, -np.inf)
    return int(np.argmax(score)) if score.max() > 0 else alarm.number


def move(known: Known, episode: Episode) -> bool:
    """Put a spike at the slice that explains all of it since its onset, if that is clearly another."""
    scored = _scores_since(known, episode)
    if scored is None:
        return False
    score, rungs, window = scored
    score = np.where(shared_mass(known, episode.number) > 0, score, -np.inf)
    best, here = int(np.argmax(score)), float(score[episode.number])
    if best == episode.number or score[best] < max(here, 0.0) + max(CHANGE_NATS, 0.1 * abs(here)):
        return False
    _put(known, episode, best, rungs, window)
    return True


def gather(known: Known, episode: Episode, number: int) -> bool:
    """Put a spike at a slice that holds both its own and slice ``number``, if that explains them as well as both do."""
    scored = _scores_since(known, episode)
    if scored is None:
        return False
    score, rungs, window = scored
    both = np.maximum(shared_mass(known, episode.number), 0.0)
    holds = (both >= both[episode.number]) & (shared_mass(known, number) >= known.mass[number])
    score = np.where(holds, score, -np.inf) - TOGETHER * max(0.0, float(score[episode.number] + score[number]))
    best = int(np.argmax(score))
    if score[best] <= 0:
        return False
    _put(known, episode, best, rungs, window)
    return True


def _scores_since(known: Known, episode: Episode) -> tuple[Floats, Ladder, int] | None:
    """Scan score of every slice since the spike's onset, and by which windows; none once it came back."""
    rungs = known.reaching(episode.since_s)
    rows = known.rows(rungs, episode.onset_s)
    if episode.resumed_s is not None or not len(rows):
        return None
    window = min(episode.window, len(rungs.lengths) - 1)
    count = rungs.windows.count[rows].sum(axis=0)
    mean = np.maximum(rungs.windows.unit[rows].sum(axis=0) * rungs.level[window], 1e-6)
    variance = rungs.dispersion * mean + rungs.spread2[window] * mean**2
    score = scan_score(
        count, mean=mean, dispersion=rungs.dispersion, spread2=rungs.spread2[window], depth=known.watched.depth
    )
    clear = count - mean > CLEAR_SD * np.sqrt(variance)
    clear[episode.number] = True
    return np.where(clear, score, -np.inf), rungs, window


def _put(known: Known, episode: Episode, number: int, rungs: Ladder, window: int) -> None:
    episode.number, episode.pairs = number, known.watched.slices[number]
    episode.level, episode.forecast2 = float(rungs.level[window, number]), float(rungs.spread2[window, number])
    episode.covered |= shared_mass(known, number) >= 0.5 * known.mass
    episode.covered[number] = True


def cover(known: Known, episode: Episode, rungs: Ladder, window: int, start_s: int) -> None:
    """Which slices the spike answers for: those mostly inside it, and those whose excess is mostly its own."""
    usual = shared_mass(known, episode.number)
    count, mean = rungs.windows.count_sums[window], rungs.mean[window]
    shared = shared_excess(known, episode.number, rungs, start_s, window)
    left = unexplained(count, mean=mean, shared=shared)
    sd = np.sqrt(rungs.variance[window])
    raised = (count - mean > sd) & (shared >= 0.5 * (count - mean)) & ((left - mean) < 3 * sd)
    episode.covered = episode.covered | (usual >= 0.5 * known.mass) | raised
    episode.covered[episode.number] = True


def shared_mass(known: Known, number: int) -> Floats:
    """Usual contacts of every slice that also lie in slice ``number``."""
    inside = known.watched.inside(number)[: len(known.leaf_mass)]
    places = np.flatnonzero(inside & (known.leaf_mass > 0))
    return known.watched.add_up(places, known.leaf_mass[places])


def shared_excess(known: Known, number: int, rungs: Ladder, start_s: int, window: int) -> Floats:
    """Excess of every slice since ``start_s`` that lies in slice ``number``."""
    whole = _leaves_since(known, start_s)
    inside = known.watched.inside(number)[whole.places]
    count = known.watched.add_up(whole.places[inside], whole.counts[inside])
    usual = shared_mass(known, number)
    mean = rungs.mean[window, number] * usual / max(float(usual[number]), 1e-9)
    return np.asarray(count - mean)


def _leaves_since(known: Known, start_s: int) -> Sparse:
    steps = (known.now_s - start_s) // known.bucket_s
    if steps <= len(known.recent):
        return added([known.recent[-back] for back in range(steps, 0, -1)])
    starts = known.memory.starts
    first = next((place for place, at in enumerate(starts) if at >= start_s), len(starts))
    return added([*known.memory.blocks[first:], *known.open_block])
