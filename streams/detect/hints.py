"""Signs that no customers are behind a spike, as far as counts can tell; :class:`schemas.spike.Hint` says what each means.

Looked for whenever a spike is told, so a sign that shows only afterwards (usual traffic after a dump) is on the next
revision. Limits are stated, not learnt; ``benchmarks/lies.py`` measures them on lies and on true spikes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from schemas.frame import Signs
from schemas.spike import Hint, HintKind
from stats.localise import rise_gain
from streams.detect.episode import Episode
from streams.detect.known import Floats, Ints, Known
from streams.detect.leafwise import Stretch, leaves_of, stretch
from streams.detect.place import own_counts
from streams.detect.settings import DAY_S

SHORT_S = 600
AROUND = 5
DUMPED = 0.6
DOUBLED_NATS = 16.0
FEW_ODD = 0.02
CLOCK_NATS = 12.0
CLOCK_SHARE = 0.7
CLOCK_LEVEL = 0.2
USUAL_NATS = 8.0
CLOCK_HOURS = (1, -1, 2, -2)
CLOCK_SPANS = (8, 16, 24, 48)
LOST_SD = 4.0
MOST = 0.5
AGO_D = (10, 56)
SIGNED = 0.25
FEWEST = 5.0
COUNTED: tuple[tuple[HintKind, str], ...] = (
    ("one_customer", "top_customer"),
    ("repeats", "repeats"),
    ("late", "late"),
    ("late", "backfilled"),
)


def hints_of(known: Known, episode: Episode) -> tuple[Hint, ...]:
    """Everything that points to mismeasurement in a spike whose ``totals`` are up to date, the heaviest first."""
    excess = episode.totals[0] - episode.totals[1]
    if excess < FEWEST or not known.fitted:
        return ()
    rungs = known.reaching(episode.onset_s)
    until_s = known.now_s if episode.end_s is None else episode.end_s
    rows = known.rows(rungs, episode.onset_s)
    rows = rows[: max(len(rows) - max(known.last_end_s(rungs) - until_s, 0) // rungs.step_s, 1)]
    if not len(rows):
        return ()
    seen = stretch(known, rungs, min(episode.window, len(rungs.lengths) - 1), rows)
    found = [
        *_gap(known, episode, excess),
        *_dump(known, episode, excess),
        *_doubled(known, episode, rows, excess),
        *_clock(known, episode, until_s, excess),
        *_refiled(episode, seen),
        *_returned(known, episode, rows, excess),
        *_signed(known, episode, until_s, excess),
    ]
    return tuple(sorted(found, key=lambda one: (-one.share, one.kind)))


def _hint(kind: HintKind, share: float, seen: float, usual: float = 0.0) -> Hint:
    return Hint(kind=kind, share=round(min(max(share, 0.0), 1.0), 3), seen=round(seen, 1), usual=round(usual, 1))


def _gap(known: Known, episode: Episode, excess: float) -> Iterator[Hint]:
    """The excess began soon after a gap, and is no more than the gap had held back."""
    for begin_s, end_s in known.gaps:
        after_s = episode.onset_high_s - end_s
        if 0 <= after_s <= 2 * min(end_s - begin_s, DAY_S) + 2 * known.block_s:
            held = episode.level * (end_s - begin_s) / known.block_s
            yield _hint("gap", held / excess, held)


def _dump(known: Known, episode: Episode, excess: float) -> Iterator[Hint]:
    """Nearly all of it in two neighbouring short buckets, with usual traffic before and after."""
    rungs = known.fine
    if rungs is None or known.bucket_s > SHORT_S:
        return
    rows = known.rows(rungs, episode.onset_s - AROUND * known.bucket_s)
    count, mean = own_counts(known, episode, rungs, rows), rungs.windows.unit[rows, episode.number] * episode.level
    if len(count) < 2 * AROUND + 2:
        return
    over = count - mean
    pairs = over[:-1] + over[1:]
    top = int(np.argmax(pairs))
    around = np.r_[over[max(top - AROUND, 0) : top], over[top + 2 : top + 2 + AROUND]]
    usually = float(mean[max(top - AROUND, 0) : top + 2 + AROUND].sum())
    after = len(over) - top - 2
    calm = float(around.sum()) < 3.0 * np.sqrt(2.0 * usually + 1.0) + 0.1 * pairs[top]
    if after >= AROUND and calm and pairs[top] >= DUMPED * excess:
        yield _hint("dump", float(pairs[top]) / excess, float(pairs[top]))


def _doubled(known: Known, episode: Episode, rows: Ints, excess: float) -> Iterator[Hint]:
    """Counts of leaves are even nearly everywhere over a stretch of it, so half of what came then came twice.

    The stretch is the likeliest one: its even counts against chance, which makes half of them even or fewer.
    """
    rungs = known.reaching(episode.onset_s)
    counts = [part.counts[part.counts > 0] for part in leaves_of(known, rungs, rows)]
    odd = np.array([np.count_nonzero(some % 2) for some in counts])
    even = np.array([len(some) for some in counts]) - odd
    nats = np.append(0.0, np.cumsum(even * np.log(2 * (1 - FEW_ODD)) + odd * np.log(2 * FEW_ODD)))
    gained = nats - np.minimum.accumulate(nats)
    end = int(np.argmax(gained))
    if gained[end] >= DOUBLED_NATS:
        begin = int(np.argmin(nats[: end + 1]))
        twice = float(own_counts(known, episode, rungs, rows[begin:end]).sum()) / 2
        if twice >= SIGNED * excess:
            yield _hint("doubled", twice / excess, 2.0, 1.0)


def _clock(known: Known, episode: Episode, until_s: int, excess: float) -> Iterator[Hint]:
    """The usual hours moved by one or two add as much as the spike has; an earlier revision's word is kept, as hours fade
    from sight while it goes on. Over whole days moved hours add nothing."""
    for hint in _moved_hours(known) or [one for one in episode.hints if one.kind == "clock"]:
        added = episode.totals[1] * _added_by_hours(known, episode, round(hint.seen), until_s)
        if (share := min(hint.share, added / excess)) > 0.0:
            yield _hint("clock", share, hint.seen)


def _added_by_hours(known: Known, episode: Episode, hours: int, until_s: int) -> float:
    """By how much moved hours raise what is usual everywhere in a spike's span, as a share of it."""
    rungs = known.coarse
    rows = known.rows(rungs, episode.onset_s - 2 * rungs.step_s)
    if len(rows) < 3:
        return 0.0
    unit = rungs.windows.unit[rows, 0] * rungs.level[0, 0]
    moved, plain = _moved(known, unit, hours), unit[2:]
    keep = max(len(plain) - max(known.last_end_s(rungs) - until_s, 0) // rungs.step_s, 1)
    return float(moved[:keep].sum() / max(float(plain[:keep].sum()), 1e-9)) - 1.0


def _moved_hours(known: Known) -> list[Hint]:
    """What came lately everywhere fits the usual hours moved by one or two far better than the hours as they are, and is
    as much as usual."""
    rungs = known.coarse
    if rungs.step_s > 3_600:
        return []
    best: tuple[float, int, float] = (CLOCK_NATS, 0, 0.0)
    for span in CLOCK_SPANS:
        rows = rungs.windows.rows(span + 2)
        if len(rows) < span + 2:
            continue
        count, unit = rungs.windows.count[rows[2:], 0], rungs.windows.unit[rows, 0] * rungs.level[0, 0]
        for hours in CLOCK_HOURS:
            moved = _moved(known, unit, hours)
            plain = _misfit(count, unit[2:], rungs.dispersion[0])
            gain = plain - _misfit(count, moved, rungs.dispersion[0])
            if gain <= best[0]:
                continue
            share = gain / max(plain - span / 2, gain)
            level = float(count.sum() / max(float(moved.sum()), 1e-9))
            if share > CLOCK_SHARE and abs(level - 1.0) < CLOCK_LEVEL:
                best = (gain, hours, share)
    return [_hint("clock", best[2], float(best[1]))] if best[1] else []


def _moved(known: Known, unit: Floats, hours: int) -> Floats:
    """Expectations per hour as if hours had been moved, without the first two; hours yet to come stand at the end."""
    if hours > 0:
        return np.roll(unit, hours)[2:]
    blocks = known.last_end_s(known.coarse) // known.block_s
    coming = [known.unit_of(blocks + later)[0] for later in range(-hours)]
    return np.append(unit, np.array(coming) * known.coarse.level[0, 0])[2 - hours :]


def _scaled(count: Floats, mean: Floats) -> Floats:
    return np.asarray(mean * (count.sum() / max(float(mean.sum()), 1e-9)))


def _misfit(count: Floats, mean: Floats, dispersion: float) -> float:
    """Half the deviance of counts from a shape at its best level, in nats."""
    usual = np.maximum(_scaled(count, mean), 1e-3)
    seen = np.maximum(count, 1e-9)
    return float((count * np.log(seen / usual) - (count - usual)).sum() / dispersion)


def _refiled(episode: Episode, seen: Stretch) -> Iterator[Hint]:
    """Without one of its dimensions the slice has hardly risen: other values lost what this one gained."""
    own = seen.excess(episode.pairs)
    for pair in episode.pairs:
        wider = tuple(one for one in episode.pairs if one != pair)
        rest = seen.folds.inside(wider) & ~seen.folds.inside(episode.pairs)
        mean = float(seen.evidence.mean[rest].sum())
        lost = mean - float(seen.evidence.count[rest].sum())
        sd = np.sqrt(seen.evidence.dispersion * mean + seen.evidence.spread2 * mean**2)
        if own > 0 and lost > LOST_SD * sd and lost > MOST * own:
            yield _hint("refiled", lost / own, lost)


def _returned(known: Known, episode: Episode, rows: Ints, excess: float) -> Iterator[Hint]:
    """What is too much for the level of late is usual for the weeks before."""
    if known.watched.slices[episode.number] != episode.pairs:
        return
    ago_d = (known.now_s - np.array(known.memory.starts)) / DAY_S
    within = np.flatnonzero((ago_d > AGO_D[0]) & (ago_d < AGO_D[1]))
    if len(within) * known.block_s < 7 * DAY_S:
        return
    hour, weekday = np.array(known.memory.hours)[within], np.array(known.memory.weekdays)[within]
    unit = known.shape.hour[hour, episode.number] * known.shape.weekday[weekday, episode.number]
    days = np.unique((known.now_s - np.array(known.memory.starts)[within]) // DAY_S, return_inverse=True)[1]
    daily = np.bincount(days, weights=known.memory.counts()[within, episode.number]) / np.maximum(
        np.bincount(days, weights=unit), 1e-9
    )
    rungs = known.reaching(episode.onset_s)
    before = float(np.median(daily)) * float(rungs.windows.unit[rows, episode.number].sum())
    expected, observed = episode.totals[1], episode.totals[0]
    gain = rise_gain(np.array([before]), np.array([expected]))[0]
    if gain > USUAL_NATS and observed - before < (1.0 - MOST) * excess:
        yield _hint("returned", (before - expected) / excess, before, expected)


def _signed(known: Known, episode: Episode, until_s: int, excess: float) -> Iterator[Hint]:
    """What frames counted over the whole stream in the spike's span, above what is usual for as long."""
    now = [one for at, one in known.signs if episode.onset_s <= at < until_s]
    before = [one for at, one in known.signs if at < episode.onset_low_s]
    if not now or not before:
        return
    fixed = {name for name, _ in episode.pairs}
    empty = sorted({name for one in now for name in one.missing} - fixed)
    sums: list[tuple[HintKind, float, float]] = [
        *((kind, _sum(now, name), _sum(before, name)) for kind, name in COUNTED),
        *(("missing", _missing(now, name), _missing(before, name)) for name in empty),
    ]
    for kind, seen, earlier in sums:
        usual = earlier * len(now) / len(before)
        if seen - usual >= max(FEWEST, 0.5 * usual, 4.0 * usual**0.5, SIGNED * excess):
            yield _hint(kind, (seen - usual) / excess, seen, usual)


def _sum(some: list[Signs], name: str) -> float:
    return float(sum(getattr(one, name) for one in some))


def _missing(some: list[Signs], name: str) -> float:
    return float(sum(one.missing.get(name, 0) for one in some))
