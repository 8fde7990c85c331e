"""What closed blocks teach: which slices to watch, what to expect of them, and how wrong that may be.

Levels are fitted anew every day, shapes and slices every day of the first fortnight and every week afterwards.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from stats.baseline import History, fit_level, fit_shape
from stats.judging import Judging
from stats.rungs import early_width
from stats.windows import ladder
from streams.detect.episode import Episode
from streams.detect.known import Floats, Ints, Known, Piece
from streams.detect.ladder import Ladder
from streams.detect.memory import added
from streams.detect.place import cover, explained_blocks
from streams.detect.settings import DAY_S
from streams.detect.size import clean, refree
from streams.detect.watch import choose

WEEK_D = 7
FIRST_D = 2
DAILY_UNTIL_D = 14
COARSE_D = 30
FINE_S = 3 * 3_600
MEMORY_D = 120.0
DISPERSION_D = 180.0
ROOM = 24


def close_block(known: Known, start_s: int) -> None:
    """At the end of a block remember it, at the end of a day learn from it, a piece after every bucket."""
    if known.work:
        _do(known, known.work.pop(0))
    if not known.block_ends():
        return
    block_start_s = start_s // known.block_s * known.block_s
    if known.muted:
        known.gap_days += known.block_s / DAY_S
    else:
        whole = added(known.open_block)
        place = known.calendar.place(block_start_s + known.block_s / 2)
        known.memory.append(block_start_s, place, whole, known.counted(whole) if known.chosen else None)
    known.open_block, known.muted = [], False
    known.block_count, known.block_unit = np.zeros_like(known.block_count), np.zeros_like(known.block_unit)
    if known.now_s // DAY_S != block_start_s // DAY_S and not known.in_gap:
        _learn(known)


def _learn(known: Known) -> None:
    """Everything at once where slices are chosen anew or a day has few buckets, else one piece after each of the next."""
    if len(known.memory.starts) * known.block_s < FIRST_D * DAY_S:
        return
    anew = not known.chosen or known.days < DAILY_UNTIL_D or (known.now_s // DAY_S) % WEEK_D == 0
    if anew:
        _choose(known)
    history = _history(known)
    if anew:
        known.shape = fit_shape(history)
        known.level = fit_level(history, known.shape)
        known.past_levels.append(known.level.level)
        _rebuild(known)
    known.work = [] if anew else [Piece("level", history=history)]
    known.work += [Piece("errors"), *(Piece("stretch", place) for place in _places(known)), Piece("shares")]
    if anew or DAY_S // known.bucket_s < ROOM:
        for piece in known.work:
            _do(known, piece)
        known.work = []


def _do(known: Known, piece: Piece) -> None:
    if piece.history is not None:
        _fit_level(known, piece.history)
    elif piece.what == "errors":
        _calibrate(known)
    elif piece.what == "stretch":
        _learn_stretch(known, piece.place)
    else:
        _share_out(known)


def _fit_level(known: Known, history: History) -> None:
    known.level = fit_level(history, known.shape)
    known.past_levels.append(known.level.level)


def _places(known: Known) -> range:
    return range(len(tuple(known.ladders())))


def _history(known: Known) -> History:
    """The history without what spikes added, unless they fill most of the last fortnight: then they are the level."""
    starts = np.array(known.memory.starts)
    use = np.ones((len(starts), len(known.free)))
    count = known.memory.counts().copy()
    for episode in known.episodes:
        end_s = known.now_s if episode.end_s is None else episode.end_s
        if episode.teaches or episode.state == "merged" or end_s < starts[0] or episode.number < 0:
            continue
        within = np.flatnonzero((starts + known.block_s > episode.onset_s) & (starts < end_s))
        use[np.ix_(within, episode.covered)] = 0.0
        if known.fitted:
            count[within] -= _explained(known, episode, within)
    lately = starts >= known.now_s - known.settings.longest_s
    stay = use[lately].mean(axis=0) < 0.5 if lately.any() else np.zeros(len(known.free), dtype=bool)
    use[:, stay] = 1.0
    count[:, stay] = known.memory.counts()[:, stay]
    return known.memory.history(np.maximum(count, 0.0), use)


def _explained(known: Known, episode: Episode, within: Ints) -> Floats:
    """What a spike added to these blocks, kept until it changes, or slices or shape do."""
    watched, shape, kept = known.explained or (None, None, {})
    if watched is not known.watched or shape is not known.shape:
        kept = {}
        known.explained = (known.watched, known.shape, kept)
    first_s = known.memory.starts[within[0]] if len(within) else 0
    about = (episode.name, episode.pairs, episode.level, episode.onset_s, episode.end_s, first_s, len(within))
    if about not in kept:
        kept[about] = explained_blocks(known, episode, within)
    return kept[about]


def _choose(known: Known) -> None:
    """Choose the slices by the history's volume; open and recent spikes keep theirs."""
    settings = known.settings
    kept_s = settings.history_d * DAY_S
    known.episodes = [one for one in known.episodes if one.end_s is None or known.now_s - one.end_s < kept_s]
    recent = [
        one for one in known.episodes if one.end_s is None or known.now_s - one.end_s <= WEEK_D * settings.return_s
    ]
    volume = known.memory.volume(len(known.leaves.values))
    old = known.watched if known.chosen else None
    known.watched = choose(known.leaves, volume, known.dimensions, settings.watch, tuple(one.pairs for one in recent))
    moved = None if old is None else np.array([old.numbers.get(pairs, -1) for pairs in known.watched.slices])
    known.memory.recount(known.watched, moved if old is not None and old.kept == known.watched.kept else None)
    if moved is not None:
        _carry_over(known, moved)
    known.free = np.ones(len(known.watched.slices), dtype=bool)
    known.calm = known.free.copy()
    known.leaf_mass = volume
    places = np.flatnonzero(volume > 0)
    known.mass = known.watched.add_up(places, volume[places])
    known.shown = _shown(known)
    for episode in known.episodes:
        cover(known, episode)


