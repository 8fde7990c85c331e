"""Inside against outside: is the excess where the change could touch, and absent where it could not?"""

from __future__ import annotations

import math

from stats.errors import DomainError


def scope_weight(
    *,
    inside: float,
    expected_inside: float,
    outside: float,
    expected_outside: float,
    overdispersion: float = 1.5,
    leak: float = 0.08,
    level_sd: float = 0.08,
) -> float:
    """Log-odds in nats that an excess comes from a change with this scope rather than from one that touches all alike.

    The share of the excess that lies inside is normal around ``1 - leak`` for a cause, and around the inside's
    share of the expectation for a bystander; its variance is counting noise times ``overdispersion`` plus a
    relative forecast error ``level_sd`` of each side (difference in differences: what moves both sides alike
    cancels). Bounded to [-4, 3], with a broad alternative mixed in so that no single count decides.

    Args:
        inside, outside: Contacts seen during the spike, inside and outside the scope.
        expected_inside, expected_outside: What was expected there. Must be >= 0.

    Raises:
        DomainError: naming the argument outside its range.
    """
    for name, value in (("expected_inside", expected_inside), ("expected_outside", expected_outside)):
        if not value >= 0:
            raise DomainError(name, value, ">= 0")
    excess_in, excess_out = inside - expected_inside, outside - expected_outside
    excess = excess_in + excess_out
    total = expected_inside + expected_outside
    if excess <= 0 or total <= 0:
        return 0.0
    variance = overdispersion * (inside + outside) + level_sd**2 * (expected_inside**2 + expected_outside**2)
    usual = expected_inside / total
    cause = _log_normal(excess_in, (1.0 - leak) * excess, variance)
    bystander = _log_normal(excess_in, usual * excess, variance + (0.25 * excess) ** 2)
    return max(-4.0, min(3.0, cause - bystander))


def _log_normal(x: float, mean: float, variance: float) -> float:
    core = -0.5 * (x - mean) ** 2 / variance - 0.5 * math.log(variance)
    wide = -0.5 * (x - mean) ** 2 / (9 * variance) - 0.5 * math.log(9 * variance) + math.log(0.1)
    top = max(core, wide)
    return top + math.log(math.exp(core - top) + math.exp(wide - top))


def stop_weight(
    *,
    before: float,
    expected_before: float,
    after: float,
    expected_after: float,
    hours_before: float,
    hours_after: float,
) -> float:
    """Log-odds in nats that an excess went with the change: it was there while the change lasted and stopped after.

    A cause leaves a fifth of its excess rate behind, a bystander all of it. Normal with doubled counting noise,
    bounded to [-2.5, 0.3], as spikes also end by themselves.

    Raises:
        DomainError: naming the argument outside its range.
    """
    for name, value in (("hours_before", hours_before), ("hours_after", hours_after)):
        if not value > 0:
            raise DomainError(name, value, "> 0")
    rate = (before - expected_before) / hours_before
    if rate <= 0:
        return 0.0
    goes_on, seen = rate * hours_after, after - expected_after
    variance = 2.0 * (after + expected_after + 1.0) + before * (hours_after / hours_before) ** 2
    weight = 0.5 * ((seen - goes_on) ** 2 - (seen - 0.2 * goes_on) ** 2) / variance
    return max(-2.5, min(0.3, weight))
