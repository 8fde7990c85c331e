"""Where contacts that use some words are usually filed, as evidence of what an excess is about.

A record says "size guide", a customer "Größentabelle": they share no word, but contacts that say "size guide" are mostly
filed under the same topic as those that say "Größentabelle".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stats.errors import DomainError

Floats = NDArray[np.float64]
WITHIN = 8.0
"""With how many contacts' weight the topics of a word are held to those of all contacts."""
ASTRAY = 0.15
"""Share of causes whose contacts are filed like any other, whatever the record's words are usually filed under."""
MOST = 2.0


def filed_shares(said: Floats, usual: Floats, weights: Floats) -> Floats | None:
    """Topics under which contacts that use a record's words are usually filed; ``None`` where no word says.

    A word counts by its weight times the square of how much its topics say (Kullback and Leibler, 1951, against those of
    all contacts): one that is used everywhere says nothing, and drags nothing towards the usual either.

    Args:
        said: Usual contacts with each word (row), by topic (column). Must be >= 0.
        usual: Shares of the topics among all usual contacts. Must be > 0; they sum to one.
        weights: One per word. Must be >= 0.

    Raises:
        DomainError: naming the argument outside its range.

    >>> said = np.array([[0.0, 40.0], [30.0, 30.0]])
    >>> filed_shares(said, np.array([0.5, 0.5]), np.ones(2)).round(2).tolist()
    [0.08, 0.92]
    """
    if said.shape != (len(weights), len(usual)):
        raise DomainError("said", said.shape, f"a row per weight and a column per topic ({len(weights)}, {len(usual)})")
    if not (usual > 0).all():
        raise DomainError("usual", float(usual.min(initial=1.0)), "> 0")
    shares = (said + WITHIN * usual) / (said.sum(axis=1) + WITHIN)[:, None]
    telling = weights * (shares * np.log(shares / usual)).sum(axis=1) ** 2
    if not telling.sum() > 1e-9:
        return None
    found: Floats = telling @ shares / telling.sum()
    return found


def heard_share(said: Floats, weights: Floats) -> float:
    """How much of a record's words, by weight, contacts have used before; a word that one contact has used counts half.

    What nobody has written yet, the name of a new feature, tells nothing of where its contacts will be filed.

    Args:
        said: Usual contacts with each word (row), by topic (column). Must be >= 0.
        weights: One per word. Must be >= 0.

    >>> heard_share(np.array([[4.0], [0.0]]), np.array([1.0, 3.0]))
    0.2
    """
    contacts = said.sum(axis=1)
    return float(weights @ (contacts / (contacts + 1.0)) / max(float(weights.sum()), 1e-9))


def filed_weight(excess: Floats, usual: Floats, filed: Floats, *, heard: float = 1.0) -> float:
    """Log-odds in nats that an excess comes from what is usually filed so, rather than from anything else.

    The excess has one topic, with the probabilities that its shares by topic give; a cause's is drawn from ``filed`` (or,
    :data:`ASTRAY`, like any other contact's), anything else's from ``usual``. So an excess that is shared out as usual says
    nothing. Bounded to :data:`MOST` either way.

    Args:
        excess: Share of each topic in the excess. Must be >= 0; what is missing to one lies in topics without a past.
        usual, filed: Shares of the topics among all usual contacts, and among those that use the words.
        heard: Share of the words that contacts have used before; a cause of the others may be filed like any other. 0 to 1.

    Raises:
        DomainError: naming the argument outside its range.

    >>> usual, filed = np.array([0.2, 0.8]), np.array([0.9, 0.1])
    >>> [round(filed_weight(np.array(excess), usual, filed), 1) for excess in ([1.0, 0.0], [0.2, 0.8], [0.0, 1.0])]
    [1.4, 0.0, -1.4]
    """
    if not ((excess >= 0).all() and excess.sum() <= 1.0 + 1e-9):
        raise DomainError("excess", excess.tolist(), ">= 0, together at most 1")
    if not 0.0 <= heard <= 1.0:
        raise DomainError("heard", heard, "0 to 1")
    told = (1.0 - ASTRAY) * heard
    times = (told * filed + (1.0 - told) * usual) / usual
    odds = float(excess @ times) + max(1.0 - float(excess.sum()), 0.0)
    return max(-MOST, min(MOST, math.log(max(odds, 1e-9))))
