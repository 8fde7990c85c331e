"""Which closed spike a new alarm goes on, and which it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pytest

from schemas.frame import Signs
from schemas.workspace import Workspace
from streams.detect.detector import Detector
from streams.detect.settings import DetectSettings
from streams.merge import Bucket

START = datetime(2024, 1, 1, tzinfo=UTC)
DIMENSIONS: tuple[Literal["platform", "topic"], ...] = ("platform", "topic")
LEAVES = tuple((platform, topic) for platform in ("ios", "web") for topic in ("bill", "login", "order"))
BUCKET_S = 300
CREEP_D, CREEP_H = 8, 60
AGAIN_H = CREEP_D * 24 + CREEP_H + 12


def onsets_h(times: float, again: float, again_h: float, *, per_hour: float) -> list[float]:
    """When spikes began where a leaf runs ``times`` its level for 60 hours, and ``again`` times twelve hours later."""
    settings = DetectSettings(shares=(("contacts", 1.0), ("low_scores", 1.0)))
    workspace = Workspace(name="acme", bucket_s=BUCKET_S, dimensions=DIMENSIONS, budget_per_week=0.2)
    detector = Detector(workspace, "contacts", settings)
    hours = np.arange((AGAIN_H + 15) * 3_600 // BUCKET_S) * BUCKET_S / 3_600
    mean = np.full((len(hours), len(LEAVES)), per_hour * BUCKET_S / 3_600)
    mean[(hours >= CREEP_D * 24) & (hours < CREEP_D * 24 + CREEP_H), 0] *= times
    mean[(hours >= AGAIN_H) & (hours < AGAIN_H + again_h), 0] *= again
    found: dict[str, float] = {}
    for hour, row in zip(hours.tolist(), np.random.default_rng(1).poisson(mean), strict=True):
        start = START + timedelta(hours=hour)
        bucket = Bucket(
            stream="contacts",
            start=start,
            end=start + timedelta(seconds=BUCKET_S),
            dimensions=DIMENSIONS,
            counts={leaf: int(many) for leaf, many in zip(LEAVES, row, strict=True) if many},
            samples=(),
            signs=Signs(),
        )
        for spike in detector.judge(bucket).spikes:
            found.setdefault(spike.spike_id, (spike.onset - START) / timedelta(hours=1))
    return list(found.values())


def test_a_burst_soon_after_a_creep_is_a_spike_of_its_own() -> None:
    creep, burst = onsets_h(1.4, 3.0, 1.0, per_hour=40.0)
    assert creep == pytest.approx(CREEP_D * 24, abs=6)
    assert burst == pytest.approx(AGAIN_H, abs=0.5)


def test_a_creep_that_comes_back_within_a_day_is_the_same_spike() -> None:
    (creep,) = onsets_h(2.0, 2.0, 12.0, per_hour=12.0)
    assert creep == pytest.approx(CREEP_D * 24, abs=3)