def _carry_over(known: Known, moved: Ints) -> None:
    """Slice ``i`` was ``moved[i]``, or is new where that is negative."""
    for episode in known.episodes:
        episode.number = known.watched.numbers.get(episode.pairs, -1)
    known.past_levels = deque((np.where(moved >= 0, past[moved], np.nan) for past in known.past_levels), maxlen=8)
    for rungs in known.ladders():
        rungs.errors.move(moved)


def _shown(known: Known) -> tuple[int, ...]:
    single = np.flatnonzero(known.watched.depth == 1).tolist()
    single.sort(key=lambda number: (-float(known.mass[number]), known.watched.texts[number]))
    return (0, *single[: known.settings.bands])


def _rebuild(known: Known) -> None:
    """Rings anew for the chosen slices."""
    many = len(known.watched.slices)
    known.past_levels = deque(
        (np.where(np.isnan(past), known.level.level, past) for past in known.past_levels), maxlen=8
    )
    old_coarse, old_fine = (known.coarse, known.fine) if known.fitted else (None, None)
    fine = known.per_block > 1
    lengths = ladder(known.block_s, longest_s=WEEK_D * DAY_S, shortest_s=FINE_S if fine else 0)
    known.coarse = _ladder(known, known.block_s, lengths, COARSE_D * DAY_S // known.block_s, old_coarse)
    _refill_coarse(known)
    if fine:
        lengths = ladder(known.bucket_s, longest_s=FINE_S)
        known.fine = _ladder(known, known.bucket_s, lengths, DAY_S // known.bucket_s + 1, old_fine)
        _refill_fine(known, known.fine)
    known.block_count, known.block_unit = np.zeros(many), np.zeros(many)
    _judge_anew(known)
    for episode in known.episodes:
        episode.cleaned_s = 0
        clean(known, episode)
    refree(known)


def _ladder(known: Known, step_s: int, lengths: tuple[int, ...], keep: int, old: Ladder | None) -> Ladder:
    many = len(known.watched.slices)
    rungs = Ladder(step_s, lengths, max(keep, 2 * max(lengths) + 2), many, per_block=known.block_s / step_s)
    if old is not None:
        rungs.errors = old.errors
    return rungs


def _refill_coarse(known: Known) -> None:
    windows = known.coarse.windows
    history = known.memory.history(known.memory.counts(), np.ones((1, 1)))
    back = (known.now_s - np.array(known.memory.starts)) // known.block_s
    recent = back <= windows.keep - 1
    windows.steps = windows.keep * WEEK_D
    rows = (windows.steps - back[recent]) % windows.keep
    windows.count[rows] = history.count[recent]
    windows.unit[rows] = known.shape.unit(history.hour[recent], history.weekday[recent])
    windows.resum()


def _refill_fine(known: Known, fine: Ladder) -> None:
    remembered = set(known.memory.starts)
    nothing = np.zeros(len(known.free))
    for back in range(len(known.recent), 0, -1):
        start_s = known.now_s - back * known.bucket_s
        if start_s // known.block_s * known.block_s in remembered:
            fine.windows.push(known.counted(known.recent[-back]), known.unit(start_s))
        else:
            fine.windows.push(nothing, nothing)
    fine.windows.resum()


def _judge_anew(known: Known) -> None:
    """A judge for the chosen slices; that nested ones alarm together is allowed for by ``overlap``."""
    budget = known.budget * known.settings.overlap
    judging = Judging(tuple(known.ladders()), len(known.free), budget_per_week=budget)
    if known.judging is not None:
        judging.inherit(known.judging)
    known.judging = judging


def _calibrate(known: Known) -> None:
    """Level, forecast error and share of the budget of every window, from today's fit on."""
    days = max(known.days, 1.0)
    wide = early_width(days)
    dispersion = known.finest.errors.dispersion()
    for rungs in known.ladders():
        rungs.errors.forget(*(max(1 - 3 / max(min(days, most), 4), 0.25) for most in (MEMORY_D, DISPERSION_D)))
        past = [known.past_levels[-1 - min(lag, len(known.past_levels) - 1)] for lag in rungs.lags_d]
        rungs.dispersion = dispersion
        rungs.level = np.stack(past)
        loose = np.broadcast_to(1.0 / known.level.worth, (len(rungs.lengths), 1, len(dispersion)))
        rungs.calibrate(loose, np.zeros((1, len(dispersion))), wide=wide, days=days)
        rungs.windows.resum()
        rungs.compare()


def _learn_stretch(known: Known, place: int) -> None:
    """What the clumps of one ladder's windows ask for."""
    assert known.judging is not None
    rungs = tuple(known.ladders())[place]
    known.judging.learn_stretch(place, rungs.mean, alive=max(int((_weights(known) > 0).sum()), 1), days=known.days)
    rungs.stretch = known.judging.stretch[place]


def _share_out(known: Known) -> None:
    assert known.judging is not None
    known.judging.share_out(_weights(known), days=known.days)
    for place, rungs in enumerate(known.ladders()):
        rungs.share, rungs.scale = known.judging.share[place], known.judging.scale


def _weights(known: Known) -> Floats:
    """Every slice's part of the budget."""
    depth = known.watched.depth
    many = np.bincount(depth, minlength=4)
    shares = np.array(known.settings.depth_shares) * (many > 0)
    return np.asarray((shares / shares.sum() / np.maximum(many, 1))[depth])
