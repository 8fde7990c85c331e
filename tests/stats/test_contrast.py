"""Inside against outside, and before the end against after it."""

from __future__ import annotations

import numpy as np
import pytest

from stats.contrast import scope_weight, stop_weight
from stats.errors import DomainError


def scope(inside: float, outside: float, usual: float = 100.0) -> float:
    return scope_weight(inside=inside, expected_inside=usual, outside=outside, expected_outside=usual)


def test_an_excess_only_inside_speaks_for_the_change() -> None:
    assert scope(200.0, 100.0) > 1.0


def test_an_excess_on_both_sides_speaks_against_it() -> None:
    assert scope(150.0, 150.0) < -0.5


def test_an_excess_only_outside_speaks_strongly_against_it() -> None:
    assert scope(100.0, 200.0) < -2.0


def test_a_tiny_excess_says_little() -> None:
    assert abs(scope(105.0, 101.0)) < 0.7


def test_no_excess_says_nothing() -> None:
    assert scope(90.0, 90.0) == 0.0


def test_a_noisy_outside_takes_nothing_from_an_inside_that_is_sure() -> None:
    noisy = scope_weight(inside=140.0, expected_inside=65.0, outside=1_900.0, expected_outside=2_000.0)
    assert noisy > 2.0


def test_a_small_place_speaks_more_than_one_that_holds_most_contacts() -> None:
    small = scope_weight(inside=60.0, expected_inside=10.0, outside=90.0, expected_outside=90.0)
    large = scope_weight(inside=200.0, expected_inside=90.0, outside=10.0, expected_outside=10.0)
    assert 0.0 < large < small - 1.0


def test_a_true_scope_is_seldom_spoken_against() -> None:
    rng = np.random.default_rng(4)
    weights = [scope(float(rng.poisson(160)), float(rng.poisson(100))) for _ in range(500)]
    assert np.mean(weights) > 0.3
    assert np.mean(np.array(weights) < -1) < 0.06


def test_a_true_bystander_is_seldom_spoken_for() -> None:
    rng = np.random.default_rng(5)
    weights = [scope(float(rng.poisson(140)), float(rng.poisson(140))) for _ in range(500)]
    assert np.mean(weights) < -0.3
    assert np.mean(np.array(weights) > 1) < 0.06


def stop(after: float) -> float:
    return stop_weight(
        before=160.0, expected_before=60.0, after=after, expected_after=60.0, hours_before=6.0, hours_after=6.0
    )


def test_an_excess_that_stops_with_the_change_speaks_for_it_and_one_that_goes_on_against() -> None:
    assert stop(62.0) == 0.3
    assert stop(160.0) < -1.0


def test_no_excess_before_the_end_says_nothing() -> None:
    assert stop_weight(before=50, expected_before=60, after=60, expected_after=60, hours_before=1, hours_after=1) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scope(1.0, 1.0, -1.0), "expected_inside was -1.0; allowed is >= 0"),
        (
            lambda: stop_weight(before=1, expected_before=1, after=1, expected_after=1, hours_before=0, hours_after=1),
            "hours_before was 0; allowed is > 0",
        ),
    ],
)
def test_bad_arguments_are_named(call: object, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        call()  # type: ignore[operator]
    assert str(raised.value) == message
