"""Time: lag shapes are densities, and uncertain dates spread them."""

from __future__ import annotations

import numpy as np
import pytest

from stats.errors import DomainError
from stats.timing import Piece, lag_density, onset_density
from streams.attribute.kinds import HABITS

SHAPE = (Piece(0.6, 8.0), Piece(0.4, 48.0, True))


def density(**more: float) -> float:
    onset = {
        "onset_low_h": -0.5,
        "onset_h": 0.0,
        "onset_high_h": 0.5,
        "anchor_h": -2.0,
        "anchor_width_h": 0.0,
        "blur_h": 0.5,
    }
    return onset_density(pieces=SHAPE, **{**onset, **more})


@pytest.mark.parametrize("pieces", [SHAPE, *(habits.lags for habits in HABITS.values())])
def test_a_lag_shape_integrates_to_one(pieces: tuple[Piece, ...]) -> None:
    lags = np.arange(-100, 3_000, 0.01)
    assert lag_density(lags, pieces).sum() * 0.01 == pytest.approx(1.0, abs=5e-3)


def test_nothing_happens_before_the_change() -> None:
    assert lag_density(np.array([-0.01]), SHAPE)[0] == 0.0
    assert density(anchor_h=3.0) == 0.0


def test_an_onset_that_may_be_later_than_estimated_can_follow_a_change() -> None:
    assert 0 < density(anchor_h=1.5, onset_high_h=4.0) < density(anchor_h=-0.5)


def test_a_date_known_to_the_day_is_weaker_evidence_than_one_to_the_minute() -> None:
    assert density(anchor_h=-12.0, anchor_width_h=24.0) < density(anchor_h=-1.0)
    assert density(anchor_h=-12.0, anchor_width_h=24.0) > density(anchor_h=-12.0 - 48.0, anchor_width_h=24.0)


def test_later_onsets_are_less_likely() -> None:
    values = [density(anchor_h=-lag) for lag in (2.0, 10.0, 40.0, 100.0)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lag_density(np.zeros(1), (Piece(1.0, 0.0),)), "length_h was 0.0; allowed is > 0"),
        (lambda: lag_density(np.zeros(1), (Piece(-1.0, 1.0),)), "share was -1.0; allowed is >= 0"),
        (lambda: density(onset_low_h=1.0), "onset_h was 0.0; allowed is within its bounds 1.0 and 0.5"),
        (lambda: density(anchor_width_h=-1.0), "anchor_width_h was -1.0; allowed is >= 0"),
    ],
)
def test_bad_arguments_are_named(call: object, message: str) -> None:
    with pytest.raises(DomainError) as raised:
        call()  # type: ignore[operator]
    assert str(raised.value) == message
