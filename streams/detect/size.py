"""How large a spike is, and its way from open to closed: counts from its onset, its end, its telling."""

from __future__ import annotations

import numpy as np

from schemas.spike import Spike
from streams.detect.dates import date_close
from streams.detect.episode import Episode
from streams.detect.hints import hints_of
from streams.detect.known import Floats, Ints, Known
from streams.detect.ladder import Ladder
from streams.detect.leafwise import remaining
from streams.detect.place import above_usual, added_to, counted, own_counts, shared_mass

CALM_SHARE = 0.02
LEAST_LEFT = 1.0


def tell(known: Known, episode: Episode, end_s: int | None = None) -> Spike:
    """The next revision; with ``end_s`` as the end so far, even of a spike that stays open."""
    episode.totals = totals(known, episode, known.now_s if end_s is None else end_s)
    episode.hints = hints_of(known, episode)
    episode.rise = times_usual(episode.totals)
    known.spike_seq += 1
    return episode.revise(
        workspace=known.workspace.name,
        stream=known.stream,
        seq=known.spike_seq,
        as_of_s=known.now_s,
        end_s=end_s,
        bucket_s=known.bucket_s,
        budget=known.workspace.budget_per_week,
    )


def times_usual(found: tuple[float, float, float]) -> float:
    """How many times its expectation a spike is, by its :func:`totals`; 1 at least."""
    return max(found[0] / max(found[1], 1e-9), 1.0)


def totals(known: Known, episode: Episode, end_s: int) -> tuple[float, float, float]:
    """Observed, expected and the variance of the excess, from the onset to ``end_s``.

    Chance in the usual contacts, the forecast's error, and what not knowing quite when the rise began and ended adds.
    """
    count, mean, _, _ = _steps_since(known, episode, end_s)
    observed = float(count.sum()) + episode.settled[0]
    expected = float(mean.sum()) + episode.settled[1]
    variance = float(known.coarse.dispersion[episode.number]) * expected + _spread2(known, episode, end_s) * expected**2
    return observed, expected, variance + episode.edge2 + episode.beyond[1]


