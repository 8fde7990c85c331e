"""Spikes of one time are not independent: what one is held to come from bears on the others.

Two spikes may be one event seen twice. A spike is tied to the larger one that most likely shares its event, so that ties
form a forest, on which the joint posterior of all causes is exact (Pearl's belief propagation, 1988): an *echo* has the
cause of its tie, a spike of its own has one drawn from its own prior. One cause for five tied spikes thereby beats five
coincidences; a sure cause of the large one is preferred for the small ones, unless what they say speaks against it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stats.errors import DomainError

Floats = NDArray[np.float64]
UP_BOUND, DOWN_BOUND = 2.0, 4.0
ECHOES = 0.6
NEAR_SHARE = 0.8
FAR_H = 12.0
APART = 0.15
"""How much less likely an event is to show in two slices that no contact can lie in both of."""


def tie_probability(
    *,
    apart_h: float,
    blur_h: float,
    events_per_day: float,
    likeness: float | None,
    compatible: bool,
    soon: bool = False,
) -> float:
    """Probability that two spikes are one event, from the hours between their onsets.

    Echoes of an event come within about an hour of it (Laplace, mean ``blur_h``, a fifth of them over half a day), a
    second event at any time, at ``events_per_day``: what is a coincidence depends on how much happens at all. An event is
    taken to show in 0.6 further spikes.

    Args:
        apart_h: Hours between the onsets. Must be >= 0.
        blur_h: How far apart two onsets of one event are measured on average, hours. Must be > 0.
        events_per_day: Unrelated spikes a day. Must be > 0.
        likeness: Cosine of what the two say beyond the usual, 0 to 1; ``None`` where too little was said.
        compatible: Whether a contact can lie in both slices.
        soon: Whether only an echo within about an hour is believed: what one slice felt first is not felt everywhere
            half a day later.

    Raises:
        DomainError: naming the argument outside its range.

    >>> round(tie_probability(apart_h=0.5, blur_h=1.5, events_per_day=0.3, likeness=None, compatible=True), 2)
    0.91
    """
    for name, value in (("blur_h", blur_h), ("events_per_day", events_per_day)):
        if not value > 0:
            raise DomainError(name, value, "> 0")
    if not apart_h >= 0:
        raise DomainError("apart_h", apart_h, ">= 0")
    per_hour = NEAR_SHARE * math.exp(-apart_h / blur_h) / (2 * blur_h)
    per_hour += 0.0 if soon else (1 - NEAR_SHARE) * math.exp(-apart_h / FAR_H) / (2 * FAR_H)
    odds = ECHOES * per_hour * 24.0 / events_per_day * (1.0 if compatible else APART)
    if likeness is not None:
        odds *= math.exp(min(3.0, max(-1.2, 10.0 * (likeness - 0.12))))
    return min(0.97, odds / (1.0 + odds))


def joint_posterior(own: Floats, priors: Floats, parents: list[int], ties: Floats) -> tuple[Floats, Floats]:
    """Beliefs of tied spikes, and what the others' say adds to each.

    Args:
        own: Log-odds of every cause (column) by each spike's own evidence (row), on any scale up to a constant a row.
        priors: Probability of every cause before a spike's own words and place; rows sum to one.
        parents: The row that each row is tied to, or -1. A parent's own index must be smaller than its child's.
        ties: Probability of each tie; ignored where there is no parent.

    Returns:
        Probabilities, and the log of what ties add (0 for a spike without ties), each bounded so that no neighbour
        outweighs much evidence of its own: :data:`UP_BOUND` from a smaller spike, :data:`DOWN_BOUND` from a larger one.

    Raises:
        DomainError: shapes disagree, or a parent does not come first.

    >>> own = np.log(np.array([[0.02, 0.98], [0.5, 0.5]]))
    >>> joint_posterior(own, np.array([[0.9, 0.1], [0.9, 0.1]]), [-1, 0], np.array([0.0, 0.8]))[0][1].round(2).tolist()
    [0.03, 0.97]
    """
    n, width = own.shape
    if priors.shape != own.shape or len(parents) != n or len(ties) != n:
        raise DomainError("priors", priors.shape, f"as many rows and columns as own ({own.shape})")
    if any(parent >= row for row, parent in enumerate(parents)):
        raise DomainError("parents", max(parents), "smaller than the row itself")
    up = np.zeros((n, width))
    gathered = own.copy()
    for row in range(n - 1, -1, -1):
        if (parent := parents[row]) >= 0:
            up[row] = _message(gathered[row], priors[parent], float(ties[row]), UP_BOUND)
            gathered[parent] += up[row]
    beliefs = gathered.copy()
    for row in range(n):
        if (parent := parents[row]) >= 0:
            beliefs[row] += _message(beliefs[parent] - up[row], priors[row], float(ties[row]), DOWN_BOUND)
    return _softmax(beliefs), beliefs - own


def _message(belief: Floats, prior: Floats, tie: float, bound: float) -> Floats:
    """Log of what a spike's belief says for each cause of a spike tied to it."""
    said = np.log((1.0 - tie) + tie * _softmax(belief[None, :])[0] / np.maximum(prior, 1e-4))
    message: Floats = np.clip(said, -bound, bound)
    return message


def _softmax(scores: Floats) -> Floats:
    p: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p
