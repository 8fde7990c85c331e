"""What a change has cost: rates of false effects, coverage, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.impact_rates import HISTORY_D, Kind, judged
from stats.effect import effect
from stats.errors import DomainError

Floats = NDArray[np.float64]


def _counts(days: int = 98, mean: float = 50.0, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).poisson(mean, days).astype(float)


@pytest.mark.parametrize(
    "kind",
    [Kind(0.3, 0.0, 1.0), Kind(3.0, 0.02, 1.5), Kind(300.0, 0.02, 1.5), Kind(300.0, 0.04, 3.0, control=True)],
    ids=str,
)
def test_an_effect_is_seen_where_there_is_none_in_a_tenth_of_cases_at_most(kind: Kind) -> None:
    found = judged(kind, days=7, runs=60, seed=3, lift=0.0)
    false = sum(one.low > 0 or one.high < 0 for one, _ in found)
    assert false <= 12  # 60 at .10 give more than 12 once in a hundred
    assert sum(one.high - one.low for one, _ in found) > 0


def test_the_interval_holds_a_planted_effect() -> None:
    found = judged(Kind(30.0, 0.02, 1.5), days=14, runs=60, seed=4, lift=0.5)
    assert sum(one.low <= true <= one.high for one, true in found) >= 48
    assert sum(one.low > 0 for one, _ in found) >= 50


def test_a_control_that_wanders_along_narrows_the_interval() -> None:
    alone = judged(Kind(300.0, 0.04, 1.0), days=14, runs=20, seed=5, lift=0.0)
    beside = judged(Kind(300.0, 0.04, 1.0, control=True), days=14, runs=20, seed=5, lift=0.0)
    width = [np.median([one.high - one.low for one, _ in found]) for found in (alone, beside)]
    assert width[1] < 0.8 * width[0]
    assert np.median([one.control for one, _ in beside]) > 0.9


def test_a_control_of_mere_noise_is_left_aside() -> None:
    counts, rng = _counts(), np.random.default_rng(2)
    noise = rng.poisson(50 * np.exp(rng.normal(0, 0.5, len(counts)))).astype(float)
    assert effect(counts, start=HISTORY_D, control=noise).control < 0.05


def test_days_sum_to_the_whole() -> None:
    found = effect(_counts(), start=HISTORY_D)
    assert found.contacts == pytest.approx(float(np.sum(found.observed_by_day - found.expected_by_day)))
    assert found.expected == pytest.approx(float(np.sum(found.expected_by_day)))
    assert found.low < found.contacts < found.high


def test_a_gap_counts_for_nothing() -> None:
    counts = _counts()
    whole = effect(counts, start=HISTORY_D)
    counts[40:50] = np.nan
    counts[HISTORY_D + 2] = np.nan
    found = effect(counts, start=HISTORY_D)
    assert np.isnan(found.expected_by_day[2])
    assert found.expected == pytest.approx(13 / 14 * whole.expected, rel=0.05)
    assert found.low < 0 < found.high


def test_a_past_outbreak_does_not_raise_the_expectation() -> None:
    counts = _counts()
    calm = effect(counts, start=HISTORY_D).expected
    counts[60:63] *= 6
    assert effect(counts, start=HISTORY_D).expected == pytest.approx(calm, rel=0.08)


def test_more_contacts_after_the_start_never_lower_the_effect() -> None:
    counts = _counts()
    less = effect(counts, start=HISTORY_D)
    counts[-1] += 30
    more = effect(counts, start=HISTORY_D)
    assert more.contacts == pytest.approx(less.contacts + 30)
    assert more.low > less.low


@pytest.mark.parametrize(
    ("counts", "start", "control", "sentence"),
    [
        (_counts(20), 13, None, "start was 13; allowed is 14 days of history or more"),
        (_counts(20), 20, None, "start was 20; allowed is a day before the last, 19"),
        (-_counts(20) - 1, 15, None, "allowed is 0 or more"),
        (_counts(20), 15, _counts(19), "control was 19; allowed is as many days as counts, 20"),
    ],
)
def test_what_cannot_be_judged_is_refused(counts: Floats, start: int, control: Floats | None, sentence: str) -> None:
    with pytest.raises(DomainError, match=sentence):
        effect(counts, start=start, control=control)
