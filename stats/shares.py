"""Rates and shares with what is uncertain in them: customers per version, and how often something happens at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv, betaln, gammaln

from stats.errors import DomainError

_Z90 = 1.6448536269514722


class Ratio(NamedTuple):
    """A ratio or share with its 90% interval."""

    value: float
    low: float
    high: float


def rate_ratio(seen: float, expected: float, others: float, *, overdispersion: float = 1.5) -> Ratio:
    """How many times as often as expected, from counts.

    Args:
        seen: Contacts of the group in question. Must be >= 0.
        expected: What it would have been at the others' rate. Must be > 0.
        others: Contacts of the others, from which ``expected`` was taken. Must be > 0.
        overdispersion: Variance of a count over its mean.

    Nothing seen counts as half a contact; log-normal interval (Woolf 1955), which covers 90% for counts above about five.

    Raises:
        DomainError: naming the argument outside its range.

    >>> ratio = rate_ratio(122.0, 20.0, 200.0)
    >>> round(ratio.value, 1), round(ratio.low, 1), round(ratio.high, 1)
    (6.1, 4.8, 7.7)
    """
    for name, value in (("expected", expected), ("others", others)):
        if not value > 0:
            raise DomainError(name, value, "> 0")
    if not seen >= 0:
        raise DomainError("seen", seen, ">= 0")
    value = max(seen, 0.5) / expected
    sd = math.sqrt(overdispersion * (1.0 / max(seen, 0.5) + 1.0 / others))
    return Ratio(value, value * math.exp(-_Z90 * sd), value * math.exp(_Z90 * sd))


def widened(ratio: Ratio, sd: float) -> Ratio:
    """A ratio of which one side is uncertain by a further factor; ``sd`` is that of its natural logarithm.

    >>> [round(part, 2) for part in widened(Ratio(2.0, 1.0, 4.0), 0.5)]
    [2.0, 0.68, 5.86]
    """
    value, low, high = (math.log(part) for part in ratio)
    more = _Z90 * sd
    return Ratio(
        ratio.value, math.exp(value - math.hypot(value - low, more)), math.exp(value + math.hypot(high - value, more))
    )


def foretold_ratio(gained: Ratio, expected: float) -> Ratio:
    """The ratio that would be seen if a spike's whole excess came from the group in question.

    Args:
        gained: The spike's excess with its 90% interval.
        expected: What the group would have written at the others' rate. Must be > 0.

    Raises:
        DomainError: naming the argument outside its range.

    >>> [round(part, 1) for part in foretold_ratio(Ratio(50.0, 30.0, 80.0), 20.0)]
    [3.5, 2.5, 5.0]
    """
    if not expected > 0:
        raise DomainError("expected", expected, "> 0")
    value, low, high = (1.0 + max(part, 0.0) / expected for part in gained)
    return Ratio(value, min(low, value), max(high, value))


def ratio_weight(
    ratio: Ratio, foretold: Ratio, *, spread: float = 0.28, part: float = 0.85, silent: float = 0.15
) -> float:
    """Log-odds in nats that a rate ratio is a cause's rather than a bystander's.

    The log of a bystander's ratio is normal around 0 (those who update first write a little more or less: ``spread``),
    that of a cause around what the spike's excess foretells if ``part`` of it is the cause's, as wide and by how uncertain
    that is; a share ``silent`` of causes harms all alike. Bounded to [-2, 4].

    >>> [round(ratio_weight(Ratio(value, value / 1.4, value * 1.4), Ratio(2.0, 1.6, 2.4)), 1) for value in (1.0, 1.5, 2.0)]
    [-1.1, 0.4, 1.8]
    """
    noise = min((math.log(ratio.high) - math.log(ratio.value)) / _Z90, 0.5 if ratio.value < 1 else 2.0)
    centre, low, high = (math.log1p(part * (value - 1.0)) for value in foretold)
    unsure = (high - low) / (2 * _Z90)
    x = max(math.log(ratio.value), 0.0)  # whoever writes less than others is not hurt more: no tail on that side
    bystander = _log_normal(x, 0.0, math.hypot(spread, noise))
    # Beyond what is foretold nothing speaks against the cause: its customers may write more about other things, too.
    cause = _log_normal(min(x, centre), centre, math.hypot(spread, noise, unsure))
    mixed = float(np.logaddexp(math.log(1.0 - silent) + cause, math.log(silent) + bystander))
    return max(-2.0, min(4.0, mixed - bystander))


def _log_normal(x: float, mean: float, sd: float) -> float:
    return -0.5 * ((x - mean) / sd) ** 2 - math.log(sd)


class Spread(NamedTuple):
    """A beta distribution of a share, by its centre and intra-class correlation."""

    mean: float
    correlation: float


def share_spread(
    pairs: Sequence[tuple[float, float]], *, correlation: float = 0.06, prior_n: float = 3.0
) -> Spread | None:
    """How a share varies from case to case, from (count, total) of earlier cases; ``None`` for fewer than two.

    The centre is the median of the shares (one of the cases may have been a spike itself), the correlation by moments,
    shrunk towards ``correlation`` with the weight of ``prior_n`` cases: two tell where a share lies, hardly how it spreads.

    >>> [round(part, 2) for part in share_spread([(60.0, 100.0), (70.0, 100.0), (65.0, 100.0)]) or ()]
    [0.65, 0.04]
    """
    usable = [(count, total) for count, total in pairs if total >= 5]
    if len(usable) < 2:
        return None
    shares = np.array([count / total for count, total in usable])
    centre = float(np.clip(np.median(shares), 0.01, 0.99))
    binomial = float(np.mean([centre * (1 - centre) / total for _, total in usable]))
    own = (float(shares.var(ddof=1)) - binomial) / (centre * (1 - centre))
    n = len(usable)
    found = (prior_n * correlation + n * max(own, 0.0)) / (prior_n + n)
    return Spread(centre, float(np.clip(found * (1 + 1 / n), 0.002, 0.9)))


def beta_binomial(count: float, total: float, spread: Spread) -> float:
    """Log-probability of a count out of a total whose share spreads as a beta distribution.

    >>> round(math.exp(beta_binomial(1.0, 2.0, Spread(0.5, 1 / 3))), 3)
    0.333
    """
    strength = 1.0 / spread.correlation - 1.0
    a, b = spread.mean * strength, (1.0 - spread.mean) * strength
    choose = gammaln(total + 1) - gammaln(count + 1) - gammaln(total - count + 1)
    return float(choose + betaln(count + a, total - count + b) - betaln(a, b))


def adoption_weight(
    count: float, total: float, usual: Spread, *, excess_share: float, reach: float = 0.93, silent: float = 0.4
) -> float:
    """Log-odds in nats that a version's share is that of a cause rather than of mere adoption.

    Under adoption the share is that of earlier versions at the same age. A cause's excess comes from ``reach`` of the
    version's customers on top of that, unless (``silent``) it harms all alike. Bounded to [-1.5, 2.5].

    Args:
        count, total: Contacts stating this version, and any.
        usual: Earlier versions' share at this age.
        excess_share: Share of the contacts that is beyond the usual, 0 to 1.

    Raises:
        DomainError: naming the argument outside its range.

    >>> usual = Spread(0.65, 0.02)
    >>> [round(adoption_weight(count, 100.0, usual, excess_share=0.5), 1) for count in (60.0, 70.0, 82.0)]
    [-0.9, -0.3, 2.0]
    """
    if not 0 <= count <= total:
        raise DomainError("count", count, f"in 0 to {total}")
    if not 0 <= excess_share <= 1:
        raise DomainError("excess_share", excess_share, "in [0, 1]")
    lifted = usual.mean * (1 - excess_share) + reach * excess_share
    # The more of the contacts are excess, the less the usual share's spread matters.
    cause = Spread(min(max(lifted, usual.mean), 0.99), usual.correlation * (1 - excess_share) + 0.005)
    bystander = beta_binomial(count, total, usual)
    mixed = float(np.logaddexp(math.log(1 - silent) + beta_binomial(count, total, cause), math.log(silent) + bystander))
    return max(-1.5, min(2.5, mixed - bystander))


def learnt_share(happened: float, of: float, *, stated: float, prior_n: float) -> Ratio:
    """How often something happens: a beta posterior around what is stated, with its 90% interval.

    Raises:
        DomainError: ``stated`` is not strictly between 0 and 1.

    >>> share = learnt_share(4.0, 10.0, stated=0.1, prior_n=20.0)
    >>> round(share.value, 2), round(share.low, 2), round(share.high, 2)
    (0.2, 0.09, 0.33)
    """
    if not 0 < stated < 1:
        raise DomainError("stated", stated, "in (0, 1)")
    a = prior_n * stated + min(happened, of)
    b = prior_n * (1 - stated) + max(of - happened, 0.0)
    return Ratio(a / (a + b), float(betaincinv(a, b, 0.05)), float(betaincinv(a, b, 0.95)))
