"""Time as evidence: how likely an onset is so long after a change, by the change's kind.

A lag shape is a mixture of exponentials and uniform stretches after (or before) an anchor of the change. Its
density, averaged over what is uncertain in the onset and in the change's date, is compared with that of spikes
that have nothing to do with the change, which come at any time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from stats.errors import DomainError

Floats = NDArray[np.float64]


class Piece(NamedTuple):
    """One part of a lag shape: ``share`` of the mass, beginning ``shift_h`` hours after the anchor, exponential
    with mean ``length_h`` hours, or uniform over ``length_h`` hours if ``flat``."""

    share: float
    length_h: float
    flat: bool = False
    shift_h: float = 0.0


def lag_density(lag_h: Floats, pieces: tuple[Piece, ...]) -> Floats:
    """Density per hour of a mixture of :class:`Piece` at each lag.

    Raises:
        DomainError: a share is negative or a length not positive.

    >>> lag_density(np.array([-1.0, 0.0, 2.0]), (Piece(1.0, 2.0),)).round(3).tolist()
    [0.0, 0.5, 0.184]
    """
    density = np.zeros_like(lag_h)
    for piece in pieces:
        if not piece.length_h > 0:
            raise DomainError("length_h", piece.length_h, "> 0")
        if not piece.share >= 0:
            raise DomainError("share", piece.share, ">= 0")
        after = lag_h - piece.shift_h
        if piece.flat:
            shape = ((after >= 0) & (after < piece.length_h)) / piece.length_h
        else:
            shape = np.where(after >= 0, np.exp(-np.maximum(after, 0.0) / piece.length_h), 0.0) / piece.length_h
        density += piece.share * shape
    return density


def onset_density(
    *,
    onset_low_h: float,
    onset_h: float,
    onset_high_h: float,
    anchor_h: float,
    anchor_width_h: float,
    pieces: tuple[Piece, ...],
    blur_h: float,
) -> float:
    """Expected density per hour of the onset after the anchor, over what is uncertain in both.

    The onset is triangular between its bounds (widened by ``blur_h``) with its mode at the estimate, the anchor
    uniform over ``anchor_width_h`` hours (a date known to the day: 24).

    Raises:
        DomainError: bounds out of order or a negative width.
    """
    if not onset_low_h <= onset_h <= onset_high_h:
        raise DomainError("onset_h", onset_h, f"within its bounds {onset_low_h} and {onset_high_h}")
    if not anchor_width_h >= 0:
        raise DomainError("anchor_width_h", anchor_width_h, ">= 0")
    low, high = onset_low_h - blur_h, onset_high_h + blur_h
    places = low + (high - low) * (np.arange(48) + 0.5) / 48
    rise, fall = max(onset_h - low, 1e-6), max(high - onset_h, 1e-6)
    mass = np.where(places < onset_h, (places - low) / rise, (high - places) / fall)
    mass /= mass.sum()
    anchors = anchor_h + anchor_width_h * (np.arange(12) + 0.5) / 12
    return float(mass @ lag_density(places[:, None] - anchors[None, :], pieces).mean(axis=1))


SEEN_AT = 2.5
"""How many deviations an excess reaches before its onset is as likely as not dated by it."""
AT_SCALE = 0.2
"""Share of effects that come with the audience a step adds, however few the steps before had: faults that need scale."""


def step_chances(shares: Floats, hours: Floats, *, deviations: float) -> Floats:
    """Chance that an effect's onset comes with each step of a staged roll-out, by how strong the effect turned out.

    ``shares``: of the audience from each step on, rising, above 0. ``hours``: how long each lasted so far; 0 for
    steps to come. ``deviations``: how far above chance the excess rises within an hour at the whole audience. An effect in
    proportion to its audience is seen at a step with the chance that its excess there passes :data:`SEEN_AT` deviations;
    the first step at which it is seen dates its onset, so a strong fault shows at 5% of the audience and a weak one
    waits for more. What no step so far would have shown, and :data:`AT_SCALE` of all, is spread over the steps as
    they add audience. The chances sum to one.

    Raises:
        DomainError: shares do not rise from above 0, or hours are negative.

    >>> step_chances(np.array([0.05, 1.0]), np.array([12.0, 12.0]), deviations=30.0).round(2).tolist()
    [0.81, 0.19]
    >>> step_chances(np.array([0.05, 1.0]), np.array([12.0, 12.0]), deviations=3.0).round(2).tolist()
    [0.03, 0.97]
    """
    gains = np.diff(shares, prepend=0.0)
    if not (gains > 0).all():
        raise DomainError("shares", shares.tolist(), "rising from above 0")
    if not (hours >= 0).all():
        raise DomainError("hours", hours.tolist(), ">= 0")
    seen = np.where(hours > 0, ndtr(deviations * shares * np.sqrt(hours) - SEEN_AT), 0.0)
    unseen = np.cumprod(1.0 - seen)
    first = seen * np.concatenate([[1.0], unseen[:-1]])
    by_audience = gains / gains.sum()
    chances: Floats = (1.0 - AT_SCALE) * (first + unseen[-1] * by_audience) + AT_SCALE * by_audience
    return chances
