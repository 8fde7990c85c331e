"""Where a spike is, which slices lie in it, and what of every slice's excess is its doing."""

from __future__ import annotations

import numpy as np

from streams.detect.episode import Episode
from streams.detect.known import Floats, Ints, Known
from streams.detect.ladder import Alarm, Ladder
from streams.detect.leafwise import Pairs, Stretch, inside, leaves_of, stretch, usual
from streams.detect.memory import EMPTY, Sparse

CHANGE_NATS = 3.0
MOSTLY = 0.35
SAME = 0.7


def best_place(known: Known, rungs: Ladder, alarm: Alarm, *, host: Episode | None = None) -> Pairs:
    """The slice that explains an alarm's window best beside the open spikes: of those named, the one with most of the
    alarm's excess; the alarm's own where none is. With a ``host`` the alarm stands on that spike's rise."""
    rows = rungs.windows.rows(rungs.lengths[alarm.window])
    raised = None if host is None else (host.pairs, host.rise)
    seen = stretch(known, rungs, alarm.window, rows, raised=raised)
    own = known.watched.slices[alarm.number]
    given = [one.pairs for one in known.episodes if one.state == "open" and one is not host]
    shared = [(seen.excess(pairs, own), pairs) for pairs, _ in seen.placed(given)]
    best = max(shared, default=(0.0, own), key=lambda one: one[0])
    return best[1] if best[0] >= MOSTLY * seen.excess(own) > 0.0 else own


def move(known: Known, episode: Episode) -> bool:
    """Put a spike at the slice that explains it since its onset, if that is clearly another and holds most of it."""
    since = _since(known, episode)
    if since is None:
        return False
    rungs, window, seen, given = since
    own = seen.excess(episode.pairs)
    found = [pairs for pairs, _ in seen.placed(given)]
    if episode.pairs in found:
        return False
    shared = [(seen.excess(pairs, episode.pairs), pairs) for pairs in found]
    held, best = max(shared, default=(0.0, episode.pairs), key=lambda one: one[0])
    if held < MOSTLY * own or seen.worth(best, given) < seen.worth(episode.pairs, given) + CHANGE_NATS:
        return False
    _put(known, episode, best, rungs, window)
    return True


def gather(known: Known, episode: Episode, pairs: Pairs) -> bool:
    """Let an open spike answer for slice ``pairs`` too, where both together are explained by one slice that holds them."""
    since = _since(known, episode)
    if since is None:
        return False
    rungs, window, seen, given = since
    found = [one for one, _ in seen.placed(given)]
    both = [one for one in found if set(one) <= set(pairs) and set(one) <= set(episode.pairs)]
    if pairs in found and pairs not in both:
        return False
    if episode.pairs in both:
        return True
    if not both:
        return False
    _put(known, episode, both[0], rungs, window)
    return True


def are_one(known: Known, earlier: Episode, later: Episode) -> bool:
    """Whether most of what the later spike adds is the earlier one's, and nothing asks for the later one beside it."""
    rungs = known.reaching(min(earlier.onset_s, later.onset_s))
    rows = known.rows(rungs, later.onset_s)
    shared = inside(known, earlier.pairs) & inside(known, later.pairs)
    if not shared.any():
        return False
    own = float(added_to(known, later, rungs, rows, later.pairs).sum())
    theirs = float(added_to(known, earlier, rungs, rows, later.pairs).sum())
    if own <= 0.0 or theirs < SAME * own:
        return False
    window = min(earlier.window, len(rungs.lengths) - 1)
    seen = stretch(known, rungs, window, known.rows(rungs, min(earlier.onset_s, later.onset_s)))
    others = [one.pairs for one in known.episodes if one.state == "open" and one is not earlier and one is not later]
    return later.pairs not in [pairs for pairs, _ in seen.placed(others)]


def cover(known: Known, episode: Episode) -> None:
    """Which slices lie mostly in the spike: it answers for them. Its slice may have been watched, or not, before."""
    episode.number, _ = host_of(known, episode.pairs)
    episode.covered = shared_mass(known, episode.pairs) >= 0.5 * np.maximum(known.mass, 1e-9)
    if known.watched.slices[episode.number] == episode.pairs:
        episode.covered[episode.number] = True


def host_of(known: Known, pairs: Pairs) -> tuple[int, float]:
    """The narrowest watched slice that holds slice ``pairs``, and the share of its contacts that lies there."""
    number = known.watched.numbers.get(pairs)
    if number is not None:
        return number, 1.0
    holding = [n for n, some in enumerate(known.watched.slices) if set(some) <= set(pairs)]
    host = min(holding, key=lambda n: (float(known.mass[n]), n))
    whole = usual(known, known.watched.slices[host])
    return host, min(usual(known, pairs) / max(whole, 1e-9), 1.0)


def shared_mass(known: Known, pairs: Pairs) -> Floats:
    """Usual contacts of every watched slice that also lie in slice ``pairs``."""
    within = inside(known, pairs)[: len(known.leaf_mass)]
    places = np.flatnonzero(within & (known.leaf_mass > 0))
    return known.watched.add_up(places, known.leaf_mass[places])


