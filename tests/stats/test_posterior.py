"""Probabilities sum to one, intervals cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.errors import DomainError
from stats.posterior import cause_interval, posterior, sum_interval

SCORES = st.lists(st.floats(-30, 30), min_size=2, max_size=12)


@given(SCORES)
def test_probabilities_sum_to_one_keep_the_order_and_stay_below_the_ceiling(scores: list[float]) -> None:
    p = posterior(np.array(scores), temperature=1.5, ceiling=0.98)
    assert p.sum() == pytest.approx(1.0)
    assert p.max() <= 0.98 + 1e-12
    assert p[int(np.argmax(scores))] == p.max()


def test_a_higher_temperature_is_more_modest() -> None:
    scores = np.array([0.0, 3.0])
    assert posterior(scores, temperature=2.0, ceiling=0.98)[1] < posterior(scores, temperature=1.0, ceiling=0.98)[1]


def test_the_interval_of_a_sure_cause_is_that_of_the_spike() -> None:
    assert cause_interval(1.0, excess=100.0, low=80.0, high=130.0) == pytest.approx((80.0, 130.0))


def test_the_interval_of_an_unlikely_cause_reaches_zero() -> None:
    low, high = cause_interval(0.2, excess=100.0, low=80.0, high=130.0)
    assert low == 0.0
    assert 80.0 < high < 130.0


@pytest.mark.parametrize("sd", [20.0, 55.0])
@pytest.mark.parametrize("probability", [0.3, 0.7, 0.92, 0.98])
def test_the_interval_covers_nine_in_ten(probability: float, sd: float) -> None:
    rng = np.random.default_rng(6)
    whole = np.maximum(100 + sd * rng.standard_normal(20_000), 0.0)
    truth = np.where(rng.random(20_000) < probability, whole, 0.0)
    low, high = cause_interval(probability, excess=100.0, low=100 - 1.645 * sd, high=100 + 1.645 * sd)
    assert np.mean((truth >= low) & (truth <= high)) == pytest.approx(0.90, abs=0.01)


def test_nothing_is_due_to_a_cause_that_is_hardly_possible() -> None:
    assert cause_interval(0.08, excess=100.0, low=80.0, high=130.0) == (0.0, 0.0)


def test_errors_of_independent_spikes_add_in_squares() -> None:
    assert sum_interval([(10.0, 7.0, 13.0), (20.0, 16.0, 24.0)]) == (30.0, 25.0, 35.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: posterior(np.zeros(1), temperature=1.0, ceiling=0.9),
            "log_odds was 1; allowed is at least two causes",
        ),
        (lambda: posterior(np.zeros(2), temperature=0.0, ceiling=0.9), "temperature was 0.0; allowed is > 0"),
        (lambda: posterior(np.zeros(2), temperature=1.0, ceiling=1.0), "ceiling was 1.0; allowed is in [0.5, 1)"),
        (lambda: cause_interval(1.5, excess=1, low=0, high=2), "probability was 1.5; allowed is in [0, 1]"),
        (lambda: cause_interval(0.5, excess=3, low=0, high=2), "excess was 3; allowed is within its interval 0 to 2"),
    ],
)
def test_bad_arguments_are_named(call: object, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        call()  # type: ignore[operator]
    assert str(raised.value) == message
