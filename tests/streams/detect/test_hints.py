"""What is no customers' doing is said on the spike; what is theirs is not taken for a lie."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from benchmarks.buckets import buckets_of
from benchmarks.lies import DIMENSIONS, LEAVES, START, told
from schemas.frame import Signs
from schemas.spike import Hint, Spike
from schemas.workspace import Workspace
from streams.detect.detector import Detector
from streams.detect.hints import hints_of
from streams.detect.settings import DetectSettings


@cache
def spikes(lie: str, seed: int) -> tuple[Spike, ...]:
    """The last revision of every spike that was opened after the lie began."""
    return judged(lie, seed)[1]


def judged(lie: str, seed: int) -> tuple[Detector, tuple[Spike, ...]]:
    """The detector after a story, with those spikes."""
    story = told(lie, seed)
    workspace = Workspace(name="lies", bucket_s=story.bucket_s, dimensions=DIMENSIONS, budget_per_week=0.2)
    detector = Detector(workspace, "contacts", DetectSettings())
    width = timedelta(seconds=story.bucket_s)
    signs = [Signs(top_customer=max(int(single.max()), 1)) for single in story.single]
    last: dict[str, Spike] = {}
    for bucket in buckets_of(
        story.counts, LEAVES, dimensions=DIMENSIONS, start=START, bucket_s=story.bucket_s, signs=signs
    ):
        last |= {spike.spike_id: spike for spike in detector.judge(bucket).spikes}
    begin = START + (story.begin - 1) * width
    return detector, tuple(spike for spike in last.values() if spike.opened_at > begin and spike.state != "merged")


@pytest.mark.parametrize(
    ("lie", "kind"),
    [("doubled", "doubled"), ("clock behind", "clock"), ("renamed", "refiled"), ("one customer", "one_customer")],
)
def test_a_lie_is_hinted_at(lie: str, kind: str) -> None:
    found = spikes(lie, 0)
    assert found
    assert any(hint.kind == kind and hint.share > 0.4 for spike in found for hint in spike.hints)


@pytest.mark.parametrize("lie", ["gap of two hours", "gap of ten days"])
def test_a_gap_is_no_spike(lie: str) -> None:
    assert spikes(lie, 0) == ()


@pytest.mark.parametrize("lie", ["true everywhere", "true slice"])
def test_a_true_spike_is_hinted_at_by_nothing(lie: str) -> None:
    found = spikes(lie, 0)
    assert found
    assert [spike.hints for spike in found] == [()] * len(found)


def test_the_heaviest_hint_comes_first() -> None:
    for lie in ("doubled", "renamed", "one customer"):
        for spike in spikes(lie, 0):
            assert list(spike.hints) == sorted(spike.hints, key=lambda one: (-one.share, one.kind))


def test_a_moved_clock_explains_nothing_of_a_spike_over_whole_days() -> None:
    detector, (spike,) = judged("true everywhere", 0)
    (episode,) = (one for one in detector.known.episodes if one.name == spike.spike_id)
    episode.hints = (Hint(kind="clock", share=0.9, seen=1.0),)
    assert all(hint.kind != "clock" or hint.share < 0.2 for hint in hints_of(detector.known, episode))


@pytest.mark.parametrize(
    ("rise", "doubled", "least", "most"), [(1.5, 6, 0.4, 0.8), (1.5, 0, 0.0, 0.0), (1.0, 6, 0.8, 1.0)]
)
def test_a_feed_doubled_within_a_spike_explains_its_part_of_it(
    rise: float, doubled: int, least: float, most: float
) -> None:
    hours, begin = 22 * 24, 20 * 24 + 8
    mean = np.full((hours, len(LEAVES)), 3.0)
    mean[begin : begin + 14] *= rise
    counts = np.random.default_rng(3).poisson(mean)
    counts[begin + 8 : begin + 8 + doubled] *= 2
    workspace = Workspace(name="lies", bucket_s=3_600, dimensions=DIMENSIONS, budget_per_week=0.2)
    detector = Detector(workspace, "contacts", DetectSettings())
    last: dict[str, Spike] = {}
    for bucket in buckets_of(counts, LEAVES, dimensions=DIMENSIONS, start=START, bucket_s=3_600):
        last |= {spike.spike_id: spike for spike in detector.judge(bucket).spikes}
    (spike,) = (one for one in last.values() if one.state != "merged" and not one.slice)
    share = sum(hint.share for hint in spike.hints if hint.kind == "doubled")
    assert least <= share <= most
