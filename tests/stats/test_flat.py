from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stats.errors import DomainError
from stats.flat import FlatDetector, Verdict

Floats = NDArray[np.float64]
START_S = 1_704_067_200
HOUR_S = 3_600
WEEK_H = 168


def null_counts(series: int, weeks: int, *, level: float = 20.0, seed: int = 0) -> Floats:
    """Poisson counts with a daily and a weekly wave."""
    hours = np.arange(weeks * WEEK_H)
    usual = np.exp(0.5 * np.sin(hours % 24 / 24 * 2 * np.pi)) * np.where(hours // 24 % 7 >= 5, 0.6, 1.0)
    levels = level * np.linspace(0.5, 1.5, series)
    return np.random.default_rng(seed).poisson(usual[:, None] * levels).astype(np.float64)


def run(
    counts: Floats, *, budget: float = 1.0, holidays: frozenset[int] = frozenset()
) -> tuple[FlatDetector, list[Verdict]]:
    detector = FlatDetector(series=counts.shape[1], step_s=HOUR_S, budget_per_week=budget, holidays=holidays)
    return detector, [detector.push(START_S + step * HOUR_S, row) for step, row in enumerate(counts)]


@pytest.mark.parametrize(
    ("given_as", "message"),
    [
        ({"series": 0, "step_s": 60, "budget_per_week": 1.0}, "series was 0; allowed is 1 or more"),
        ({"series": 1, "step_s": 86_400, "budget_per_week": 1.0}, "step_s was 86400; allowed is 1 to below 86400"),
        ({"series": 1, "step_s": 60, "budget_per_week": 0.0}, "budget_per_week was 0.0; allowed is a number above 0"),
    ],
)
def test_what_cannot_be_watched_is_refused(given_as: dict[str, float], message: str) -> None:
    with pytest.raises(DomainError, match=f"^{message}$"):
        FlatDetector(**given_as)  # type: ignore[arg-type]


def test_a_step_that_is_not_later_is_refused() -> None:
    detector = FlatDetector(series=1, step_s=HOUR_S, budget_per_week=1.0)
    detector.push(START_S, np.ones(1))
    with pytest.raises(DomainError, match="start_s was 1704067200; allowed is 1704070800 or whole steps of 3600 later"):
        detector.push(START_S, np.ones(1))
    with pytest.raises(DomainError, match=r"counts was \(2,\); allowed is \(1,\)"):
        detector.push(START_S + HOUR_S, np.ones(2))


def test_a_burst_is_one_spike_of_its_series_and_over_when_it_is_over() -> None:
    counts = null_counts(4, 5)
    counts[700:706, 2] += 60.0
    _, verdicts = run(counts)
    spikes = np.array([verdict.spike for verdict in verdicts])
    assert set(spikes[:, [0, 1, 3]].ravel()) == {-1}
    assert len(set(spikes[:, 2]) - {-1}) == 1
    assert 700 <= int(np.flatnonzero(spikes[:, 2] >= 0)[0]) <= 702
    assert spikes[730, 2] == -1


def test_a_past_spike_does_not_raise_the_expectation() -> None:
    counts = null_counts(3, 6)
    usual = run(counts)[1][-1].expected
    counts[700:730, 1] *= 3.0
    assert run(counts)[1][-1].expected == pytest.approx(usual, rel=0.05)


def test_what_a_spike_had_taught_is_taken_back_hour_by_hour() -> None:
    counts = null_counts(3, 5, level=2_000.0)
    counts[:, 1] = np.round(counts[:, 1] * np.where(np.arange(len(counts)) % 24 < 12, 0.2, 1.8))
    counts[704:709, 1] = np.round(counts[704:709, 1] * 1.08)
    detector, verdicts = run(counts[:709])
    assert verdicts[-1].spike[1] >= 0
    quick, _, _, slow = detector.expecting.now.level[:4, 1]
    assert quick == pytest.approx(slow, rel=0.1)


def test_a_shift_that_stays_for_a_fortnight_is_the_new_level() -> None:
    counts = null_counts(3, 8)
    counts[600:, 1] *= 2.0
    verdicts = run(counts)[1]
    assert verdicts[600 + 48].spike[1] >= 0
    assert verdicts[600 + 48].expected[1] < 0.75 * counts[600:768, 1].mean()
    later = np.array([verdict.expected[1] for verdict in verdicts[-WEEK_H:]])
    assert later.mean() == pytest.approx(counts[-WEEK_H:, 1].mean(), rel=0.1)
    assert verdicts[-1].spike[1] == -1


@pytest.mark.parametrize("missing", [0.0, np.nan])
def test_a_collection_gap_is_a_hint_and_no_spike_afterwards(missing: float) -> None:
    counts = null_counts(3, 6)
    counts[700:760, 0] = missing
    verdicts = run(counts)[1]
    assert verdicts[755].mismeasured.tolist() == [True, False, False]
    assert all(verdict.spike[0] == -1 for verdict in verdicts)
    assert not verdicts[-1].mismeasured.any()


def offices(series: int, weeks: int, *, phi: float, seed: int = 0) -> Floats:
    """Nothing at night and at weekends, variance ``phi`` times the mean, thick."""
    hours = np.arange(weeks * WEEK_H)[:, None]
    mean = 300.0 * ((hours % 24 >= 9) & (hours % 24 < 18) & (hours // 24 % 7 < 5)) * np.ones(series)
    random = np.random.default_rng(seed)
    return random.poisson(random.gamma(mean / (phi - 1) + 1e-12) * (phi - 1)).astype(np.float64)


def test_the_dispersion_of_thick_offices_is_that_of_their_open_hours() -> None:
    detector, _ = run(offices(30, 5, phi=5.0))
    assert detector.coarse.dispersion.mean() == pytest.approx(5.0, rel=0.3)


def test_offices_whose_file_begins_before_the_weekend_keep_quiet_about_their_first_mondays() -> None:
    """A file that begins on a Thursday: its first Monday follows days never seen before, its second the first known weekend."""
    counts = np.roll(offices(10, 3, phi=5.0, seed=2), -3 * 24, axis=0)
    begin_s = START_S + 3 * 86_400
    detector = FlatDetector(series=10, step_s=HOUR_S, budget_per_week=1.0)
    verdicts = [detector.push(begin_s + step * HOUR_S, row) for step, row in enumerate(counts)]
    assert all((verdict.spike == -1).all() for verdict in verdicts)
    noons = np.array([verdicts[24 * day + 12].expected.mean() for day in (11, 18)])
    assert noons == pytest.approx(300.0, rel=0.2)


def test_what_follows_a_first_day_of_rest_is_learnt_whole() -> None:
    """Shut but for a twentieth on the second day: the third is far above all that was expected, and no outlier."""
    counts = null_counts(10, 5, level=2_000.0)
    counts[24 + np.arange(0, len(counts) - 24, 168)[:, None] + np.arange(24)] *= 0.05
    _, verdicts = run(np.round(counts))
    wednesday = slice(4 * WEEK_H + 2 * 24, 4 * WEEK_H + 3 * 24)
    expected = np.array([verdict.expected for verdict in verdicts[wednesday]])
    assert expected.sum() == pytest.approx(counts[wednesday].sum(), rel=0.02)


def test_who_shuts_every_sunday_is_shut_and_not_unheard() -> None:
    verdicts = run(offices(10, 5, phi=3.0, seed=1))[1]
    sundays = [[verdicts[week * WEEK_H + hour] for hour in range(6 * 24, WEEK_H)] for week in range(5)]
    assert sundays[0][-1].mismeasured.all()
    assert not any(verdict.mismeasured.any() for verdict in sundays[4])
    assert max(verdict.expected.max() for verdict in sundays[4]) < 1.0


def test_a_step_in_which_a_gap_is_noticed_teaches_no_lower_level() -> None:
    counts = null_counts(3, 5, level=200.0)
    counts[700:, 0] = 0.0
    before, _ = run(counts[:700])
    detector, verdicts = run(counts[:703])
    assert verdicts[700].mismeasured[0]
    assert detector.expecting.now.level[0, 0] == pytest.approx(before.expecting.now.level[0, 0], rel=0.01)


def test_a_told_holiday_is_no_drop_that_the_next_day_rises_from() -> None:
    counts = null_counts(3, 6, seed=1)
    counts[24 * 30 : 24 * 31] *= 0.6
    holidays = frozenset({START_S // 86_400 + 30})
    verdicts = run(np.round(counts), holidays=holidays)[1]
    assert all((verdict.spike == -1).all() for verdict in verdicts)


def test_steps_left_out_are_steps_not_collected() -> None:
    counts = null_counts(2, 4)
    counts[500:510] = np.nan
    _, told = run(counts)
    detector = FlatDetector(series=2, step_s=HOUR_S, budget_per_week=1.0)
    kept = [step for step in range(len(counts)) if not 500 <= step < 510]
    last = [detector.push(START_S + step * HOUR_S, counts[step]) for step in kept][-1]
    assert last.expected.tolist() == told[-1].expected.tolist()


@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 1000), cut=st.integers(1, 4 * WEEK_H - 1))
def test_what_comes_later_changes_no_verdict(seed: int, cut: int) -> None:
    counts = null_counts(3, 4, level=2.0, seed=seed)
    whole = run(counts, budget=50.0)[1]
    changed = counts.copy()
    changed[cut:] = 0.0
    for one, other in zip(whole[:cut], run(changed, budget=50.0)[1][:cut], strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)


@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 1000), order=st.permutations(range(4)))
def test_order_of_series_and_an_empty_one_change_nothing(seed: int, order: list[int]) -> None:
    counts = null_counts(4, 4, level=3.0, seed=seed)
    counts[500:504, 1] += 30.0
    plain = run(counts, budget=20.0)[1]
    moved = run(np.column_stack([counts[:, order], np.zeros(len(counts))]), budget=20.0)[1]
    for one, other in zip(plain, moved, strict=True):
        np.testing.assert_allclose(other.expected[:4], one.expected[order], rtol=1e-4)
        np.testing.assert_allclose(other.surprise[:4], one.surprise[order], rtol=1e-2, atol=0.05)
        np.testing.assert_array_equal(other.spike[:4] >= 0, one.spike[order] >= 0)


@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 1000), more=st.integers(1, 60))
def test_more_contacts_are_never_less_surprising(seed: int, more: int) -> None:
    counts = null_counts(3, 3, level=4.0, seed=seed)
    detector, _ = run(counts[:-1])
    other = copy.deepcopy(detector)
    at_s = START_S + (len(counts) - 1) * HOUR_S
    assert np.all(other.push(at_s, counts[-1] + more).surprise >= detector.push(at_s, counts[-1]).surprise)