def explained_by(known: Known, episode: Episode, rungs: Ladder, rows: Ints) -> Floats:
    """What of every slice's contacts (columns) the spike adds to these steps (rows): those in its slice above usual."""
    unit = rungs.windows.unit[rows, episode.number]
    return above_usual(known, episode, leaves_of(known, rungs, rows), unit * episode.level)


def explained_blocks(known: Known, episode: Episode, within: Ints) -> Floats:
    """The same for remembered blocks."""
    memory = known.memory
    blocks = [memory.blocks[place] for place in within.tolist()]
    hour, weekday = np.array(memory.hours)[within], np.array(memory.weekdays)[within]
    # The slices may just have been chosen anew, before any shape of theirs is fitted: everywhere's will do.
    unit = known.shape.hour[hour, 0] * known.shape.weekday[weekday, 0]
    return above_usual(known, episode, blocks, unit * episode.level)


def counted(known: Known, parts: list[Sparse], pairs: Pairs) -> Floats:
    """Contacts of every part in a slice, watched or not."""
    within = inside(known, pairs)
    return np.array([float(part.counts[within[part.places]].sum()) for part in parts], dtype=np.float64)


def own_counts(known: Known, episode: Episode, rungs: Ladder, rows: Ints) -> Floats:
    """A spike's slice's contacts in these steps."""
    if known.watched.slices[episode.number] == episode.pairs:
        return np.asarray(rungs.windows.count[rows, episode.number])
    return counted(known, leaves_of(known, rungs, rows), episode.pairs)


def window_of(known: Known, episode: Episode, rungs: Ladder, place: int) -> tuple[float, float, float]:
    """Count, expectation and variance of a spike's slice in the newest window of a length."""
    number = episode.number
    mean = float(rungs.mean[place, number])
    if known.watched.slices[number] == episode.pairs:
        return float(rungs.windows.count_sums[place, number]), mean, float(rungs.variance[place, number])
    mean *= host_of(known, episode.pairs)[1]
    count = float(own_counts(known, episode, rungs, rungs.windows.rows(rungs.lengths[place])).sum())
    return count, mean, float(rungs.dispersion[number]) * mean + float(rungs.spread2[place, number]) * mean**2


def added_to(known: Known, episode: Episode, rungs: Ladder, rows: Ints, pairs: Pairs) -> Floats:
    """What a spike adds to another slice, step by step: contacts above usual where the two meet."""
    both = inside(known, episode.pairs) & inside(known, pairs)
    count = np.array([float(part.counts[both[part.places]].sum()) for part in leaves_of(known, rungs, rows)])
    whole = max(float(shared_mass(known, episode.pairs)[0]), 1e-9)
    met = np.flatnonzero(both[: len(known.leaf_mass)])
    share = min(float(known.leaf_mass[met].sum()) / whole, 1.0)
    return np.asarray(count - rungs.windows.unit[rows, episode.number] * episode.level * share)


def above_usual(known: Known, episode: Episode, parts: list[Sparse], mean: Floats) -> Floats:
    """What a spike adds to every slice (columns) in each part, of which ``mean`` contacts of its own are usual."""
    many = len(known.free)
    places = np.concatenate([part.places for part in parts] or [EMPTY.places])
    counts = np.concatenate([part.counts for part in parts] or [EMPTY.counts]).astype(np.float64)
    step = np.repeat(np.arange(len(parts)), [len(part.places) for part in parts])
    here = inside(known, episode.pairs)[places]
    member = known.watched.member[places[here]]
    cell = (step[here, None] * (many + 1) + member).ravel()
    weights = np.repeat(counts[here], member.shape[1])
    count = np.bincount(cell, weights=weights, minlength=len(parts) * (many + 1)).reshape(len(parts), many + 1)
    mass = shared_mass(known, episode.pairs)
    share = mass / max(float(mass[0]), 1e-9)
    return np.asarray(np.where(mean[:, None] > 0, count[:, :-1] - np.outer(mean, share), 0.0))


def _since(known: Known, episode: Episode) -> tuple[Ladder, int, Stretch, list[Pairs]] | None:
    """The stretch since the spike's onset and the other open spikes' slices; None once it came back."""
    rungs = known.reaching(episode.since_s)
    rows = known.rows(rungs, episode.onset_s)
    if episode.resumed_s is not None or not len(rows):
        return None
    window = min(episode.window, len(rungs.lengths) - 1)
    host = _below(known, episode)
    seen = stretch(known, rungs, window, rows, raised=None if host is None else (host.pairs, episode.raised))
    others = [one for one in known.episodes if one.state == "open" and one is not episode and one is not host]
    return rungs, window, seen, [one.pairs for one in others]


def _below(known: Known, episode: Episode) -> Episode | None:
    """The spike that a burst stands on."""
    return next((one for one in known.episodes if episode.inside and one.name == episode.inside), None)


def _put(known: Known, episode: Episode, pairs: Pairs, rungs: Ladder, window: int) -> None:
    episode.pairs = pairs
    number, part = host_of(known, pairs)
    host = _below(known, episode)
    raised = episode.raised if host is not None and set(host.pairs) <= set(pairs) else 1.0
    episode.level = float(rungs.level[window, number]) * part * raised
    episode.forecast2 = float(rungs.spread2[window, number]) + (0.0 if part == 1.0 else 1.0 / usual(known, pairs))
    cover(known, episode)
