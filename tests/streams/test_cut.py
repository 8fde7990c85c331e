"""Where retention has cut the beginning of the topics, agents begin at what is kept: nothing told is told again, and what
comes later is what it would have been."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from schemas.base import Sequenced
from schemas.catalog import (
    ALERTS,
    ATTRIBUTIONS,
    BY_NAME,
    EXPECTATIONS,
    FRAMES,
    IMPACTS,
    SPIKES,
    TIMELINE,
    Topic,
)
from schemas.codec import decode, encode
from schemas.errors import FatalError
from schemas.frame import Frame
from schemas.timeline import Change, Scope, TimelineEntry
from schemas.workspace import Workspace
from streams import holes
from streams.app import STAGES
from streams.checkpoint import Shelf
from streams.runner import Runner
from streams.told import Word
from tests.streams.test_runner import Topics

START = datetime(2024, 1, 1, tzinfo=UTC)
STEP = timedelta(hours=6)
WEEK = 28
WEEKS, CUT, RESTART = 35, 12, 30
SPACE = Workspace(
    name="shop", bucket_s=21_600, progress="input", dimensions=("platform", "product"), budget_per_week=0.05
)
"""Hardly any false spikes: one that chance makes may be told with less history and not with more."""
LEAVES = tuple((platform, product) for platform in ("android", "ios", "web") for product in ("app", "shop"))
INPUTS = ("tickets/0", "tickets/1")
OPENINGS = (8 * WEEK + 9, 11 * WEEK + 24, 19 * WEEK + 2, 25 * WEEK + 17, 29 * WEEK + 25, 32 * WEEK + 6, 34 * WEEK + 3)
"""Steps at which what was released a step before brings contacts for a day: one over the cut, one over the restart."""
OUTPUTS = (SPIKES, EXPECTATIONS, ATTRIBUTIONS, IMPACTS, ALERTS)
Whole = tuple[list[Sequenced], Topics, dict[str, int]]


def _records() -> Iterator[Sequenced]:
    """Everything that admit would write, in order of time."""
    rng = np.random.default_rng(3)
    steps = np.arange(WEEKS * WEEK)
    shape = np.array([0.4, 1.0, 1.5, 0.9])[steps % 4] * np.where(steps // 4 % 7 >= 5, 0.6, 1.0)
    counts = rng.poisson(30.0 * shape[:, None] * np.full(len(LEAVES), 1 / 6))
    for opening in OPENINGS:
        counts[opening : opening + 5, opening % len(LEAVES)] += rng.poisson(45, 5)
    for step in steps.tolist():
        start = START + step * STEP
        for at, origin in enumerate(INPUTS):
            mine = {leaf: int(n) // 2 + (int(n) % 2) * at for leaf, n in zip(LEAVES, counts[step], strict=True)}
            yield _frame("contacts", origin, step, {leaf: n for leaf, n in mine.items() if n}, INPUTS)
        yield _frame("low_scores", "surveys/0", step, {}, ("surveys/0",))
        change = _change(step, start) if step + 1 in OPENINGS else None
        yield TimelineEntry(
            workspace="shop",
            origin="releases/0",
            seq=step + 1,
            inputs=("releases/0",),
            until=start + STEP,
            change=change,
        )


def _frame(stream: Any, origin: str, step: int, counts: dict[tuple[str, ...], int], inputs: tuple[str, ...]) -> Frame:
    start = START + step * STEP
    return Frame(
        workspace="shop",
        origin=origin,
        seq=step + 1,
        stream=stream,
        inputs=inputs,
        bucket_start=start,
        bucket_s=21_600,
        until=start + STEP,
        dimensions=("platform", "product"),
        leaves=tuple(counts),
        counts=tuple(counts.values()),
    )


def _change(step: int, at: datetime) -> Change:
    platform, product = LEAVES[(step + 1) % len(LEAVES)]
    when = at + timedelta(hours=5)
    scope = Scope(products=(product,), platforms=(platform,))
    return Change(
        key=f"release-{step}",
        kind="release",
        starts_at=when,
        available_at=when,
        recorded_at=when,
        scope=scope,
        title="New",
    )


class Line:
    """Detect, attribute and alert one after another over the same topics."""

    def __init__(self, topics: Topics, now_s: Any = lambda: 0.0, **shelves: Shelf) -> None:
        self.topics = topics
        self.runners = [
            Runner(
                stage,
                0,
                {"shop": SPACE},
                source=topics,
                sink=topics,
                shelf=shelves.get(stage.name),
                now_s=now_s,
            )
            for stage in STAGES
        ]
        for runner in self.runners:
            runner.catch_up()

    def tell(self, records: list[Sequenced]) -> None:
        for record in records:
            self.topics.append((FRAMES if isinstance(record, Frame) else TIMELINE).name, encode(record))
        for runner in self.runners:
            runner.check(self.topics.ends())

    def tell_daily(self, records: list[Sequenced]) -> None:
        for first in range(0, len(records), 16):
            self.tell(records[first : first + 16])


def _cut(topics: Topics, before: datetime, only: tuple[Topic, ...]) -> None:
    """As retention would: every topic loses what was decided before."""
    for topic in only:
        kept = [item.offset for item in topics.deliveries(topic.name) if _when(topic.name, item.value or b"") >= before]
        topics.lows[topic.name] = min(kept, default=len(topics.logs.get(topic.name, [])))


def _when(topic: str, value: bytes) -> datetime:
    if topic == FRAMES.name:
        return decode(Frame, value).bucket_start
    at = decode(Word, value).decided
    assert at is not None
    return at


@pytest.fixture(scope="module")
def told() -> Whole:
    """All records, the topics at the end without any interruption, and how long each was at the restart."""
    records = list(_records())
    line = Line(Topics())
    half = RESTART * WEEK * 4
    line.tell_daily(records[:half])
    lengths = {name: len(log) for name, log in line.topics.logs.items()}
    line.tell_daily(records[half:])
    return records, line.topics, lengths


def _restarted(
    told: Whole, only: tuple[Topic, ...] = (FRAMES, TIMELINE, *OUTPUTS), spikes_from: int | None = None
) -> Line:
    _, whole, lengths = told
    topics = Topics()
    topics.logs = {name: log[: lengths[name]] for name, log in whole.logs.items()}
    _cut(topics, START + CUT * WEEK * STEP, only)
    topics.lows[SPIKES.name] = topics.lows.get(SPIKES.name, 0) if spikes_from is None else spikes_from
    return Line(topics)


def _after(topics: Topics, name: str, lengths: dict[str, int]) -> list[Any]:
    return [
        decode(BY_NAME[name].type, item.value or b"")
        for item in topics.deliveries(name)
        if item.offset >= lengths[name]
    ]


def _same_later(line: Line, told: Whole, records_from: int = RESTART) -> None:
    """What is told after the restart is what it would have been; numbers may differ a little, as less is known."""
    records, whole, lengths = told
    line.tell_daily(records[records_from * WEEK * 4 :])
    for topic, shape in ((SPIKES, _spikes), (ATTRIBUTIONS, _causes), (ALERTS, _alerts), (EXPECTATIONS, _progress)):
        assert shape(_after(line.topics, topic.name, lengths)) == shape(_after(whole, topic.name, lengths))
    for topic in (IMPACTS, SPIKES, ALERTS):
        found: list[Any] = line.topics.records(topic)
        assert [one.seq for one in found] == list(range(found[0].seq, found[-1].seq + 1))
        named = [(getattr(one, NAMES[topic.name]), one.revision) for one in found]
        assert len(set(named)) == len(named)
        assert all(_in_order([revision for other, revision in named if other == name]) for name, _ in named)
    keys = {one.key for one in _after(whole, IMPACTS.name, lengths)}
    assert {one.key for one in _after(line.topics, IMPACTS.name, lengths)} == keys


def _in_order(revisions: list[int]) -> bool:
    return revisions == list(range(revisions[0], revisions[0] + len(revisions)))


def _spikes(records: list[Any]) -> set[tuple[object, ...]]:
    return {(one.spike_id, one.state, one.slice.get("platform", "")) for one in records}


def _causes(records: list[Any]) -> dict[str, str]:
    return {one.spike_id: one.candidates[0].key for one in records}


def _alerts(records: list[Any]) -> list[tuple[str, str]]:
    return sorted((one.alert_id, one.event) for one in records if one.event != "updated")


def _progress(records: list[Any]) -> list[tuple[object, ...]]:
    return [(one.origin, one.seq, one.until) for one in records]


NAMES = {IMPACTS.name: "impact_id", SPIKES.name: "spike_id", ALERTS.name: "alert_id"}


def test_the_story_has_spikes_before_over_and_after_everything(told: Whole) -> None:
    spikes: list[Any] = told[1].records(SPIKES)
    weeks = [(one.onset - START) / (WEEK * STEP) for one in spikes if one.revision == 1]
    assert any(week < CUT for week in weeks)
    assert any(CUT < week < RESTART for week in weeks)
    assert any(week > RESTART for week in weeks)
    later = _after(told[1], SPIKES.name, told[2])
    assert later[0].revision > 1, "one is open over the restart"


def test_begun_late_nothing_is_told_again_and_what_comes_is_the_same(told: Whole) -> None:
    with capture_logs() as logs:
        line = _restarted(told)
    assert {name: len(log) for name, log in line.topics.logs.items()} == told[2]
    assert [runner.late for runner in line.runners] == [["shop"], ["shop"], ["shop"]]
    assert {log["topic"] for log in logs if log["event"] == "history_cut"} == {
        "frames", "timeline", "spikes", "expectations", "impacts",
    }  # fmt: skip
    _same_later(line, told)


def test_begun_late_it_goes_on_from_checkpoints_too(told: Whole, tmp_path: Path) -> None:
    shelves = {stage.name: Shelf(tmp_path, stage.name, 0, "same") for stage in STAGES}
    records = told[0]
    line = _restarted(told)
    middle = (RESTART + 3) * WEEK * 4
    line = Line(line.topics, **shelves)
    line.tell_daily(records[RESTART * WEEK * 4 : middle])
    for runner in line.runners:
        assert runner.keep()
    again = Line(line.topics, **shelves)
    assert [runner.unkept for runner in again.runners] == [0, 0, 0]
    assert [runner.late for runner in again.runners] == [["shop"], ["shop"], ["shop"]]
    _same_later(again, told, RESTART + 3)


def test_a_spike_that_died_with_its_writer_is_told_though_its_expectation_was(told: Whole) -> None:
    records, whole, _ = told
    first = next(one for one in whole.records(SPIKES) if one.seq == _after(whole, SPIKES.name, told[2])[1].seq)
    count = next(at for at, one in enumerate(records) if one.until >= first.as_of) + 8  # type: ignore[attr-defined]
    line = _restarted(told)
    line.tell_daily(records[RESTART * WEEK * 4 : count])
    topics = line.topics
    last: Any = topics.records(SPIKES)[-1]
    assert last.spike_id == first.spike_id  # type: ignore[attr-defined]
    topics.logs[SPIKES.name].pop()
    again = Line(topics)
    assert topics.records(SPIKES)[-1] == last
    assert [runner.late for runner in again.runners] == [["shop"], ["shop"], ["shop"]]


@pytest.mark.parametrize("cut", ["inputs", "outputs"])
def test_where_only_one_side_was_cut_nothing_is_told_again_either(cut: str, told: Whole) -> None:
    line = _restarted(told, only=(FRAMES, TIMELINE) if cut == "inputs" else OUTPUTS)
    assert {name: len(log) for name, log in line.topics.logs.items()} == told[2]


def test_a_series_all_of_which_was_cut_begins_with_its_next_record(told: Whole) -> None:
    records, whole, lengths = told
    line = _restarted(told, spikes_from=lengths[SPIKES.name])
    line.tell_daily(records[RESTART * WEEK * 4 :])
    attributed = {one.spike_id for one in _after(line.topics, ATTRIBUTIONS.name, lengths)}
    assert attributed == {one.spike_id for one in _after(whole, SPIKES.name, lengths) if one.revision == 1}


def test_spikes_that_are_gone_are_not_waited_for(told: Whole) -> None:
    line = _restarted(told, spikes_from=told[2][SPIKES.name])
    stream = line.runners[1]._progress.states["shop"].streams["contacts"]  # type: ignore[attr-defined]
    assert (stream.judged, list(stream.marks)) == (START + RESTART * WEEK * STEP, [])
    assert {name: len(log) for name, log in line.topics.logs.items()} == told[2]


def test_a_record_that_was_merely_skipped_in_delivery_is_no_cut() -> None:
    topics = Topics()
    frames = [one for one in _records() if isinstance(one, Frame)][:6]
    topics.logs[FRAMES.name] = [b""] * 10
    topics.lows[FRAMES.name] = 10
    line = Line(topics)
    for frame in frames:
        topics.append(FRAMES.name, encode(frame))
    for item in reversed(topics.deliveries(FRAMES.name)):
        line.runners[0].deliver(item)
    assert line.runners[0].unkept == 6
    assert line.runners[0].late == []


def test_a_hole_behind_the_cut_is_still_one(told: Whole) -> None:
    topics = Topics()
    topics.logs = {FRAMES.name: list(told[1].logs[FRAMES.name][:400])}
    topics.lows[FRAMES.name] = 100
    topics.logs[FRAMES.name][200] = None
    clock = [0.0]
    line = Line(topics, now_s=lambda: clock[0])
    clock[0] = 2 * holes.PATIENCE_S
    with pytest.raises(FatalError, match="lacks the record 67: at offset 203 comes 68"):
        line.runners[0].check(topics.ends())


def test_without_a_cut_a_missing_beginning_is_a_hole(told: Whole) -> None:
    topics = Topics()
    topics.logs = {FRAMES.name: told[1].logs[FRAMES.name][100:400]}
    clock = [0.0]
    line = Line(topics, now_s=lambda: clock[0])
    clock[0] = 2 * holes.PATIENCE_S
    with pytest.raises(FatalError, match=r"lacks the record 1: at offset \d+ comes 3\d"):
        line.runners[0].check(topics.ends())
