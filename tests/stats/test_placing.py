"""The slices that explain an excess: exact, alone, several at once, whatever they are called."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.errors import DomainError
from stats.placing import Evidence, Lattice, Placed, place, weigh

SIZES = (6, 5, 7)
CODES = np.stack([grid.ravel() for grid in np.indices(SIZES)], axis=1)
Pairs = tuple[tuple[int, int], ...]


def raised(
    truth: dict[Pairs, float], *, leaf_mean: float = 8.0, seed: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    mean = leaf_mean * random.gamma(4.0, 0.25, len(CODES))
    actual = mean.copy()
    for pairs, ratio in truth.items():
        inside = np.all([CODES[:, dim] == code for dim, code in pairs], axis=0) if pairs else slice(None)
        actual[inside] *= ratio
    return random.poisson(actual).astype(float), mean


def named(found: tuple[Placed, ...]) -> set[Pairs]:
    return {one.pairs for one in found}


@pytest.mark.parametrize(
    "truth",
    [
        {(): 1.3},
        {((1, 2),): 1.6},
        {((0, 1), (2, 3)): 2.5},
        {((0, 1), (1, 4), (2, 3)): 6.0},
        {((0, 1),): 1.8, ((1, 2), (2, 5)): 3.0},
        {((0, 1), (1, 0)): 2.5, ((0, 1), (1, 3)): 2.5, ((2, 6),): 1.7},
    ],
)
def test_exactly_the_raised_slices_are_named(truth: dict[Pairs, float]) -> None:
    found = place(Lattice(CODES), Evidence(*raised(truth)))
    assert named(found) == truth.keys()
    assert all(abs(one.ratio / truth[one.pairs] - 1) < 0.25 for one in found)
    assert [one.gain for one in found] == sorted((one.gain for one in found), reverse=True)


def test_nothing_is_named_where_nothing_is_raised() -> None:
    lattice = Lattice(CODES)
    assert sum(bool(place(lattice, Evidence(*raised({}, seed=seed)))) for seed in range(100)) <= 3


def test_a_rise_within_the_forecasts_error_is_no_slice() -> None:
    count, mean = raised({((0, 2),): 1.25})
    assert named(place(Lattice(CODES), Evidence(count, mean))) == {((0, 2),)}
    assert place(Lattice(CODES), Evidence(count, mean, spread2=0.15**2)) == ()


def test_over_dispersed_counts_need_more() -> None:
    count, mean = raised({((0, 2), (1, 1)): 1.6})
    assert place(Lattice(CODES), Evidence(count, mean)) != ()
    assert place(Lattice(CODES), Evidence(count, mean, dispersion=4.0)) == ()


@pytest.mark.parametrize("seed", range(3))
def test_order_of_leaves_and_names_change_nothing(seed: int) -> None:
    truth: dict[Pairs, float] = {((0, 1),): 1.8, ((1, 2), (2, 5)): 3.0}
    count, mean = raised(truth, seed=seed)
    order = np.random.default_rng(seed).permutation(len(CODES))
    assert named(place(Lattice(CODES[order]), Evidence(count[order], mean[order]))) == named(
        place(Lattice(CODES), Evidence(count, mean))
    )
    renamed = np.array([4, 2, 0, 5, 1, 3])
    other = CODES.copy()
    other[:, 0] = renamed[CODES[:, 0]]
    expected = {
        tuple((dim, int(renamed[code]) if dim == 0 else code) for dim, code in pairs)
        for pairs in named(place(Lattice(CODES), Evidence(count, mean)))
    }
    assert named(place(Lattice(other), Evidence(count, mean))) == expected


def test_an_empty_slice_changes_nothing() -> None:
    count, mean = raised({((0, 1), (2, 3)): 2.5})
    more = np.vstack([CODES, [[6, 0, 0]]])
    assert place(Lattice(more), Evidence(np.append(count, 0.0), np.append(mean, 0.0))) == place(
        Lattice(CODES), Evidence(count, mean)
    )


def test_missing_values_lie_in_no_slice_of_their_dimension() -> None:
    codes = CODES.copy()
    codes[CODES[:, 1] == 4, 1] = -1
    count, mean = raised({((1, 4),): 2.0})
    assert all((1, -1) not in one.pairs for one in place(Lattice(codes), Evidence(count, mean)))


def test_a_given_slice_is_fitted_and_not_named() -> None:
    count, mean = raised({((0, 1),): 1.8, ((1, 2), (2, 5)): 3.0})
    assert named(place(Lattice(CODES), Evidence(count, mean), given=[((0, 1),)])) == {((1, 2), (2, 5))}
    assert place(Lattice(CODES), Evidence(count, mean), given=[((0, 1),), ((1, 2), (2, 5)), ((0, 99),)]) == ()


def test_parts_of_a_rise_that_differ_a_little_are_not_slices_of_their_own() -> None:
    truth: dict[Pairs, float] = {(): 2.0, ((0, 1),): 1.3, ((1, 2),): 0.8}
    assert named(place(Lattice(CODES), Evidence(*raised(truth, leaf_mean=30.0)))) == {()}


def test_a_rise_of_what_is_hardly_known_is_not_sure() -> None:
    count, mean = raised({((0, 1), (2, 3)): 2.0})
    lattice = Lattice(CODES)
    assert named(place(lattice, Evidence(count, mean, worth=np.full(len(CODES), 50.0)))) == {((0, 1), (2, 3))}
    assert place(lattice, Evidence(count, mean, worth=np.full(len(CODES), 0.5))) == ()


def test_no_leaves_name_nothing() -> None:
    assert place(Lattice(np.zeros((0, 2), dtype=np.int64)), Evidence(np.zeros(0), np.zeros(0))) == ()


def test_the_true_slice_weighs_more_than_its_parent_or_its_part() -> None:
    evidence = Evidence(*raised({((0, 1), (2, 3)): 2.5}))
    true, parent, part = (
        weigh(Lattice(CODES), evidence, [pairs]) for pairs in (((0, 1), (2, 3)), ((0, 1),), ((0, 1), (1, 2), (2, 3)))
    )
    assert true > max(parent, part) + 3.0
    assert weigh(Lattice(CODES), evidence, []) == 0.0


def test_leaves_that_are_not_the_lattices_are_refused() -> None:
    with pytest.raises(DomainError, match="one per leaf, 210"):
        place(Lattice(CODES), Evidence(np.zeros(3), np.zeros(3)))


def test_negative_counts_are_refused() -> None:
    with pytest.raises(DomainError, match="0 or more"):
        place(Lattice(CODES), Evidence(np.full(210, -1.0), np.ones(210)))


def test_codes_without_dimensions_are_refused() -> None:
    with pytest.raises(DomainError, match="one row per leaf"):
        Lattice(np.zeros(3, dtype=np.int64))
