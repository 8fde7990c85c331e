"""Spikes that come back: which closed one a rise goes on, and how it opens again.

On mostly the same slice within ``return_s`` it is the same spike. A burst, far shorter and steeper, is one of its own.
"""

from __future__ import annotations

from schemas.spike import Spike
from streams.detect.episode import Episode
from streams.detect.known import Known
from streams.detect.leafwise import Pairs, inside
from streams.detect.place import shared_mass
from streams.detect.size import merge, refree, tell

BURST_SHORTER, BURST_STEEPER = 8, 2.0


def before(known: Known, episode: Episode, rise: float) -> Episode | None:
    """The closed spike that this one, which stands at ``rise`` times its expectation, goes on; None where there is none."""
    mass = float(shared_mass(known, episode.pairs)[0])
    for old in reversed(known.episodes):
        if old.state != "closed" or old.end_s is None or old.teaches or old.inside:
            continue
        if episode.window_s * BURST_SHORTER <= old.window_s and rise - 1.0 >= BURST_STEEPER * (old.rise - 1.0):
            continue
        shared = _met(known, old.pairs, episode.pairs)
        same = shared >= 0.5 * max(mass, float(shared_mass(known, old.pairs)[0]))
        if (same or old.pairs == episode.pairs) and episode.onset_s - old.end_s <= known.settings.return_s:
            return old
    return None


def reopen(known: Known, old: Episode, episode: Episode) -> Spike:
    """A closed spike comes back as ``episode``: it goes on counting where it had stopped."""
    assert old.end_s is not None
    old.state, old.resumed_s, old.end_s = "open", old.end_s, None
    old.settled, old.beyond = (old.totals[0], old.totals[1]), (0.0, 0.0)
    old.cleaned_s, old.woke_s, old.height = old.resumed_s, known.now_s, 0.0
    old.covered |= episode.covered
    refree(known)
    return tell(known, old)


def give_back(known: Known, episode: Episode) -> tuple[Spike, ...]:
    """An open spike that has moved to where another had closed lately was that one: it goes on there, this one merges into it."""
    old = None if episode.inside else before(known, episode, episode.rise)
    if old is None:
        return ()
    merged = merge(known, episode, old.name, end_s=known.now_s)
    return merged, reopen(known, old, episode)


def _met(known: Known, one: Pairs, other: Pairs) -> float:
    """Usual contacts that lie in both slices."""
    both = inside(known, one) & inside(known, other)
    return float(known.leaf_mass[both[: len(known.leaf_mass)]].sum())
