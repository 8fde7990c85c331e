"""What a new day asks of detect is spread over its buckets and costs nothing twice."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.frame import Signs
from schemas.workspace import Workspace
from streams.detect import learn
from streams.detect.detector import Detector
from streams.detect.episode import Episode
from streams.detect.known import Known
from streams.detect.place import explained_blocks
from streams.detect.settings import DetectSettings
from streams.frozen import freeze, thaw
from streams.merge import Bucket

START = datetime(2024, 1, 1, tzinfo=UTC)
DIMENSIONS: tuple[Literal["platform", "topic"], ...] = ("platform", "topic")
LEAVES = tuple((platform, topic) for platform in ("ios", "web") for topic in ("bill", "login", "order"))


def buckets(days: int, *, bucket_s: int = 3_600, seed: int = 1, burst: int | None = None) -> Iterator[Bucket]:
    """A steady stream over six leaves; on day ``burst`` the first of them is five times as loud for twelve hours."""
    random = np.random.default_rng(seed)
    for step in range(days * 86_400 // bucket_s):
        start = START + timedelta(seconds=step * bucket_s)
        mean = np.full(len(LEAVES), 8.0 * bucket_s / 3_600)
        if burst is not None and start.date() == (START + timedelta(days=burst)).date() and start.hour < 12:
            mean[0] *= 5.0
        counts: dict[tuple[str, ...], int] = {
            leaf: int(many) for leaf, many in zip(LEAVES, random.poisson(mean), strict=True) if many
        }
        yield Bucket(
            stream="contacts",
            start=start,
            end=start + timedelta(seconds=bucket_s),
            dimensions=DIMENSIONS,
            counts=counts,
            samples=(),
            signs=Signs(),
        )


def detector(bucket_s: int = 3_600) -> Detector:
    workspace = Workspace(name="acme", bucket_s=bucket_s, dimensions=DIMENSIONS, budget_per_week=1.0)
    return Detector(workspace, "contacts", DetectSettings())


def test_a_checkpoint_between_two_pieces_of_a_days_work_changes_nothing() -> None:
    judge, told = detector(), list(buckets(16))
    for bucket in told[: 15 * 24]:
        judge.judge(bucket)
    left, kept, judged = [], [], []
    for bucket in told[15 * 24 :]:
        left.append(len(judge.known.work))
        kept.append(freeze(judge.known))
        judged.append(repr(judge.judge(bucket)))
    assert left[:5] == [4, 3, 2, 1, 0]
    for at in range(4):
        again = detector()
        again.known = cast("Known", thaw(kept[at]))
        assert [repr(again.judge(bucket)) for bucket in told[15 * 24 + at :]] == judged[at:]


def test_on_a_day_without_a_choice_level_errors_and_shares_come_one_after_another() -> None:
    judge = detector()
    changed: list[list[str]] = []
    for bucket in list(buckets(17))[:-1]:
        known = judge.known
        was = (known.level, known.coarse.spread2, known.coarse.share) if known.fitted else (None, None, None)
        judge.judge(bucket)
        now = (known.level, known.coarse.spread2, known.coarse.share) if known.fitted else was
        changed.append(
            [name for name, old, new in zip(("level", "errors", "shares"), was, now, strict=True) if old is not new]
        )
    assert changed[15 * 24 - 1 : 15 * 24 + 5] == [[], ["level"], ["errors"], [], ["shares"], []]
    assert max(map(len, changed[14 * 24 :])) == 1


def test_where_a_day_has_few_buckets_all_is_done_at_its_end() -> None:
    judge = detector(6 * 3_600)
    levels = []
    for bucket in buckets(17, bucket_s=6 * 3_600):
        judge.judge(bucket)
        assert judge.known.work == []
        levels.append(id(judge.known.level) if judge.known.fitted else 0)
    assert levels[-1] != levels[-2] == levels[-5]


def test_volume_and_counts_per_slice_are_those_of_all_remembered_blocks() -> None:
    judge = detector()
    for bucket in buckets(24):
        judge.judge(bucket)
    memory, watched = judge.known.memory, judge.known.watched
    whole = np.zeros(len(LEAVES))
    for block in memory.blocks:
        np.add.at(whole, block.places, block.counts)
    np.testing.assert_array_equal(memory.volume(len(LEAVES)), whole)
    memory.drop_since(memory.starts[-30])
    assert memory.volume(len(LEAVES)).sum() == sum(block.counts.sum() for block in memory.blocks)
    kept = memory.counts().copy()
    some = np.arange(len(watched.slices))
    some[2::3] = -1
    memory.recount(watched, some)
    np.testing.assert_array_equal(memory.counts(), kept)


def test_what_a_closed_spike_added_is_not_worked_out_again_every_day(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = detector()
    asked: list[str] = []

    def noted(known: Known, episode: Episode, within: NDArray[np.int64]) -> NDArray[np.float64]:
        asked.append(episode.name)
        return explained_blocks(known, episode, within)

    for bucket in buckets(20, burst=15):
        judge.judge(bucket)
        if judge.known.days == 17.0:
            monkeypatch.setattr(learn, "explained_blocks", noted)
    assert any(episode.state == "closed" for episode in judge.known.episodes)
    assert len(asked) == len(set(asked))


def test_a_copy_in_the_middle_of_a_day_s_work_goes_on_by_itself() -> None:
    judge = detector()
    rows = list(buckets(17))
    for bucket in rows[: 16 * 24 + 1]:
        judge.judge(bucket)
    assert judge.known.work
    other = copy.deepcopy(judge)
    left = [judge.judge(bucket) for bucket in rows[16 * 24 + 1 :]]
    assert [other.judge(bucket) for bucket in rows[16 * 24 + 1 :]] == left
