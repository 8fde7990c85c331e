"""Tails against exact values and simulation; clump rates against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from stats.errors import DomainError
from stats.spikes import at_least, by_factors, clump_rate, overshoot, tail_chance


def array(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize(("count", "mean"), [(0.0, 1.0), (3.0, 0.1), (9.0, 3.0), (150.0, 100.0)])
def test_poisson_tail_is_exact(count: float, mean: float) -> None:
    found = at_least(array(count), mean=array(mean), variance=array(mean))
    assert found[0] == pytest.approx(reference.poisson.sf(count - 1, mean), rel=1e-9)


@pytest.mark.parametrize(("count", "mean", "variance"), [(3.0, 0.1, 0.15), (9.0, 3.0, 6.0), (200.0, 100.0, 400.0)])
def test_negative_binomial_tail_is_exact(count: float, mean: float, variance: float) -> None:
    size = mean**2 / (variance - mean)
    found = at_least(array(count), mean=array(mean), variance=array(variance))
    assert found[0] == pytest.approx(reference.nbinom.sf(count - 1, size, size / (size + mean)), rel=1e-9)


@given(st.integers(0, 300), st.floats(0.01, 200.0), st.floats(1.0, 5.0))
def test_more_contacts_are_never_less_surprising(count: int, mean: float, dispersion: float) -> None:
    both = tail_chance(array(count, count + 1), mean=array(mean, mean), variance=array(mean, mean) * dispersion)
    assert both[1] <= both[0]


@given(st.integers(0, 60), st.floats(0.01, 30.0))
def test_tail_chance_lies_between_strict_and_weak_tail(count: int, mean: float) -> None:
    chance = tail_chance(array(count), mean=array(mean), variance=array(mean))
    weak, strict = at_least(array(count, count + 1), mean=array(mean, mean), variance=array(mean, mean))
    assert strict * (1 - 1e-9) <= chance[0] <= weak * (1 + 1e-9)


def test_tail_chance_spends_the_threshold_over_lattices() -> None:
    means = np.geomspace(0.02, 0.5, 400)
    spent = []
    for mean in means:
        counts = np.arange(0.0, 30.0)
        chance = tail_chance(counts, mean=np.full(30, mean), variance=np.full(30, mean))
        spent.append(np.sum(reference.poisson.pmf(counts, mean)[chance <= 1e-3]))
    assert 0.8e-3 <= np.mean(spent) <= 1.25e-3


def test_mean_of_zero_is_refused_by_name() -> None:
    with pytest.raises(DomainError, match=r"^mean was 0\.0; allowed is a number above 0$"):
        at_least(array(1.0), mean=array(0.0), variance=array(1.0))


def test_negative_count_is_refused_by_name() -> None:
    with pytest.raises(DomainError, match=r"^count was -1\.0; allowed is 0 or more$"):
        at_least(array(-1.0), mean=array(1.0), variance=array(1.0))


def test_overshoot_correction_falls_from_one() -> None:
    falling = overshoot(np.array([0.0, 0.5, 1.0, 2.0, 4.0]))
    assert falling[0] == pytest.approx(1.0, abs=1e-5)
    assert np.all(np.diff(falling) < 0)
    assert falling[2] == pytest.approx(np.exp(-0.583), rel=0.03)


def test_clumps_of_one_step_are_as_frequent_as_the_chance_says() -> None:
    chance = np.array([1e-3, 1e-4, 1e-5])
    assert clump_rate(chance, np.array([1, 1, 1])) == pytest.approx(chance, rel=0.1)


@pytest.mark.parametrize("length", [3, 8, 24])
def test_clumps_of_sliding_windows_begin_as_often_as_stated(length: int) -> None:
    random = np.random.default_rng(length)
    steps = random.normal(size=4_000_000)
    sums = np.convolve(steps, np.ones(length), mode="valid") / np.sqrt(length)
    hits = np.flatnonzero(sums > 3.5)
    clumps = 1 + np.count_nonzero(np.diff(hits) > length)
    stated = clump_rate(np.array([reference.norm.sf(3.5)]), np.array([length]))[0] * len(sums)
    assert 0.8 <= clumps / stated <= 1.2


@pytest.mark.parametrize("mean", [1e4, 1.7e6, 1e8])
@pytest.mark.parametrize("ratio", [1.001, 1.5, 2.7])
def test_a_thick_window_is_no_poisson_s_however_small_its_relative_variance(mean: float, ratio: float) -> None:
    count = np.array([mean + 3.0 * np.sqrt(ratio * mean)])
    chance = at_least(count, mean=np.array([mean]), variance=np.array([ratio * mean]))
    assert reference.norm.isf(chance[0]) == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize(("mean", "cv", "z"), [(1e4, 0.05, 5.0), (1e6, 0.05, 5.0), (1e5, 0.1, 4.5), (300.0, 0.1, 5.0)])
def test_errors_by_factors_have_the_tail_of_a_log_normal(mean: float, cv: float, z: float) -> None:
    """Against the exact mixture: within a third, where the negative binomial is up to several times too low."""
    variance = mean + cv**2 * mean**2
    count = array(np.round(mean + z * variance**0.5))
    spread = np.log1p(cv**2) ** 0.5
    normal = np.linspace(-9, 9, 4001)
    weight = reference.norm.pdf(normal) * (normal[1] - normal[0])
    exact = float(weight @ reference.poisson.sf(count - 1, mean * np.exp(spread * normal - spread**2 / 2)))
    gamma = tail_chance(count, mean=array(mean), variance=array(variance))
    found = by_factors(gamma, mean=array(mean), variance=array(variance), spread2=array(cv**2))
    assert found[0] == pytest.approx(exact, rel=1 / 3)
    assert gamma[0] < found[0]


def test_without_errors_and_where_nothing_is_rare_the_tail_stays() -> None:
    chance = array(1e-9, 0.3)
    found = by_factors(chance, mean=array(50.0, 50.0), variance=array(60.0, 60.0), spread2=array(0.0, 0.2))
    assert found == pytest.approx(chance, rel=1e-6)
