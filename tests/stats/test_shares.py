"""Rates and shares: coverage of the intervals, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from stats.errors import DomainError
from stats.shares import (
    Ratio,
    Spread,
    adoption_weight,
    foretold_ratio,
    learnt_share,
    rate_ratio,
    ratio_weight,
    share_spread,
)

FORETOLD = Ratio(3.0, 2.0, 4.0)


def test_the_interval_of_a_ratio_covers_nine_in_ten() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(2_000):
        seen, others = float(rng.poisson(30 * 2.5)), float(rng.poisson(200))
        ratio = rate_ratio(seen, others * 0.15, others, overdispersion=1.0)
        inside += ratio.low <= 2.5 <= ratio.high
    assert 0.88 <= inside / 2_000 <= 0.92


def test_writing_less_than_others_is_no_evidence_for_a_cause_however_little() -> None:
    weights = [ratio_weight(rate_ratio(seen, 200.0, 400.0), FORETOLD) for seen in (0.0, 2.0, 50.0, 200.0)]
    assert max(weights) < -0.8


def test_a_ratio_speaks_for_a_cause_as_far_as_its_excess_foretells_it() -> None:
    seen = rate_ratio(90.0, 50.0, 200.0)
    small, large = (foretold_ratio(Ratio(gained, 0.8 * gained, 1.2 * gained), 50.0) for gained in (40.0, 400.0))
    assert ratio_weight(seen, small) > 0.6
    assert ratio_weight(seen, large) < ratio_weight(seen, small) - 0.5


def test_a_bystanders_ratio_rarely_speaks_for_it() -> None:
    rng = np.random.default_rng(8)
    foretold = foretold_ratio(Ratio(60.0, 45.0, 75.0), 60.0)
    own = np.exp(0.2 * rng.standard_normal(3_000))
    weights = [ratio_weight(rate_ratio(float(rng.poisson(60 * one)), 60.0, 150.0), foretold) for one in own]
    assert np.mean(np.array(weights) > 1.0) < 0.03


def test_what_a_group_would_have_written_must_be_known() -> None:
    with pytest.raises(DomainError, match=r"expected was 0.0; allowed is > 0"):
        foretold_ratio(Ratio(1.0, 0.0, 2.0), 0.0)


def test_nothing_seen_is_evidence_against() -> None:
    assert ratio_weight(rate_ratio(0.0, 20.0, 200.0), FORETOLD) < -0.5


def test_a_share_as_earlier_versions_had_speaks_against_and_one_far_above_for_a_cause() -> None:
    usual = share_spread([(60, 100), (66, 100), (70, 100), (63, 100)])
    assert usual is not None
    weights = [adoption_weight(n, 120, usual, excess_share=0.5) for n in (70, 79, 100)]
    assert weights[0] < -0.7
    assert weights == sorted(weights)
    assert weights[2] > 1.0


def test_two_earlier_versions_are_the_least_to_compare_with() -> None:
    assert share_spread([(60, 100)]) is None
    assert share_spread([(60, 100), (1, 2)]) is None


def test_one_earlier_spike_moves_the_usual_share_little() -> None:
    pairs = [(60.0, 100.0), (61.0, 100.0), (62.0, 100.0), (95.0, 100.0)]
    usual = share_spread(pairs)
    assert usual is not None
    assert usual.mean == pytest.approx(0.615)


def test_few_observations_leave_a_stated_share_where_it_is() -> None:
    assert learnt_share(0.0, 0.0, stated=0.1, prior_n=40.0).value == pytest.approx(0.1)
    assert learnt_share(10.0, 10.0, stated=0.1, prior_n=40.0).value == pytest.approx(0.28)
    many = learnt_share(900.0, 1_000.0, stated=0.1, prior_n=40.0)
    assert many.low < many.value < many.high
    assert many.high - many.low < 0.05


def test_refusals() -> None:
    with pytest.raises(DomainError, match=r"expected was 0\.0; allowed is > 0"):
        rate_ratio(1.0, 0.0, 1.0)
    with pytest.raises(DomainError, match=r"others was 0\.0; allowed is > 0"):
        rate_ratio(1.0, 1.0, 0.0)
    with pytest.raises(DomainError, match=r"seen was -1\.0; allowed is >= 0"):
        rate_ratio(-1.0, 1.0, 1.0)
    with pytest.raises(DomainError, match="count was 6; allowed is in 0 to 5"):
        adoption_weight(6, 5, Spread(0.5, 0.1), excess_share=0.5)
    with pytest.raises(DomainError, match="excess_share"):
        adoption_weight(3, 5, Spread(0.5, 0.1), excess_share=1.5)
    with pytest.raises(DomainError, match="stated"):
        learnt_share(1.0, 2.0, stated=0.0, prior_n=1.0)
