"""The joint posterior of tied spikes, against its own enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.errors import DomainError
from stats.joint import joint_posterior, tie_probability

Floats = NDArray[np.float64]
PRIORS = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.5, 0.25, 0.25]])
OWN = np.log(np.array([[0.3, 0.5, 0.2], [0.4, 0.35, 0.25], [0.6, 0.2, 0.2]]))
TIES = np.array([0.0, 0.3, 0.4])


def enumerated(parents: list[int], priors: Floats) -> Floats:
    """Every assignment of causes, weighed."""
    n, width = OWN.shape
    total: Floats = np.zeros((n, width))
    for causes in product(range(width), repeat=n):
        weight = np.exp(sum(OWN[row, cause] for row, cause in enumerate(causes)))
        for row, parent in enumerate(parents):
            if parent >= 0:
                same = TIES[row] / priors[row, causes[row]] if causes[row] == causes[parent] else 0.0
                weight *= 1 - TIES[row] + same
        for row, cause in enumerate(causes):
            total[row, cause] += weight
    total /= total.sum(axis=1, keepdims=True)
    return total


def test_beliefs_of_a_chain_with_one_prior_are_those_of_enumeration() -> None:
    priors = np.tile(PRIORS[:1], (3, 1))
    for parents in ([-1, 0, 1], [-1, 0, 0], [-1, -1, 0]):
        beliefs, _ = joint_posterior(OWN, priors, parents, TIES)
        assert beliefs == pytest.approx(enumerated(parents, priors), abs=1e-9)


def test_untied_spikes_keep_their_own_beliefs() -> None:
    beliefs, added = joint_posterior(OWN, PRIORS, [-1, -1, -1], TIES)
    assert beliefs == pytest.approx(np.exp(OWN))
    assert not added.any()


def test_a_neighbour_is_bounded() -> None:
    own = np.array([[20.0, 0.0], [0.0, 0.0]])
    rare = np.array([[0.001, 0.999], [0.001, 0.999]])
    _, added = joint_posterior(own, rare, [-1, 0], np.array([0.0, 0.9]))
    assert added[1][0] == 4.0


def test_refusals() -> None:
    with pytest.raises(DomainError, match="parents was 1; allowed is smaller than the row itself"):
        joint_posterior(OWN, PRIORS, [-1, 1, 0], TIES)
    with pytest.raises(DomainError, match="priors"):
        joint_posterior(OWN, PRIORS[:2], [-1, 0, 0], TIES)
    for name, value in (("apart_h", -1.0), ("blur_h", 0.0), ("events_per_day", 0.0)):
        given = {"apart_h": 1.0, "blur_h": 1.0, "events_per_day": 1.0, name: value}
        with pytest.raises(DomainError, match=name):
            tie_probability(likeness=None, compatible=True, soon=False, **given)


def test_a_tie_weakens_with_distance_and_strengthens_with_likeness() -> None:
    def tie(apart_h: float, likeness: float | None) -> float:
        return tie_probability(apart_h=apart_h, blur_h=1.5, events_per_day=0.5, likeness=likeness, compatible=True)

    assert tie(0.0, None) > tie(2.0, None) > tie(20.0, None)
    assert tie(2.0, 0.6) > tie(2.0, None) > tie(2.0, 0.0)


def test_an_echo_that_must_come_soon_is_none_half_a_day_later() -> None:
    def tie(apart_h: float, *, soon: bool) -> float:
        return tie_probability(
            apart_h=apart_h, blur_h=1.5, events_per_day=0.5, likeness=None, compatible=True, soon=soon
        )

    assert tie(12.0, soon=True) < 0.01 < tie(12.0, soon=False)
    assert tie(0.0, soon=True) > 0.8
