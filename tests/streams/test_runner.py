"""A runner is exact whatever is delivered, and stops where it cannot be."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import Sequenced
from schemas.catalog import BY_NAME, DEAD_LETTERS, EXPECTATIONS, FEEDBACK, FRAMES, QUALITY, Topic
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.errors import FatalError
from schemas.frame import Frame
from schemas.quality import QualityResult
from schemas.raw import Feedback
from schemas.workspace import Workspace
from streams import holes as module
from streams.reader import Bounds, Delivery, End, Place
from streams.runner import Runner
from streams.stage import Outputs, Record
from tests.streams.toys import START, Summing, SummingState, expected, frames, workspaces

SPACES = {space.name: space for space in workspaces(2)}


class Topics:
    """Partition 0 of every topic in memory: source and sink of a runner. ``None`` stands for a marker."""

    def __init__(self, records: list[Sequenced | Feedback] | None = None) -> None:
        self.logs: dict[str, list[bytes | None]] = {}
        self.lows: dict[str, int] = {}
        self.ids: dict[str, str] = {}
        for record in records or []:
            self.append(_topic(record).name, encode(record))

    def append(self, topic: str, value: bytes | None) -> None:
        self.logs.setdefault(topic, []).append(value)

    def read(self, starts: Mapping[Place, int]) -> Iterator[Delivery | End]:
        for place, start in starts.items():
            for item in self.deliveries(place.topic)[:]:
                if item.offset >= start:
                    yield item
            yield End(place.topic, place.partition, len(self.logs.get(place.topic, [])))

    def deliveries(self, topic: str) -> list[Delivery]:
        log = self.logs.get(topic, [])
        low = self.lows.get(topic, 0)
        found = [Delivery(topic, 0, offset, 1, b"", value) for offset, value in enumerate(log) if value is not None]
        return [item for item in found if item.offset >= low]

    def bounds(self, places: Collection[Place]) -> dict[Place, Bounds]:
        return {place: Bounds(self.lows.get(place.topic, 0), len(self.logs.get(place.topic, []))) for place in places}

    def identities(self, topics: Collection[str]) -> dict[str, str]:
        return {name: self.ids.get(name, "") for name in topics}

    def ends(self) -> dict[Place, int]:
        return {Place(topic, 0): len(log) for topic, log in self.logs.items()}

    def write(self, topic: str, partition: int | None, key: bytes, value: bytes) -> None:
        self.append(topic, value)

    def records(self, topic: Topic) -> list[Sequenced]:
        found = [decode(topic.type, item.value or b"") for item in self.deliveries(topic.name)]
        return [record for record in found if isinstance(record, Sequenced)]


def _topic(record: Sequenced | Feedback) -> Topic:
    return next(topic for topic in BY_NAME.values() if topic.type is type(record))


def _runner(topics: Topics, stage: object = None, **options: object) -> Runner:
    return Runner(stage or Summing(), 0, SPACES, source=topics, sink=topics, **options)  # type: ignore[arg-type]


def _wanted(records: list[Frame]) -> dict[tuple[str, str, int], Sequenced]:
    return expected(records, SPACES.values(), (Summing(),))["expectations"]


def _got(topics: Topics) -> dict[tuple[str, str, int], Sequenced]:
    written = topics.records(EXPECTATIONS)
    assert len({(one.workspace, one.origin, one.seq) for one in written}) == len(written), "an output came twice"
    return {(one.workspace, one.origin, one.seq): one for one in written}


def test_what_is_on_the_topics_is_applied_once() -> None:
    records = frames(SPACES, 20)
    topics = Topics([*records])
    runner = _runner(topics)
    runner.catch_up()
    runner.catch_up()
    for item in topics.deliveries("frames"):
        runner.deliver(item)
    assert _got(topics) == _wanted(records)


def test_a_restarted_runner_writes_only_what_is_missing() -> None:
    records = frames(SPACES, 20)
    topics = Topics([*records])
    _runner(topics).catch_up()
    complete = topics.logs["expectations"]
    topics.logs["expectations"] = complete[:11]
    _runner(topics).catch_up()
    assert topics.logs["expectations"] == complete


def test_after_a_hole_in_the_outputs_everything_is_written_again() -> None:
    records = frames(SPACES, 20)
    topics = Topics([*records])
    _runner(topics).catch_up()
    complete = topics.records(EXPECTATIONS)
    lost = complete.pop(4)
    topics.logs["expectations"] = [encode(record) for record in complete]
    _runner(topics).catch_up()
    again = topics.records(EXPECTATIONS)[len(complete) :]
    assert again[0] == lost
    assert again == [one for one in [lost, *complete[4:]] if one.workspace == lost.workspace]


def test_a_hole_in_delivery_is_read_again_before_anything_later_is_applied() -> None:
    records = frames(["shop-0"], 20)
    topics = Topics()
    runner = _runner(topics)
    runner.catch_up()
    for record in records:
        topics.append("frames", encode(record))
    for item in topics.deliveries("frames")[30:]:
        runner.deliver(item)
    assert _got(topics) == _wanted(records)


def test_what_was_never_delivered_is_found_by_the_check_even_behind_another_workspace() -> None:
    records = frames(SPACES, 20)
    topics = Topics()
    runner = _runner(topics)
    runner.catch_up()
    for record in records:
        topics.append("frames", encode(record))
    for item in topics.deliveries("frames"):
        if b"shop-0" not in (item.value or b""):
            runner.deliver(item)
    assert _got(topics) == {place: one for place, one in _wanted(records).items() if place[0] == "shop-1"}
    runner.check(topics.ends())
    assert _got(topics) == _wanted(records)


def test_markers_of_transactions_are_no_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    records = frames(SPACES, 20)
    topics = Topics()
    for record in records:
        topics.append("frames", encode(record))
        topics.append("frames", None)
    runner = _runner(topics)
    monkeypatch.setattr(topics, "read", None)
    for item in topics.deliveries("frames"):
        runner.deliver(item)
    assert _got(topics) == _wanted(records)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_loss_repeat_and_restart_gives_the_same(seed: int) -> None:
    rng = random.Random(seed)
    records = frames(SPACES, 12, seed)
    topics = Topics()
    runner = _runner(topics)
    runner.catch_up()
    for record in records:
        topics.append("frames", encode(record))
        if rng.random() < 0.2:
            topics.append("frames", None)
        available = topics.deliveries("frames")
        for item in rng.sample(available[-6:], rng.randint(0, min(3, len(available)))):
            runner.deliver(item)
        if rng.random() < 0.05:
            runner = _runner(topics)
            runner.catch_up()
        if rng.random() < 0.1:
            runner.check(topics.ends())
    runner.check(topics.ends())
    assert _got(topics) == _wanted(records)


def test_a_hole_in_the_topic_itself_stops_the_stage_when_it_stays() -> None:
    records = frames(["shop-0"], 5)
    lost = next(record for record in records if record.origin == "chats/0" and record.seq == 2)
    topics = Topics([record for record in records if record is not lost])
    clock = [100.0]
    runner = _runner(topics, now_s=lambda: clock[0])
    runner.catch_up()
    clock[0] += module.PATIENCE_S
    runner.check(topics.ends())
    offset = next(n for n, one in enumerate(topics.records(FRAMES)) if one.origin == "chats/0" and one.seq == 3)
    clock[0] += 1
    with pytest.raises(FatalError) as stopped:
        runner.check(topics.ends())
    assert str(stopped.value) == (
        "frames/0 of workspace shop-0 from chats/0 lacks the record 2: at offset "
        f"{offset} comes 3. Was a part of the topic deleted, or was it written to by somebody else? Restore it, or "
        "replay into a new workspace"
    )


def test_a_hole_that_its_writer_fills_later_is_forgotten() -> None:
    records = frames(["shop-0"], 5)
    lost = next(record for record in records if record.origin == "chats/0" and record.seq == 2)
    later = [record for record in records if record.origin == "chats/0" and record.seq > 2]
    topics = Topics([record for record in records if record is not lost])
    clock = [0.0]
    runner = _runner(topics, now_s=lambda: clock[0])
    runner.catch_up()
    for record in (lost, *later):
        topics.append("frames", encode(record))
    clock[0] = 2 * module.PATIENCE_S
    runner.check(topics.ends())
    assert _got(topics) == _wanted(records)


@pytest.mark.parametrize(
    ("value", "reason"), [(b"\xff{", "not_json"), (b"", "not_json"), (b'{"workspace":"shop-0"}', "wrong_type")]
)
def test_a_strangers_bytes_are_dead_lettered_and_hold_nothing_up(value: bytes, reason: str) -> None:
    records = frames(["shop-0"], 5)
    topics = Topics([*records[:7]])
    topics.append("frames", value)
    for record in records[7:]:
        topics.append("frames", encode(record))
    _runner(topics).catch_up()
    assert _got(topics) == _wanted(records)
    (item,) = topics.deliveries(DEAD_LETTERS.name)
    letter = decode(DeadLetter, item.value or b"")
    assert (letter.letter_id, letter.stage, letter.reason, letter.original) == ("frames/0/7", "summing", reason, value)
    assert letter.allowed == "a Frame"


def test_a_damaged_record_of_ours_is_a_hole_and_stops() -> None:
    records = frames(["shop-0"], 5)
    topics = Topics([*records])
    topics.logs["frames"][2] = b"\x00\x00"
    clock = [0.0]
    runner = _runner(topics, now_s=lambda: clock[0])
    runner.catch_up()
    clock[0] = 2 * module.PATIENCE_S
    with pytest.raises(FatalError, match=f"lacks the record {records[2].seq}: at offset"):
        runner.check(topics.ends())


def test_workspaces_of_others_are_passed_over() -> None:
    records = frames(["shop-0", "elsewhere"], 5)
    topics = Topics([*records])
    _runner(topics).catch_up()
    assert {place[0] for place in _got(topics)} == {"shop-0"}


def test_reading_ends_early_when_interrupted_and_goes_on_later() -> None:
    records = frames(["shop-0"], 50)
    topics = Topics([*records])
    left = [20]

    def interrupted() -> bool:
        left[0] -= 1
        return left[0] <= 0

    runner = _runner(topics, interrupted=interrupted)
    runner.catch_up()
    assert len(_got(topics)) < len(_wanted(records))
    left[0] = 10_000
    runner.catch_up()
    assert _got(topics) == _wanted(records)


class Failing(Summing):
    name = "failing"

    def step(self, state: SummingState, event: Record) -> tuple[SummingState, Outputs]:
        raise ZeroDivisionError("no contacts")


def test_a_step_that_fails_names_the_record() -> None:
    topics = Topics([*frames(["shop-0"], 1)])
    with pytest.raises(FatalError) as stopped:
        _runner(topics, Failing()).catch_up()
    assert str(stopped.value) == (
        "The stage failing could not apply frames/0/0 of workspace shop-0 (ZeroDivisionError: no contacts). This is a "
        "fault in Whence: keep that message, report it, and start the stage again with the version that ran before"
    )


class Skipping(Summing):
    name = "skipping"

    def step(self, state: SummingState, event: Record) -> tuple[SummingState, Outputs]:
        state, outputs = super().step(state, event)
        return SummingState(state.merger, state.seq + 1), outputs


def test_a_stage_that_leaves_out_a_number_is_stopped() -> None:
    topics = Topics([*frames(["shop-0"], 5)])
    with pytest.raises(
        FatalError, match=r"^The stage skipping wrote record \d+ after \d on expectations for workspace shop-0\."
    ):
        _runner(topics, Skipping()).catch_up()


class Listening:
    """Notes feedback, which has no ``seq``, and checks of quality, which may have holes."""

    name = "listening"
    reads = (FEEDBACK, QUALITY)
    writes = (EXPECTATIONS,)
    heard: list[str]

    def __init__(self) -> None:
        self.heard = []

    def start(self, workspace: Workspace) -> None:
        return None

    def step(self, state: None, event: Record) -> tuple[None, Outputs]:
        assert isinstance(event, Feedback | QualityResult)
        self.heard.append(event.event_id if isinstance(event, Feedback) else event.check_id)
        return None, ()


def test_feedback_is_applied_once_and_in_order_though_it_has_no_seq() -> None:
    spoken = [
        Feedback(
            event_id=f"f{number}",
            workspace="shop-0",
            occurred_at=START,
            source="page",
            spike="s",
            verdict="own",
            who="ann",
        )
        for number in range(9)
    ]
    topics = Topics([*spoken])
    stage = Listening()
    runner = _runner(topics, stage)
    deliveries = topics.deliveries("feedback")
    for number in (0, 1, 1, 4, 3, 7):
        runner.deliver(deliveries[number])
    assert stage.heard == [one.event_id for one in spoken]
    runner.check(topics.ends())
    assert len(stage.heard) == 9


def _check(seq: int) -> QualityResult:
    return QualityResult(
        workspace="shop-0",
        origin="quality",
        seq=seq,
        check_id=f"q{seq}",
        table="contacts",
        expectation="rows",
        success=True,
        observed="",
        allowed="",
        window_start=START,
        window_end=START,
        at=START,
    )


def test_checks_of_quality_may_begin_anywhere_and_repeats_are_skipped() -> None:
    topics = Topics([_check(seq) for seq in (41, 42, 42, 44, 43, 45)])
    clock = [0.0]
    stage = Listening()
    runner = _runner(topics, stage, now_s=lambda: clock[0])
    runner.catch_up()
    for item in topics.deliveries("quality"):
        runner.deliver(item)
    assert stage.heard == ["q41", "q42", "q44", "q45"]
    clock[0] = 2 * module.PATIENCE_S
    runner.check(topics.ends())
