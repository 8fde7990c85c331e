"""Time: lag shapes are densities, and uncertain dates spread them."""

from __future__ import annotations

import numpy as np
import pytest

from stats.errors import DomainError
from stats.timing import AT_SCALE, SEEN_AT, Piece, lag_density, onset_density, step_chances
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


STEPS = np.array([0.05, 0.3, 1.0])


def test_the_stronger_an_effect_the_earlier_the_step_that_dates_it() -> None:
    hours = np.array([12.0, 24.0, 24.0])
    first = [step_chances(STEPS, hours, deviations=strength)[0] for strength in (0.5, 5.0, 10.0, 20.0, 40.0)]
    assert first == sorted(first)
    assert first[0] < 0.05
    assert first[-1] > 0.8
    assert all(
        step_chances(STEPS, hours, deviations=strength).sum() == pytest.approx(1.0) for strength in (-1.0, 0.0, 9.0)
    )


def test_steps_to_come_date_nothing_but_by_the_audience_that_they_add() -> None:
    to_come = step_chances(STEPS, np.array([12.0, 0.0, 0.0]), deviations=100.0)
    assert to_come.tolist() == pytest.approx([0.81, 0.05, 0.14])
    weak = step_chances(STEPS, np.array([12.0, 0.0, 0.0]), deviations=-100.0)
    assert weak.tolist() == pytest.approx([0.05, 0.25, 0.7])


def test_an_effect_seen_in_proportion_is_dated_as_often_as_is_said() -> None:
    """Simulated: counts by the hour, the first step at which they pass the bar dates the effect."""
    rng = np.random.default_rng(5)
    usual, hours, deviations = 400.0, np.array([12, 24, 24]), 3.0
    excess = np.repeat(STEPS, hours) * deviations * np.sqrt(usual)
    dated = np.zeros(3)
    for _ in range(2_000):
        over = rng.poisson(usual + excess) - usual
        sums = [one.sum() / np.sqrt(usual * len(one)) for one in np.split(over, np.cumsum(hours)[:-1])]
        dated[next(step for step, rise in enumerate(sums) if rise > SEEN_AT)] += 1
    wanted = (1 - AT_SCALE) * dated / dated.sum() + AT_SCALE * np.diff(STEPS, prepend=0.0)
    assert step_chances(STEPS, hours.astype(float), deviations=deviations) == pytest.approx(wanted, abs=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: step_chances(np.array([0.5, 0.2]), np.ones(2), deviations=1.0),
            "shares was [0.5, 0.2]; allowed is rising from above 0",
        ),
        (
            lambda: step_chances(np.array([0.5]), np.array([-1.0]), deviations=1.0),
            "hours was [-1.0]; allowed is >= 0",
        ),
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
