"""Limits from what was usual: what they let pass and what they do not."""

from __future__ import annotations

import numpy as np
import pytest

from sinks.quality.usual import longest_silence_s, share_limit, volume_limits, weights


@pytest.mark.parametrize("references", [[], [5], [5, 6]])
def test_too_few_references_allow_no_judgement(references: list[int]) -> None:
    assert volume_limits(references) is None
    assert longest_silence_s(references, 3600.0) is None


def test_a_stream_that_is_always_silent_is_never_called_stale() -> None:
    assert longest_silence_s([0, 0, 0], 3600.0) is None


@pytest.mark.parametrize(("mean", "dispersion"), [(3.0, 0.0), (40.0, 0.05), (4_000.0, 0.02)])
def test_false_alarms_on_quiet_streams_are_rarer_than_one_in_five_hundred(mean: float, dispersion: float) -> None:
    rng = np.random.default_rng(11)
    rates = mean * rng.gamma(1 / dispersion, dispersion, (4_000, 9)) if dispersion else np.full((4_000, 9), mean)
    drawn = rng.poisson(rates)
    limits = [volume_limits([int(one) for one in row[:8]]) for row in drawn]
    wrong = sum(not low <= row[8] <= high for row, (low, high) in zip(drawn, limits, strict=True))  # type: ignore[misc]
    assert wrong / len(drawn) <= 1 / 500, wrong


def test_a_collection_gap_at_a_usual_hundred_is_seen() -> None:
    limits = volume_limits([100, 90, 110, 95, 105])
    assert limits is not None
    assert limits[0] > 40


def test_three_times_the_usual_volume_is_detects_business_and_thirty_times_a_fault() -> None:
    limits = volume_limits([100] * 8)
    assert limits is not None
    assert 300 < limits[1] < 3_000


def test_few_contacts_widen_the_limit_of_a_share() -> None:
    assert share_limit(0.1, 10) > share_limit(0.1, 1_000) > 0.15
    assert share_limit(0.99, 10) == 1.0


def test_no_weight_is_zero() -> None:
    assert min(weights({"en": 1_000, "de": 0}).values()) > 0
    assert sum(weights({"en": 1_000, "de": 0, "fr": 3}).values()) == pytest.approx(1.0)
