"""The detector of daily and weekly series: what it promises, by seeded rates and properties."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.dated import DatedDetector
from stats.errors import DomainError
from stats.flat import Verdict

Floats = NDArray[np.float64]
MONDAY = 19_723


def _verdicts(
    counts: Floats, *, step_d: int = 1, budget: float = 1.0, holidays: frozenset[int] = frozenset()
) -> list[Verdict]:
    detector = DatedDetector(series=len(counts), step_d=step_d, budget_per_week=budget, holidays=holidays)
    return [detector.push(MONDAY + at * step_d, counts[:, at]) for at in range(counts.shape[1])]


def _quiet(series: int, steps: int, *, mean: float = 20.0, seed: int = 1) -> Floats:
    random = np.random.default_rng(seed)
    return random.poisson(random.gamma(mean / 0.5, 0.5, (series, steps))).astype(np.float64)


def test_later_steps_change_no_verdict() -> None:
    counts = _quiet(3, 80)
    counts[1, 60:64] *= 3
    whole, prefix = _verdicts(counts), _verdicts(counts[:, :63])
    for one, other in zip(whole, prefix, strict=False):
        for name in Verdict._fields:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_order_of_series_does_not_matter() -> None:
    counts = _quiet(4, 70)
    counts[2, 50:55] += 25
    turned = [3, 1, 0, 2]
    for one, other in zip(_verdicts(counts), _verdicts(counts[turned]), strict=True):
        np.testing.assert_allclose(one.surprise[turned], other.surprise, rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(one.spike[turned] >= 0, other.spike >= 0)


def test_an_empty_series_changes_nothing() -> None:
    counts = _quiet(2, 70)
    counts[0, 50:52] += 30
    widened = np.vstack([counts, np.zeros((1, 70))])
    for one, other in zip(_verdicts(counts), _verdicts(widened), strict=True):
        np.testing.assert_allclose(one.surprise, other.surprise[:2], rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(one.spike, other.spike[:2])


@pytest.mark.parametrize("step_d", [1, 7])
def test_more_contacts_never_surprise_less(step_d: int) -> None:
    base = _quiet(1, 60, mean=6.0)
    counts = np.tile(base, (1, 1))
    before = -1.0
    for extra in (0, 1, 2, 4, 8, 16, 64, 500, 20_000):
        counts[0, -1] = base[0, -1] + extra
        surprise = float(_verdicts(counts, step_d=step_d)[-1].surprise[0])
        assert surprise >= before - 1e-9
        before = surprise
    assert before > 20


def test_an_outbreak_is_found_once_and_teaches_nothing() -> None:
    counts = _quiet(10, 150)
    counts[4, 100:108] += 40
    told = _verdicts(counts)
    numbers = {int(one.spike[4]) for one in told[99:112] if one.spike[4] >= 0}
    assert len(numbers) == 1
    assert all(one.spike[4] >= 0 for one in told[101:107])
    assert abs(told[125].expected[4] / 20 - 1) < 0.15


def test_a_level_that_stays_is_learnt() -> None:
    counts = _quiet(5, 260)
    counts[0, 100:] = np.round(counts[0, 100:] * 2)
    told = _verdicts(counts)
    assert all(one.spike[0] >= 0 for one in told[104:112])
    assert abs(told[-1].expected[0] / 40 - 1) < 0.15
    assert all(one.spike[0] < 0 for one in told[-40:])


def test_gaps_are_neither_spike_nor_drop() -> None:
    counts = _quiet(5, 140)
    counts[:, 80:95] = np.nan
    told = _verdicts(counts, budget=0.05)
    assert all((one.spike < 0).all() for one in told[60:])
    assert not any(one.mismeasured.any() for one in told)
    assert all((one.surprise == 0).all() for one in told[80:95])


def test_weekdays_and_holidays_are_expected() -> None:
    random = np.random.default_rng(3)
    day = np.arange(420)
    holidays = frozenset(int(MONDAY + one) for one in range(20, 420, 45))
    mean = 40.0 * np.where(day % 7 >= 5, 0.3, 1.0) * np.where(np.isin(MONDAY + day, list(holidays)), 2.0, 1.0)
    counts = random.poisson(np.tile(mean, (4, 1))).astype(np.float64)
    last = _verdicts(counts, budget=0.05, holidays=holidays)
    expected = np.array([one.expected for one in last])
    np.testing.assert_allclose(expected[-60:].mean(axis=1) / mean[-60:], 1.0, atol=0.2)
    assert not any((one.spike >= 0).any() for one in last[150:])


@pytest.mark.parametrize(("step_d", "learnt", "judged"), [(7, 104, 104), (1, 120, 140)])
def test_the_budget_is_kept_on_quiet_streams(step_d: int, learnt: int, judged: int) -> None:
    counts = _quiet(60, learnt + judged, mean=8.0, seed=step_d)
    budget = 2.0
    begun = {
        (row, int(one.spike[row]))
        for one in _verdicts(counts, step_d=step_d, budget=budget)[learnt:]
        for row in np.flatnonzero(one.spike >= 0)
    }
    allowed = budget * judged * step_d / 7
    assert 0.4 * allowed < len(begun) < 1.3 * allowed


def test_over_dispersed_series_of_all_volumes_keep_the_budget_from_the_first_weeks() -> None:
    random = np.random.default_rng(11)
    mean = np.geomspace(0.05, 5_000, 80)[:, None] * np.ones((80, 110))
    counts = random.poisson(random.gamma(mean / 9.0) * 9.0).astype(np.float64)
    told = _verdicts(counts, budget=2.0)
    begun = {(row, int(one.spike[row])) for one in told for row in np.flatnonzero(one.spike >= 0)}
    assert len(begun) < 1.3 * 2.0 * 110 / 7


def test_the_range_holds_what_it_says() -> None:
    counts = _quiet(40, 160, mean=15.0)
    told = _verdicts(counts)[80:]
    inside = [(one.lower <= counts[:, at]) & (counts[:, at] <= one.upper) for at, one in enumerate(told, 80)]
    assert 0.93 < float(np.mean(inside)) < 0.985


def test_nothing_is_claimed_at_the_start() -> None:
    counts = _quiet(3, 20)
    counts[0, 5] = 500
    assert all((one.spike < 0).all() for one in _verdicts(counts))


def test_a_silent_feed_is_hinted_at() -> None:
    counts = _quiet(2, 90, mean=60.0)
    counts[1, -1] = 0
    assert _verdicts(counts)[-1].mismeasured.tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "given"),
    [("series", {"series": 0}), ("step_d", {"step_d": 0}), ("budget_per_week", {"budget_per_week": 0.0})],
)
def test_settings_out_of_range_are_refused(name: str, given: dict[str, float]) -> None:
    with pytest.raises(DomainError, match=f"{name} was 0"):
        DatedDetector(**{"series": 1, "step_d": 1, "budget_per_week": 1.0, **given})  # type: ignore[arg-type]


def test_steps_must_go_on_and_counts_must_fit() -> None:
    detector = DatedDetector(series=2, step_d=1, budget_per_week=1.0)
    detector.push(MONDAY, np.array([1.0, 2.0]))
    with pytest.raises(DomainError, match="allowed is a day after 19723"):
        detector.push(MONDAY, np.array([1.0, 2.0]))
    with pytest.raises(DomainError, match=r"counts was \(1,\)"):
        detector.push(MONDAY + 1, np.array([1.0]))
