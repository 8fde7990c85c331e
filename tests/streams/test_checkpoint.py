"""A checkpoint is a cache: with it, without it, with a damaged or a foreign one, a runner writes the same."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from structlog.testing import capture_logs

from schemas.base import Sequenced
from schemas.catalog import EXPECTATIONS, FRAMES
from schemas.codec import encode
from schemas.workspace import Workspace
from streams.checkpoint import MAGIC, Shelf, newest_age_s, read_checkpoint
from streams.fingerprint import code_of, fingerprint
from streams.runner import Runner
from streams.stage import AnyStage
from tests.streams.test_runner import SPACES, Topics
from tests.streams.toys import Summing, SummingState, expected, frames

RECORDS = frames(SPACES, 20)


class Unsure(Topics):
    """Topics whose writer is acknowledged late: what was not is lost when it dies."""

    def __init__(self) -> None:
        super().__init__()
        self.flying: list[tuple[str, bytes]] = []

    def write(self, topic: str, partition: int | None, key: bytes, value: bytes) -> None:
        self.flying.append((topic, value))

    def land(self, number: int) -> None:
        for topic, value in self.flying[:number]:
            self.append(topic, value)
        del self.flying[:number]

    def land_all(self) -> None:
        self.land(len(self.flying))


def _shelf(folder: Path, stage: AnyStage | None = None, made_by: str = "", **options: object) -> Shelf:
    stage = stage or Summing()
    made_by = made_by or fingerprint(stage, 0, SPACES, code=code_of(stage))
    return Shelf(folder, stage.name, 0, made_by, **options)  # type: ignore[arg-type]


def _runner(topics: Topics, shelf: Shelf | None, stage: AnyStage | None = None) -> Runner:
    runner = Runner(stage or Summing(), 0, SPACES, source=topics, sink=topics, shelf=shelf)
    runner.catch_up()
    return runner


def _wanted() -> dict[tuple[str, str, int], Sequenced]:
    return expected(RECORDS, SPACES.values(), (Summing(),))["expectations"]


def _written_once(topics: Topics) -> bool:
    written = topics.records(EXPECTATIONS)
    found = {(one.workspace, one.origin, one.seq): one for one in written}
    return len(found) == len(written) and found == _wanted()


def _halfway(folder: Path) -> Topics:
    """Half of the records told, a checkpoint taken, and the other half told to nobody yet."""
    topics = Topics([*RECORDS[:60]])
    runner = _runner(topics, _shelf(folder))
    assert runner.unkept == 60
    assert runner.keep()
    assert runner.unkept == 0
    for record in RECORDS[60:]:
        topics.append(FRAMES.name, encode(record))
    return topics


def _resumed(topics: Topics, folder: Path, **options: object) -> tuple[int, list[str]]:
    """How many records a new runner reads anew, and why it ignored checkpoints; what it writes must be right."""
    with capture_logs() as logs:
        runner = _runner(topics, _shelf(folder, **options))  # type: ignore[arg-type]
    assert _written_once(topics)
    return runner.unkept, [log["why"] for log in logs if log["event"] == "checkpoint_ignored"]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_killed_at_any_moment_and_resumed_from_any_checkpoint_the_outputs_are_the_same(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(seed)
    folder = tmp_path_factory.mktemp("kept")
    topics = Unsure()
    runner = _runner(topics, _shelf(folder))
    for record in RECORDS:
        topics.append(FRAMES.name, encode(record))
        available = topics.deliveries(FRAMES.name)
        for item in rng.sample(available[-6:], rng.randint(0, min(3, len(available)))):
            runner.deliver(item)
        topics.land(rng.randint(0, 2))
        if rng.random() < 0.1:
            topics.land_all()
            runner.keep()
        if rng.random() < 0.1:
            topics.flying.clear()
            runner = _runner(topics, _shelf(folder))
    topics.land_all()
    runner.check(topics.ends())
    topics.land_all()
    assert _written_once(topics)


@pytest.mark.parametrize("taken", range(0, 120, 13))
def test_from_a_checkpoint_after_any_prefix_the_rest_is_the_same_and_so_is_the_state(
    taken: int, tmp_path: Path
) -> None:
    topics = Topics([*RECORDS[:taken]])
    _runner(topics, _shelf(tmp_path)).keep()
    for record in RECORDS[taken:]:
        topics.append(FRAMES.name, encode(record))
    resumed = _runner(topics, _shelf(tmp_path))
    assert resumed.unkept == len(RECORDS) - taken
    assert _written_once(topics)
    whole = Topics([*RECORDS])
    assert resumed._progress.states == _runner(whole, None)._progress.states
    assert resumed.complete_to == {place: len(RECORDS) for place in resumed.places}


def test_with_a_checkpoint_only_what_came_after_it_is_read(tmp_path: Path) -> None:
    assert _resumed(_halfway(tmp_path), tmp_path) == (60, [])


def test_without_a_checkpoint_everything_is_read(tmp_path: Path) -> None:
    assert _resumed(_halfway(tmp_path), tmp_path / "elsewhere") == (120, [])


def _only(folder: Path) -> Path:
    (path,) = folder.glob("*.checkpoint")
    return path


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)


def _other_format(path: Path) -> None:
    path.write_bytes(MAGIC.replace(b"1", b"2") + path.read_bytes()[len(MAGIC) :])


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".away"))
    path.symlink_to(path.with_suffix(".away"))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_truncate, "its checksum is wrong"),
        (_flip, "its checksum is wrong"),
        (_other_format, "it is no checkpoint of this format"),
        (lambda path: path.write_bytes(b""), "it is no checkpoint of this format"),
        (
            lambda path: path.chmod(0o620),
            "others may have written it: it belongs to another user, or its mode lets them",
        ),
        (_link, "[Errno 40] Too many levels of symbolic links"),
    ],
)
def test_a_spoilt_checkpoint_is_passed_over_with_one_line(
    spoil: Callable[[Path], object], why: str, tmp_path: Path
) -> None:
    topics = _halfway(tmp_path)
    spoil(_only(tmp_path))
    read, (said,) = _resumed(topics, tmp_path)
    assert read == 120
    assert said.startswith(why)


def test_one_made_by_other_code_or_settings_is_passed_over(tmp_path: Path) -> None:
    why = "it was made by another version, or under other settings"
    assert _resumed(_halfway(tmp_path), tmp_path, made_by="other") == (120, [why])


def test_the_fingerprint_tells_code_partitions_settings_and_workspaces_apart() -> None:
    class Set(Summing):
        def __init__(self, limit: int) -> None:
            self.limit = limit

    more = {**SPACES, "shop-0": Workspace(name="shop-0", sample_k=3)}
    made = [
        fingerprint(Summing(), 0, SPACES, code="a"),
        fingerprint(Summing(), 0, SPACES, code="b"),
        fingerprint(Summing(), 1, SPACES, code="a"),
        fingerprint(Set(1), 0, SPACES, code="a"),
        fingerprint(Set(2), 0, SPACES, code="a"),
        fingerprint(Summing(), 0, more, code="a"),
        fingerprint(Summing(), 0, {"shop-0": SPACES["shop-0"]}, code="a"),
    ]
    assert len(set(made)) == len(made)
    assert fingerprint(Summing(), 0, SPACES, code="a") == made[0]
    assert code_of(Summing()) == code_of(Summing())


def test_a_topic_that_was_made_again_or_lost_its_end_makes_it_of_no_use(tmp_path: Path) -> None:
    topics = _halfway(tmp_path)
    topics.logs = {FRAMES.name: topics.logs[FRAMES.name][:40]}
    with capture_logs() as logs:
        runner = _runner(topics, _shelf(tmp_path))
    assert runner.unkept == 40
    assert [log["why"] for log in logs if log["event"] == "checkpoint_ignored"] == [
        "it is ahead of frames, which ends at 40, not at 60"
    ]


def test_one_that_is_ahead_of_the_outputs_is_of_no_use_and_they_are_written_again(tmp_path: Path) -> None:
    topics = _halfway(tmp_path)
    had = len(topics.logs[EXPECTATIONS.name])
    topics.logs[EXPECTATIONS.name] = topics.logs[EXPECTATIONS.name][: had - 3]
    assert _resumed(topics, tmp_path) == (120, [f"it is ahead of expectations, which ends at {had - 3}, not at {had}"])


def test_another_record_at_its_place_makes_it_of_no_use(tmp_path: Path) -> None:
    topics = _halfway(tmp_path)
    log = topics.logs[FRAMES.name]
    at = next(place for place in range(58, 0, -1) if RECORDS[place].workspace != RECORDS[59].workspace)
    log[at], log[59] = log[59], log[at]
    runner = Runner(Summing(), 0, SPACES, source=topics, sink=topics, shelf=_shelf(tmp_path))
    with capture_logs() as logs:
        runner.catch_up()
    assert [log["why"] for log in logs if log["event"] == "checkpoint_ignored"] == [
        "frames/0/59 is another record than it was"
    ]
    assert runner.unkept > 60


def test_a_topic_with_another_id_makes_it_of_no_use_and_an_unknown_id_does_not(tmp_path: Path) -> None:
    topics = Topics([*RECORDS])
    topics.ids = {FRAMES.name: "c/1", EXPECTATIONS.name: "c/2"}
    _runner(topics, _shelf(tmp_path)).keep()
    topics.ids = {FRAMES.name: "c/1", EXPECTATIONS.name: ""}
    assert _resumed(topics, tmp_path) == (0, [])
    topics.ids = {FRAMES.name: "c/3", EXPECTATIONS.name: "c/2"}
    assert _resumed(topics, tmp_path) == (120, ["frames is another topic than it was, or on another cluster"])


def test_retention_behind_the_checkpoint_does_not_matter_and_before_it_does(tmp_path: Path) -> None:
    topics = _halfway(tmp_path)
    topics.lows[FRAMES.name] = 60
    assert _resumed(topics, tmp_path) == (60, [])
    topics.lows[FRAMES.name] = 61
    with capture_logs() as logs:
        _runner(topics, _shelf(tmp_path))
    assert "frames begins at 61, after what it had read to (60)" in [log.get("why") for log in logs]


def test_a_writer_that_lost_all_it_had_written_to_retention_may_count_anew(tmp_path: Path) -> None:
    topics = _halfway(tmp_path)
    topics.lows[FRAMES.name] = 60
    last = {(one.workspace, one.origin): one.seq for one in RECORDS[:60]}
    anew = [replace(one, seq=one.seq - last[one.workspace, one.origin]) for one in RECORDS[60:]]
    assert min(one.seq for one in anew) == 1
    topics.logs[FRAMES.name][60:] = [encode(one) for one in anew]
    assert _resumed(topics, tmp_path) == (60, [])


def test_an_older_one_stands_in_for_a_spoilt_one_and_two_are_kept(tmp_path: Path) -> None:
    topics = Topics([*RECORDS[:60]])
    runner = _runner(topics, _shelf(tmp_path))
    for record in RECORDS[60:80]:
        runner.keep()
        topics.append(FRAMES.name, encode(record))
        runner.check(topics.ends())
    newest = sorted(tmp_path.iterdir())
    assert [path.name for path in newest] == ["summing-0.000000019.checkpoint", "summing-0.000000020.checkpoint"]
    assert {path.stat().st_mode & 0o777 for path in newest} == {0o600}
    _truncate(newest[-1])
    for record in RECORDS[80:]:
        topics.append(FRAMES.name, encode(record))
    assert _resumed(topics, tmp_path) == (120 - 78, ["its checksum is wrong"])


def test_dying_before_the_rename_leaves_the_one_before(tmp_path: Path) -> None:
    topics = _halfway(tmp_path)
    before = _only(tmp_path)

    class Dead(BaseException):
        pass

    def dies(moment: str) -> None:
        if moment == "keeping":
            raise Dead

    runner = _runner(topics, _shelf(tmp_path, at=dies))
    with pytest.raises(Dead):
        runner.keep()
    assert _only(tmp_path) == before
    (half,) = tmp_path.glob("*.part")
    os.utime(half, (0, 0))
    assert _resumed(topics, tmp_path) == (60, [])
    assert _runner(topics, _shelf(tmp_path)).keep()
    assert not list(tmp_path.glob("*.part"))


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    topics = Topics([*RECORDS])
    runner = _runner(topics, _shelf(tmp_path / "file"))
    with capture_logs() as logs:
        assert [runner.keep(), runner.keep()] == [False, False]
    assert [(log["event"], log["why"]) for log in logs] == [("checkpoints_off", f"File exists at {tmp_path / 'file'}")]
    assert runner.unkept == 120


class Closing(Summing):
    """Holds what cannot be kept."""

    name = "closing"

    def start(self, workspace: Workspace) -> SummingState:
        return lambda: None  # type: ignore[return-value]

    def step(self, state: SummingState, event: object) -> tuple[SummingState, tuple[()]]:
        return state, ()


def test_a_state_that_cannot_be_kept_is_said_and_holds_nothing_up(tmp_path: Path) -> None:
    topics = Topics([*RECORDS])
    runner = _runner(topics, _shelf(tmp_path, Closing()), Closing())
    with capture_logs() as logs:
        assert not runner.keep()
    assert [log["event"] for log in logs] == ["checkpoint_impossible"]


def test_none_is_taken_over_a_hole(tmp_path: Path) -> None:
    lost = next(record for record in RECORDS if record.seq == 2)
    topics = Topics([record for record in RECORDS if record is not lost])
    assert not _runner(topics, _shelf(tmp_path)).keep()


def test_what_doctor_shows_of_them(tmp_path: Path) -> None:
    _halfway(tmp_path)
    os.utime(_only(tmp_path), (1_000.0, 1_000.0))
    assert newest_age_s(tmp_path, 1_060.0) == {"summing-0": 60.0}
    assert read_checkpoint(_only(tmp_path)).reads[FRAMES.name].to == 60
