"""Spikes lie where their excess is: three dimensions deep, beside each other, whatever their values are called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.buckets import buckets_of
from schemas.spike import Spike
from schemas.workspace import Dimension, Workspace
from streams.detect.detector import Detector
from streams.detect.settings import DetectSettings

START = datetime(2024, 3, 4, tzinfo=UTC)
DIMENSIONS: tuple[Dimension, ...] = ("language", "platform", "topic")
LEAVES = tuple(product(("de", "en", "fr"), ("android", "ios", "web"), ("bill", "login", "order", "refund")))
HOURS, BEGIN = 24 * 24, 24 * 20 + 10
Where = dict[str, str]


def counts(raised: list[tuple[Where, float]], seed: int = 1) -> NDArray[np.int64]:
    """Contacts per hour and leaf; every raised slice is its factor times as many for twelve hours."""
    random = np.random.default_rng(seed)
    at = np.arange(HOURS)
    shape = np.exp(0.6 * np.sin((at % 24 - 9) / 24 * 2 * np.pi))
    mean = 60.0 * shape[:, None] * random.dirichlet(np.full(len(LEAVES), 6.0))
    for where, factor in raised:
        inside = [dict(zip(DIMENSIONS, leaf, strict=True)).items() >= where.items() for leaf in LEAVES]
        mean[BEGIN : BEGIN + 12, inside] *= factor
    return random.poisson(mean)


def found(some: NDArray[np.int64], leaves: tuple[tuple[str, ...], ...] = LEAVES) -> list[Spike]:
    """The last revisions of the spikes told since the raise, merged ones left out."""
    workspace = Workspace(name="acme", bucket_s=3600, dimensions=DIMENSIONS, budget_per_week=0.2)
    detector = Detector(workspace, "contacts", DetectSettings())
    last: dict[str, Spike] = {}
    for hour, bucket in enumerate(buckets_of(some, leaves, dimensions=DIMENSIONS, start=START, bucket_s=3_600)):
        for spike in detector.judge(bucket).spikes:
            if hour >= BEGIN:
                last[spike.spike_id] = spike
    return [spike for spike in last.values() if spike.state != "merged"]


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"topic": "login"},
        {"platform": "ios", "topic": "login"},
        {"language": "de", "platform": "ios", "topic": "bill"},
    ],
)
def test_a_spike_is_told_once_at_its_slice(where: Where) -> None:
    (spike,) = found(counts([(where, 1.6 if not where else 1.5 + 2.0 * len(where))]))
    assert spike.slice == where
    assert spike.excess_low <= spike.excess <= spike.excess_high
    assert abs(spike.onset - (START + timedelta(hours=BEGIN))) <= timedelta(hours=2)


def test_two_spikes_of_a_moment_are_kept_apart() -> None:
    spikes = found(counts([({"platform": "ios"}, 2.5), ({"topic": "bill"}, 3.0)]))
    assert sorted(str(spike.slice) for spike in spikes) == ["{'platform': 'ios'}", "{'topic': 'bill'}"]


def test_renaming_values_changes_nothing_but_names() -> None:
    some = counts([({"platform": "ios", "topic": "login"}, 5.0)])
    names = {value: f"{9 - place}{value}" for place, value in enumerate(sorted({v for leaf in LEAVES for v in leaf}))}
    renamed = found(some, tuple(tuple(names[value] for value in leaf) for leaf in LEAVES))
    plain = found(some)
    assert [spike.slice for spike in renamed] == [{k: names[v] for k, v in spike.slice.items()} for spike in plain]
    for one, other in zip(renamed, plain, strict=True):
        assert (one.onset, one.end, one.opened_at, one.observed) == (
            other.onset,
            other.end,
            other.opened_at,
            other.observed,
        )
        assert one.excess == pytest.approx(other.excess, rel=1e-6)


def test_a_leaf_that_is_never_seen_changes_nothing() -> None:
    some = counts([({"platform": "ios", "topic": "login"}, 5.0)])
    more = np.hstack([some, np.zeros((HOURS, 1), dtype=np.int64)])
    assert found(more, (*LEAVES, ("de", "tv", "bill"))) == found(some)


def test_a_burst_beside_a_long_open_spike_on_a_slice_of_it_is_found() -> None:
    """Eleven hours into a slice's rise everything doubles for two hours: the slice's rise does not hide it."""
    some = counts([({"topic": "bill"}, 3.0)])
    random = np.random.default_rng(7)
    begin = BEGIN + 8
    some[begin : begin + 3] += random.poisson(some[begin : begin + 3] * 0.9)
    wide = [spike for spike in found(some) if len(spike.slice) == 0]
    assert len(wide) == 1
    assert abs((wide[0].onset - START) / timedelta(hours=1) - begin) <= 1
    assert wide[0].excess > 0.6 * 3 * 60


def test_a_faint_burst_is_found_although_its_slices_rarest_window_is_another_spikes() -> None:
    some = counts([({"topic": "bill"}, 3.0)])
    begin = BEGIN + 8
    some[begin : begin + 3] += np.random.default_rng(8).poisson(some[begin : begin + 3] * 0.5)
    (wide,) = (spike for spike in found(some) if len(spike.slice) == 0)
    assert abs((wide.onset - START) / timedelta(hours=1) - begin) <= 1


def test_a_spike_beyond_all_chance_has_a_surprise_that_can_be_written() -> None:
    some = counts([])
    some[BEGIN : BEGIN + 3] *= 400
    (spike,) = found(some)
    assert 900 < spike.surprise < 1_000
