"""Time as evidence: how likely an onset is so long after a change, by the change's kind.

A lag shape is a mixture of exponentials and uniform stretches after (or before) an anchor of the change. Its
density, averaged over what is uncertain in the onset and in the change's date, is compared with that of spikes
that have nothing to do with the change, which come at any time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
