"""Which closed spike a new alarm goes on, and which it does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.buckets import buckets_of
from schemas.spike import Spike
from schemas.workspace import Workspace
from streams.detect.again import give_back
from streams.detect.detector import Detector
from streams.detect.settings import DetectSettings

START = datetime(2024, 1, 1, tzinfo=UTC)
DIMENSIONS: tuple[Literal["platform", "topic"], ...] = ("platform", "topic")
LEAVES = tuple((platform, topic) for platform in ("ios", "web") for topic in ("bill", "login", "order"))
BUCKET_S = 300
CREEP_D, CREEP_H = 8, 60
AGAIN_H = CREEP_D * 24 + CREEP_H + 12


def judged(mean: NDArray[np.float64], bucket_s: int) -> Iterator[tuple[Detector, tuple[Spike, ...]]]:
    """A detector over Poisson counts of these means per bucket and leaf, and what it told of each bucket."""
    settings = DetectSettings(shares=(("contacts", 1.0), ("low_scores", 1.0)))
    workspace = Workspace(name="acme", bucket_s=bucket_s, dimensions=DIMENSIONS, budget_per_week=0.2)
    detector = Detector(workspace, "contacts", settings)
    counts = np.random.default_rng(1).poisson(mean)
    for bucket in buckets_of(counts, LEAVES, dimensions=DIMENSIONS, start=START, bucket_s=bucket_s):
        yield detector, detector.judge(bucket).spikes


def onsets_h(times: float, again: float, again_h: float, *, per_hour: float) -> list[float]:
    """When spikes began where a leaf runs ``times`` its level for 60 hours, and ``again`` times twelve hours later."""
    hours = np.arange((AGAIN_H + 15) * 3_600 // BUCKET_S) * BUCKET_S / 3_600
    mean = np.full((len(hours), len(LEAVES)), per_hour * BUCKET_S / 3_600)
    mean[(hours >= CREEP_D * 24) & (hours < CREEP_D * 24 + CREEP_H), 0] *= times
    mean[(hours >= AGAIN_H) & (hours < AGAIN_H + again_h), 0] *= again
    found: dict[str, float] = {}
    for _, told in judged(mean, BUCKET_S):
        for spike in told:
            found.setdefault(spike.spike_id, (spike.onset - START) / timedelta(hours=1))
    return list(found.values())


def test_a_burst_soon_after_a_creep_is_a_spike_of_its_own() -> None:
    creep, burst = onsets_h(1.4, 3.0, 1.0, per_hour=40.0)
    assert creep == pytest.approx(CREEP_D * 24, abs=6)
    assert burst == pytest.approx(AGAIN_H, abs=0.5)


def test_a_creep_that_comes_back_within_a_day_is_the_same_spike() -> None:
    (creep,) = onsets_h(2.0, 2.0, 12.0, per_hour=12.0)
    assert creep == pytest.approx(CREEP_D * 24, abs=3)


def last_of(mean: NDArray[np.float64]) -> list[Spike]:
    """The last revision of every spike in hour buckets, merged ones left out."""
    last = {spike.spike_id: spike for _, told in judged(mean, 3_600) for spike in told}
    return [spike for spike in last.values() if spike.state != "merged"]


def test_bursts_inside_a_mild_creep_are_spikes_of_their_own() -> None:
    mean = np.full((26 * 24, len(LEAVES)), 20.0)
    mean[20 * 24 :] *= 1.3
    mean[23 * 24 + 10 : 23 * 24 + 15, 0] *= 3.0
    mean[24 * 24 + 10 : 24 * 24 + 15, 5] *= 3.0
    creep, *bursts = sorted(last_of(mean), key=lambda one: one.onset)
    assert creep.slice == {}
    assert creep.state == "open"
    assert [one.slice for one in bursts] == [
        {"platform": "ios", "topic": "bill"},
        {"platform": "web", "topic": "order"},
    ]
    for burst, day in zip(bursts, (23, 24), strict=True):
        assert abs(burst.onset - (START + timedelta(days=day, hours=10))) <= timedelta(hours=1)
        assert burst.expected == pytest.approx(5 * 20.0 * 1.3, rel=0.25)


def test_parts_of_a_creep_that_differ_are_no_bursts() -> None:
    mean = np.full((28 * 24, len(LEAVES)), 20.0)
    mean[20 * 24 :] *= np.array([1.2, 1.3, 1.4, 1.5, 1.3, 1.4])
    (creep,) = last_of(mean)
    assert creep.slice == {}


def test_a_spike_that_moves_to_where_another_has_closed_goes_on_as_that_one() -> None:
    mean = np.full((24 * 24, len(LEAVES)), 20.0)
    mean[20 * 24 : 20 * 24 + 12, 0] *= 3.0
    whole = judged(mean, 3_600)
    known = next(detector.known for detector, told in whole if any(spike.state == "closed" for spike in told))
    (old,) = known.episodes
    assert old.end_s is not None
    ended_s = old.end_s
    moved = replace(old, name="moved", state="open", onset_s=ended_s - 4 * 3_600, end_s=None, revision=1)
    known.episodes.append(moved)
    merged, again = give_back(known, moved)
    assert (merged.spike_id, merged.state, merged.merged_into) == ("moved", "merged", old.name)
    assert (again.spike_id, again.state, again.revision) == (old.name, "open", old.revision)
    assert old.since_s == ended_s
    begin, now = (round(at_s - START.timestamp()) // 3_600 for at_s in (old.onset_s, known.now_s))
    assert again.observed == np.random.default_rng(1).poisson(mean)[begin:now, 0].sum()
