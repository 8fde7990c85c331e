"""What is assumed of each kind of change before looking: how often it causes a spike, and how soon.

Rates and lag shapes are stated here once, held against worlds of the fit families (docs/attribution-settings.md, "What was
fitted"), and judged by other worlds and placebos; nothing is learnt from the rows by which results are judged.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.raw import ChangeKind
from stats.timing import Piece


class Habits(NamedTuple):
    """Of one kind: the share of such changes that cause a spike, the lag shape after the start, the shape around
    an announcement (``lead``; its mass replaces ``lead_share`` of the lag shape's when announced), and for how many
    hours after its start a change is still looked at."""

    causes: float
    lags: tuple[Piece, ...]
    reach_h: float
    while_it_lasts: float = 0.0
    lead: tuple[Piece, ...] = ()
    lead_share: float = 0.0
    noticed: tuple[Piece, ...] = ()
    noticed_share: float = 0.0


DAY_H = 24.0
HABITS: dict[ChangeKind, Habits] = {
    "release": Habits(
        0.09,
        (Piece(0.20, 8.0), Piece(0.45, 24.0), Piece(0.34, 4 * DAY_H, True), Piece(0.01, 14 * DAY_H, True)),
        14 * DAY_H,
    ),
    "promotion": Habits(0.20, (Piece(0.6, 8.0), Piece(0.4, 36.0)), 10 * DAY_H, while_it_lasts=0.3),
    "policy": Habits(
        0.13,
        (Piece(0.40, 4.0), Piece(0.40, 24.0), Piece(0.20, 10 * DAY_H, True)),
        14 * DAY_H,
        lead=(Piece(0.5, 24.0), Piece(0.5, 10 * DAY_H, True)),
        lead_share=0.4,
    ),
    "price": Habits(
        0.20,
        (Piece(0.25, 4.0), Piece(0.25, 24.0), Piece(0.30, 5 * DAY_H, True), Piece(0.20, 35 * DAY_H, True)),
        40 * DAY_H,
        lead=(Piece(0.6, 24.0), Piece(0.4, 10 * DAY_H, True)),
        lead_share=0.35,
    ),
    "incident": Habits(
        0.35,
        (Piece(0.85, 1.5), Piece(0.15, 12.0)),
        4 * DAY_H,
        while_it_lasts=0.1,
        noticed=(Piece(1.0, 0.5),),
        noticed_share=0.5,
    ),
    "automation": Habits(0.12, (Piece(0.6, 6.0), Piece(0.4, 48.0)), 10 * DAY_H),
    "capacity": Habits(0.08, (Piece(0.6, 8.0), Piece(0.4, 48.0)), 7 * DAY_H, while_it_lasts=0.3),
}
"""By kind of change."""

PRECISION_H = {"minute": 1.0 / 60, "hour": 1.0, "day": 24.0}
TEMPERATURE = 1.0
CEILING = 0.98
TOO_LATE = -8.0
NEVER = -9.0
MEASUREMENT = -2.4
"""Log-odds of mismeasurement against an unknown cause while nothing points to it: one spike in twelve."""
AGAIN = 0.15
"""Probability that a change that has caused one spike causes another, apart from those that come with the first: the
first has told when its effect came."""
WRITTEN = 5.0
"""Nats that all that customers write may speak for a change, by words, kind and code together: words alone prove nothing."""
ADOPTED = 4.0
"""Nats that what the customers of a release's version write, against the others', may speak for it."""
UNTIMELY, DOUBTED, OUT_OF_TIME = -3.0, 2.0, 1.0
"""From which weight of time on a change counts as out of its time, how much less customers' words may speak for it by nat
of that, and to which they are bounded at last; likewise what its version's customers write. Records of the same thing lie
weeks apart, and where a record's own date denies what customers say, one of the two is wrong and nobody knows which."""
REMEDY = -3.0
ENDING = ("incident", "promotion", "capacity")
"""Kinds whose effect goes with their end."""
OUTSIDE = -9.0
"""A spike on a slice that the change cannot touch: no words and no timing outweigh it."""
OTHER_VERSION = -1.5
"""A spike on one version against the release of another, where nothing tells how many customers are on either."""
VERDICT = 7.0
"""A person's word outweighs any sum of the other lines but scope and time when they forbid."""


def room(most: float, *, time: float) -> float:
    """Nats that customers may speak for a change for which ``most`` are allowed, by what time says of it.

    >>> [room(5.0, time=time) for time in (-1.0, -3.5, -8.0)]
    [5.0, 4.0, 1.0]
    """
    return max(min(OUT_OF_TIME, most), most - DOUBTED * max(UNTIMELY - time, 0.0))
