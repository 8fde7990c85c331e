"""How large a spike is said to be: its interval holds what was added, also where it fades and closes before its tail ends."""

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
from streams.detect.detector import Detector
from streams.detect.settings import DetectSettings
from streams.detect.size import close

START = datetime(2024, 1, 1, tzinfo=UTC)
DIMENSIONS: tuple[Literal["platform"], ...] = ("platform",)
LEAVES = (("ios",), ("web",))
FIRST_H, EVERY_H, LASTS_H = 15 * 24, 96, 40


def judged(counts: NDArray[np.int64]) -> Iterator[tuple[Detector, list[Spike]]]:
    """A detector over hour buckets of both leaves, and what it told of each."""
    settings = DetectSettings(shares=(("contacts", 1.0), ("low_scores", 1.0)))
    workspace = Workspace(name="acme", bucket_s=3_600, dimensions=DIMENSIONS, budget_per_week=0.2)
    detector = Detector(workspace, "contacts", settings)
    for bucket in buckets_of(counts, LEAVES, dimensions=DIMENSIONS, start=START, bucket_s=3_600):
        yield detector, list(detector.judge(bucket).spikes)


def test_interval_of_excess_holds_what_spikes_that_fade_had_added() -> None:
    held = []
    for seed in range(2):
        random = np.random.default_rng(seed)
        counts = random.poisson(20.0, size=(60 * 24, 2))
        begins = range(FIRST_H, len(counts) - EVERY_H, EVERY_H)
        added = [random.poisson(15.0 * np.exp(-np.arange(LASTS_H) / 8.0)) for _ in begins]
        for begin, extra in zip(begins, added, strict=True):
            counts[begin : begin + LASTS_H, 0] += extra
        closed = {spike.spike_id: spike for _, told in judged(counts) for spike in told if spike.state == "closed"}
        for spike in closed.values():
            place = round((spike.onset - START) / timedelta(hours=1) - FIRST_H) / EVERY_H
            if abs(place - round(place)) < 0.1 and spike.slice == {"platform": "ios"}:
                total = float(added[round(place)].sum())
                held.append(spike.excess_low <= total <= spike.excess_high)
    assert len(held) >= 15
    assert 0.8 <= np.mean(held) <= 1.0


def test_what_may_lie_beyond_an_end_is_not_counted_twice_when_a_spike_comes_back() -> None:
    counts = np.random.default_rng(1).poisson(20.0, size=(20 * 24, 2))
    for begin in (FIRST_H, FIRST_H + 24):
        counts[begin : begin + 6, 0] += 40
    open_again, beyond = [], []
    for detector, _ in judged(counts):
        open_again += [one for one in detector.known.episodes if one.state == "open" and one.resumed_s is not None]
        beyond += [one.beyond for one in detector.known.episodes if one.state == "closed"]
        assert all(one.beyond == (0.0, 0.0) for one in detector.known.episodes if one.state == "open")
    assert open_again
    assert any(variance > 0.0 for _, variance in beyond)


@pytest.mark.parametrize(("level", "state"), [(1.05, "merged"), (0.5, "closed")])
def test_a_spike_of_which_an_open_one_leaves_nothing_was_that_one(level: float, state: str) -> None:
    """Everywhere rose too, but by what iOS added alone: told apart from it, it has fewer contacts than expected."""
    counts = np.random.default_rng(2).poisson(40.0, size=(FIRST_H + 12, 2))
    counts[FIRST_H:, 0] += 60
    *_, (detector, _) = judged(counts)
    known = detector.known
    (ios,) = (episode for episode in known.episodes if episode.state == "open")
    everywhere = replace(
        ios, name="wide", pairs=(), number=0, level=level * float(known.level.level[0]), covered=ios.covered.copy()
    )
    known.episodes.append(everywhere)
    told = close(known, everywhere)
    assert (told.state, told.merged_into) == (state, ios.name if state == "merged" else "")
