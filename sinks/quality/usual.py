"""What is usual: limits for a window's numbers from the numbers of earlier windows. Arithmetic only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median, stdev

LEAST_REFERENCES = 3
_SPREADS = 5.0
_SILENCE_ODDS = 1e-6


def volume_limits(references: Sequence[int]) -> tuple[float, float] | None:
    """Fewest and most contacts that a window may hold, or ``None`` with fewer than three references.

    The lower limit is five spreads below the median: Poisson's, the references' own standard deviation, or a tenth of
    the median, whichever is largest; over-dispersed streams without a fault fall below it less than once in five
    hundred windows. The upper limit is far away, five times the largest reference: more contacts are what detect
    looks for, and only a jump that no customers could make, such as a back-fill, is a fault of the data.

    >>> volume_limits([100, 96, 104, 100])
    (50.0, 570.0)
    """
    if len(references) < LEAST_REFERENCES:
        return None
    middle = median(references)
    spread = max(math.sqrt(middle), stdev(references), middle / 10.0)
    return max(0.0, middle - _SPREADS * spread), 5.0 * max(references) + 50.0


def longest_silence_s(references: Sequence[int], window_s: float) -> float | None:
    """Seconds without a contact that chance makes once in a million at the references' rate, which is halved for
    safety; ``None`` with fewer than three references or none with a contact.

    >>> round(longest_silence_s([60, 60, 60], 3600.0))
    1658
    """
    if len(references) < LEAST_REFERENCES or median(references) <= 0:
        return None
    rate = median(references) / 2.0 / window_s
    return -math.log(_SILENCE_ODDS) / rate


def share_limit(usual: float, contacts: int) -> float:
    """The largest share that is still usual: five points above, and what chance adds in so many contacts.

    >>> share_limit(0.1, 100)
    0.3
    """
    chance = 4.0 * math.sqrt(usual * (1.0 - usual) / contacts) + 3.0 / contacts
    return min(1.0, round(usual + 0.05 + chance, 4))


def length_limits(usual: float) -> tuple[float, float]:
    """Shortest and longest median length of a text: a third and three times the usual one.

    >>> length_limits(90.0)
    (30.0, 270.0)
    """
    return usual / 3.0, usual * 3.0


def divergence_limit(categories: int, contacts: int) -> float:
    """The largest divergence (Kullback-Leibler, in nats) of a mix from the usual one: a quarter nat, and three times
    what chance makes in so many contacts.

    >>> divergence_limit(5, 100)
    0.31
    """
    return round(0.25 + 3.0 * (categories - 1) / 2.0 / contacts, 4)


def weights(counts: Mapping[str, int]) -> dict[str, float]:
    """Shares of the counts, each counted half a time more so that none is zero; they sum to one.

    >>> weights({"de": 1, "en": 3})
    {'de': 0.3, 'en': 0.7}
    """
    total = sum(counts.values()) + 0.5 * len(counts)
    return {name: (count + 0.5) / total for name, count in sorted(counts.items())}
