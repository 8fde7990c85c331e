"""Whether a spike is written about as a kind of change usually is: shares of contacts as log-odds."""

from __future__ import annotations

import math

from stats.errors import DomainError

SPEAKS, WIDE, QUIET = 0.7, 0.25, 0.2
CHANCE, OTHERS = 0.08, 0.12


def voice_weight(now: float, usual: float, *, sampled: int, needed: float) -> float:
    """Log-odds in nats that contacts are a kind of change's rather than something else's, by its kind's words.

    What the words cover of the excess (the share's rise over ``needed``) is normal around :data:`SPEAKS` for a change of the
    kind, unless (:data:`QUIET`) its customers write otherwise; around 0 for anything else, unless (:data:`OTHERS`) it is a
    change of the kind that nobody recorded. Both are as wide as the sample is small. Bounded by the two shares: to about
    [-1.6, 2.1].

    Args:
        now, usual: Shares of contacts with such a word, in the spike and before it. Must be in [0, 1].
        sampled: Contacts from which ``now`` was counted. Must be > 0.
        needed: Share of the contacts that is excess. Must be in (0, 1].

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
    covered = min(max((now - usual) / needed, 0.0), SPEAKS)
    noise = math.sqrt(max(now * (1 - now), 1.0 / sampled) / sampled) / needed
    of_kind = _normal(covered, SPEAKS, math.hypot(WIDE, noise))
    otherwise = _normal(covered, 0.0, math.hypot(CHANCE, noise))
    caused = (1 - QUIET) * of_kind + QUIET * otherwise
    return math.log(caused / ((1 - OTHERS) * otherwise + OTHERS * of_kind))


def _normal(x: float, mean: float, sd: float) -> float:
    return math.exp(-0.5 * ((x - mean) / sd) ** 2) / sd + 1e-12