@pytest.mark.slow
@pytest.mark.parametrize(("level", "seed"), [(0.05, 1), (2.0, 2), (50.0, 3)])
def test_false_spikes_are_within_the_budget_and_not_far_below(level: float, seed: int) -> None:
    detector = FlatDetector(series=300, step_s=HOUR_S, budget_per_week=5.0)
    counts = null_counts(300, 12, level=level, seed=seed)
    highest = [int(detector.push(START_S + step * HOUR_S, row).spike.max()) for step, row in enumerate(counts)]
    found = max(highest) - max(highest[: 6 * WEEK_H])
    assert 0.35 <= found / 30 <= 1.4


def test_minute_steps_find_a_burst_of_minutes() -> None:
    minutes = np.arange(6 * 1440)
    rate = 2.0 * np.exp(0.5 * np.sin(minutes % 1440 / 1440 * 2 * np.pi))
    counts = np.random.default_rng(5).poisson(rate[:, None], (len(minutes), 2)).astype(np.float64)
    counts[8000:8010, 0] += 6.0
    detector = FlatDetector(series=2, step_s=60, budget_per_week=1.0)
    spikes = np.array([detector.push(START_S + step * 60, row).spike for step, row in enumerate(counts)])
    assert 8000 < int(np.flatnonzero(spikes[:, 0] >= 0)[0]) < 8010
    assert set(spikes[:, 1]) == {-1}


def test_a_feed_that_comes_twice_and_a_drop_are_hinted_at() -> None:
    counts = null_counts(3, 5, level=200.0)
    counts[700:720, 0] *= 2.0
    counts[700:720, 1] = np.round(counts[700:720, 1] / 3)
    verdicts = run(counts)[1]
    assert verdicts[710].mismeasured.tolist() == [True, True, False]
    assert not verdicts[690].mismeasured.any()


def test_a_series_that_begins_late_is_not_judged_by_the_level_of_others() -> None:
    counts = null_counts(6, 5, level=2.0)
    counts[:, 3] = null_counts(1, 5, level=4_000.0)[:, 0]
    counts[:560, 3] = np.nan
    assert {int(verdict.spike[3]) for verdict in run(counts)[1]} == {-1}


def test_a_shape_bent_by_an_outbreak_of_the_first_days_is_not_raised_week_after_week() -> None:
    counts = null_counts(6, 8, level=100.0)
    counts[20:72, 2] = np.round(counts[20:72, 2] * 3.0)
    spikes = [int(verdict.spike[2]) for verdict in run(counts)[1]]
    assert set(spikes[4 * WEEK_H :]) == {-1}