def _spread2(known: Known, episode: Episode, end_s: int) -> float:
    """Relative variance of the forecast over a span as long as the spike, or over the window that found it."""
    rungs = known.reaching(episode.onset_s)
    span = max((end_s - episode.onset_s) // rungs.step_s, 1)
    place = max((i for i, length in enumerate(rungs.lengths) if length <= span), default=0)
    return max(float(rungs.spread2[place, episode.number]), episode.forecast2)


def close(known: Known, episode: Episode, *, end_s: int | None = None, stayed: bool = False) -> Spike:
    """Close a spike at ``end_s``, or else where its excess was complete; merge it where nothing is left of it beside an open one."""
    episode.end_s = _end(known, episode) if end_s is None else end_s
    observed, expected, _ = totals(known, episode, episode.end_s)
    if observed < expected + LEAST_LEFT and (owner := _owner(known, episode)):
        return merge(known, episode, owner, end_s=episode.end_s)
    episode.state, episode.teaches = "closed", stayed
    episode.closed_s = (known.now_s, known.spike_seq)
    told = tell(known, episode, end_s=episode.end_s)
    refree(known)
    clean(known, episode)
    return told


def merge(known: Known, episode: Episode, into: str, *, end_s: int) -> Spike:
    """Let another spike answer for all of it from now on."""
    episode.state, episode.merged_into, episode.end_s = "merged", into, end_s
    told = tell(known, episode, end_s=end_s)
    refree(known)
    return told


def clean(known: Known, episode: Episode) -> None:
    """Take a closed spike's excess out of the windows of every slice, lest it alarms again when it is over."""
    if episode.state != "closed" or episode.end_s is None or episode.number < 0:
        return
    for rungs in known.ladders():
        begin_s = max(episode.onset_s, episode.cleaned_s)
        rows = known.rows(rungs, begin_s)
        after = max((known.last_end_s(rungs) - episode.end_s) // rungs.step_s, 0)
        rows = rows[: len(rows) - after] if after else rows
        if len(rows):
            _take_out(known, episode, rungs, rows)
            rungs.windows.resum()
            rungs.compare()
    _clean_block(known, episode)


def _clean_block(known: Known, episode: Episode) -> None:
    """The same for the buckets of the running block, which are not in the windows of blocks yet."""
    if known.fine is None or episode.end_s is None:
        return
    ends = [known.now_s - later * known.bucket_s for later in range(len(known.open_block) - 1, -1, -1)]
    here = [place for place, end_s in enumerate(ends) if episode.onset_s < end_s <= episode.end_s]
    if here and len(known.block_count) == len(known.free):
        parts = [known.open_block[place] for place in here]
        unit = np.array([known.unit(ends[place] - known.bucket_s)[episode.number] for place in here])
        added = np.maximum(above_usual(known, episode, parts, unit * episode.level).sum(axis=0), 0.0)
        known.block_count = np.maximum(known.block_count - added, 0.0)


def _take_out(known: Known, episode: Episode, rungs: Ladder, rows: Ints) -> None:
    """Scale these steps down by what the spike added, so far as an earlier one has not been taken out of them."""
    count, unit = rungs.windows.count, rungs.windows.unit
    parts = remaining(known, rungs, rows, before=episode)
    above = above_usual(known, episode, parts, unit[rows, episode.number] * episode.level)
    added = np.maximum(above.sum(axis=0), 0.0)
    for other in known.episodes:
        if other.state == "open" and set(episode.pairs) <= set(other.pairs):
            added[other.covered] = 0.0
    count[rows] *= np.clip(1.0 - added / np.maximum(count[rows].sum(axis=0), 1e-9), 0.0, 1.0)


def refree(known: Known) -> None:
    """Which slices no open spike answers for, and which share no contacts with one."""
    known.free = np.ones(len(known.free), dtype=bool)
    known.calm = known.free.copy()
    for episode in known.episodes:
        if episode.state == "open":
            known.free &= ~episode.covered
            known.calm &= shared_mass(known, episode.pairs) < CALM_SHARE * known.mass


def _steps_since(known: Known, episode: Episode, end_s: int) -> tuple[Floats, Floats, int, int]:
    """Counts and expectations of the spike's slice from its onset on, the first step's start, the step's width."""
    rungs = known.reaching(episode.since_s)
    rows = known.rows(rungs, episode.since_s)
    count = own_counts(known, episode, rungs, rows)
    mean = rungs.windows.unit[rows, episode.number] * episode.level
    last_s = known.last_end_s(rungs)
    if last_s < known.now_s:
        count = np.append(
            count, counted(known, known.open_block, episode.pairs).sum() if known.block_unit[0] > 0 else 0.0
        )
        mean = np.append(mean, known.block_unit[episode.number] * episode.level)
    for other in _apart(known, episode):
        count[: len(rows)] -= added_to(known, other, rungs, rows, episode.pairs)
    begin_s = last_s - len(rows) * rungs.step_s
    keep = max(-(-(end_s - begin_s) // rungs.step_s), 0)
    return count[:keep], mean[:keep], begin_s, rungs.step_s


def _owner(known: Known, episode: Episode) -> str:
    """The open spike that added most contacts to a spike's slice since its onset; none where none has added any."""
    rungs = known.reaching(episode.onset_s)
    rows = known.rows(rungs, episode.onset_s)
    added = {
        other.name: float(added_to(known, other, rungs, rows, episode.pairs).sum()) for other in _apart(known, episode)
    }
    best = max(added, key=lambda name: added[name], default="")
    return best if best and added[best] > 0.0 else ""


def _apart(known: Known, episode: Episode) -> list[Episode]:
    """Open spikes on other slices that opened earlier, or before this one came back: what they add is theirs."""
    place = known.episodes.index(episode) if episode in known.episodes else len(known.episodes)
    return [
        other
        for number, other in enumerate(known.episodes)
        if other.state == "open"
        and (number < place or other.opened_s < episode.woke_s)
        and other.name not in {episode.name, episode.inside}
        and not set(other.pairs) <= set(episode.pairs)
    ]


def _end(known: Known, episode: Episode) -> int:
    """Where its rise most likely ended."""
    return min(max(date_close(known, episode), episode.since_s + known.bucket_s), known.now_s)
