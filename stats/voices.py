"""Whether a spike's excess is written about as a change would be: shares of contacts as log-odds."""

from __future__ import annotations

import math
from typing import NamedTuple

from stats.errors import DomainError


class Manner(NamedTuple):
    """How much of an excess some words cover: around ``speaks``, as wide as ``wide``, for what they belong to, unless
    (``quiet``) customers write otherwise; around 0, as wide as ``chance``, for anything else, unless (``others``) that is
    written about alike. More than ``most`` says nothing more."""

    speaks: float
    wide: float
    quiet: float
    chance: float
    others: float
    most: float


KIND = Manner(0.7, 0.25, 0.2, 0.08, 0.12, 0.7)
"""How customers write of a kind of change; what is written about alike are changes of the kind that nobody recorded."""
THING = Manner(0.5, 0.25, 0.15, 0.08, 0.06, 0.6)
"""How customers write of what one change is about: fitted on worlds of the families meant for it (docs/attribution-settings.md)."""


def voice_weight(
    now: float, usual: float, *, sampled: int, needed: float, manner: Manner = KIND, blur: float = 0.0
) -> float:
    """Log-odds in nats that contacts are a change's rather than something else's, by how many use its words.

    What the words cover of the excess is the share's rise over ``needed``. The likelihoods of :class:`Manner` are as wide as
    the sample is small. Bounded by the manner's two shares: to about [-1.6, 2.1] for :data:`KIND`, [-1.6, 2.7] for :data:`THING`.

    Args:
        now, usual: Shares of contacts with such a word, in the spike and before it. Must be in [0, 1].
        sampled: Contacts from which ``now`` was counted. Must be > 0.
        needed: Share of the contacts that is excess. Must be in (0, 1].
        blur: By how much more, in standard deviations, other words of the sort cover by chance. Must be >= 0.

    Raises:
        DomainError: naming the argument outside its range.

    >>> [round(voice_weight(now, 0.05, sampled=60, needed=0.4), 1) for now in (0.05, 0.15, 0.35)]
    [-1.4, -0.3, 1.9]
    """
    for name, share in (("now", now), ("usual", usual)):
        if not 0 <= share <= 1:
            raise DomainError(name, share, "in [0, 1]")
    if not sampled > 0:
        raise DomainError("sampled", sampled, "> 0")
    if not 0 < needed <= 1:
        raise DomainError("needed", needed, "in (0, 1]")
    if not blur >= 0:
        raise DomainError("blur", blur, ">= 0")
    covered = min(max((now - usual) / needed, 0.0), manner.most)
    noise = math.sqrt(max(now * (1 - now), 1.0 / sampled) / sampled) / needed
    of_it = _normal(covered, manner.speaks, math.hypot(manner.wide, noise, blur))
    otherwise = _normal(covered, 0.0, math.hypot(manner.chance, noise, blur))
    caused = (1 - manner.quiet) * of_it + manner.quiet * otherwise
    return math.log(caused / ((1 - manner.others) * otherwise + manner.others * of_it))


def _normal(x: float, mean: float, sd: float) -> float:
    return math.exp(-0.5 * ((x - mean) / sd) ** 2) / sd + 1e-12
