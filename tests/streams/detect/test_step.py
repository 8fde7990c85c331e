"""Detect finds what was planted, and nothing about delivery can change what it finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from schemas.base import Sequenced
from schemas.catalog import EXPECTATIONS, SPIKES, Topic
from schemas.frame import Frame, WatchedStream
from schemas.spike import Expectation, Spike
from schemas.workspace import Dimension, Workspace
from streams.detect.step import DETECT

START = datetime(2024, 3, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIMENSIONS: tuple[Dimension, ...] = ("platform", "topic")
LEAVES = tuple((platform, topic) for platform in ("android", "ios", "web") for topic in ("bill", "login", "order"))
WORKSPACE = Workspace(name="acme", bucket_s=3600, progress="input", dimensions=DIMENSIONS, budget_per_week=0.05)
Contact = tuple[int, int]
"""Hour and leaf."""


def stream(
    hours: int, *, per_hour: float = 20.0, seed: int = 1, spike: tuple[int, int, int, float] | None = None
) -> list[Contact]:
    """Contacts of a seasonal stream; ``spike`` adds to a leaf from an hour for some hours so many an hour."""
    random = np.random.default_rng(seed)
    at = np.arange(hours)
    shape = np.exp(0.6 * np.sin((at % 24 - 9) / 24 * 2 * np.pi)) * np.where(at // 24 % 7 >= 5, 0.6, 1.0)
    counts = random.poisson(per_hour * shape[:, None] * random.dirichlet(np.full(len(LEAVES), 4.0)))
    if spike is not None:
        leaf, begin, length, extra = spike
        counts[begin : begin + length, leaf] += random.poisson(extra, length)
    return [(hour, leaf) for hour in range(hours) for leaf in range(len(LEAVES)) for _ in range(counts[hour, leaf])]


def frames(
    contacts: Iterable[Contact],
    hours: int,
    *,
    inputs: tuple[str, ...] = ("tickets/0",),
    mark_every: int = 1,
    seed: int = 0,
    stream_name: WatchedStream = "contacts",
    final: bool = True,
) -> dict[str, list[Frame]]:
    """The frames that admit would write, per input partition; contacts fall into partitions by chance."""
    random = np.random.default_rng(seed)
    counts: dict[str, dict[int, dict[int, int]]] = {name: defaultdict(lambda: defaultdict(int)) for name in inputs}
    for hour, leaf in contacts:
        counts[inputs[random.integers(len(inputs))]][hour][leaf] += 1
    made: dict[str, list[Frame]] = {}
    for name in inputs:
        out: list[Frame] = []
        for mark in range(mark_every, hours + mark_every, mark_every):
            closed = [hour for hour in range(mark - mark_every, min(mark, hours)) if counts[name][hour]]
            for hour in closed or [min(mark, hours)]:
                here = counts[name][hour] if closed else {}
                until = START + (HOUR * (hour + 1) if here else HOUR * hour)
                leaves = sorted(here)
                out.append(
                    Frame(
                        workspace="acme",
                        origin=name,
                        seq=len(out) + 1,
                        stream=stream_name,
                        inputs=inputs,
                        bucket_start=START + HOUR * hour,
                        bucket_s=3600,
                        until=until,
                        dimensions=DIMENSIONS,
                        leaves=tuple(LEAVES[leaf] for leaf in leaves),
                        counts=tuple(here[leaf] for leaf in leaves),
                    )
                )
        end = START + HOUR * hours
        out.append(
            Frame(
                workspace="acme",
                origin=name,
                seq=len(out) + 1,
                stream=stream_name,
                inputs=inputs,
                bucket_start=end,
                bucket_s=3600,
                until=end,
                final=final,
            )
        )
        made[name] = out
    return made


def interleaved(made: dict[str, list[Frame]], seed: int) -> Iterator[Frame]:
    """All inputs' frames in some order that keeps each input's own."""
    random = np.random.default_rng(seed)
    left = {name: list(reversed(some)) for name, some in made.items()}
    while any(left.values()):
        names = sorted(name for name, some in left.items() if some)
        yield left[names[random.integers(len(names))]].pop()


def run(some: Iterable[Frame]) -> list[tuple[Topic, Sequenced]]:
    """Everything detect writes."""
    state = DETECT.start(WORKSPACE)
    out: list[tuple[Topic, Sequenced]] = []
    for frame in some:
        state, outputs = DETECT.step(state, frame)
        out.extend(outputs)
    return out


def written(out: list[tuple[Topic, Sequenced]]) -> list[bytes]:
    """Records as bytes, in order, per topic."""
    return [msgspec.json.encode((topic.name, record)) for topic, record in out]


def spikes(out: list[tuple[Topic, Sequenced]]) -> list[Spike]:
    return [record for _, record in out if isinstance(record, Spike)]


def expectations(out: list[tuple[Topic, Sequenced]]) -> list[Expectation]:
    return [record for _, record in out if isinstance(record, Expectation)]


HOURS = 24 * 35
PLANTED = (5, 24 * 30 + 10, 12, 12.0)


@pytest.fixture(scope="module")
def planted() -> list[Contact]:
    return stream(HOURS, spike=PLANTED)


@pytest.fixture(scope="module")
def reference(planted: list[Contact]) -> list[tuple[Topic, Sequenced]]:
    return run(interleaved(frames(planted, HOURS), 0))


def test_planted_spike_is_found_once_where_and_when_it_was(reference: list[tuple[Topic, Sequenced]]) -> None:
    found = spikes(reference)
    assert len({spike.spike_id for spike in found}) == 1
    last = found[-1]
    assert last.slice == {"platform": "ios", "topic": "order"}
    assert abs(last.onset - (START + HOUR * PLANTED[1])) <= 2 * HOUR
    assert last.onset_low <= last.onset <= last.onset_high
    assert last.state == "closed"
    assert last.end is not None
    assert abs(last.end - (START + HOUR * (PLANTED[1] + PLANTED[2]))) <= 3 * HOUR
    assert last.excess_low <= 144 <= last.excess_high + 20


def test_planted_spike_is_told_within_hours_of_its_onset(reference: list[tuple[Topic, Sequenced]]) -> None:
    assert spikes(reference)[0].as_of - (START + HOUR * PLANTED[1]) <= 3 * HOUR


def test_every_bucket_has_one_expectation_and_the_end_one_more(reference: list[tuple[Topic, Sequenced]]) -> None:
    told = expectations(reference)
    assert [one.bucket_start for one in told[:-1]] == [START + HOUR * hour for hour in range(HOURS)]
    assert [one.final for one in told] == [False] * HOURS + [True]
    assert told[-1].until == START + HOUR * HOURS


def test_seq_counts_from_one_without_holes_per_topic(reference: list[tuple[Topic, Sequenced]]) -> None:
    for topic in (SPIKES, EXPECTATIONS):
        numbers = [record.seq for where, record in reference if where is topic]
        assert numbers == list(range(1, len(numbers) + 1))


def test_spike_seq_covers_the_spikes_written_before(reference: list[tuple[Topic, Sequenced]]) -> None:
    last = 0
    for _, record in reference:
        if isinstance(record, Spike):
            last = record.seq
        elif isinstance(record, Expectation):
            assert record.spike_seq == last


def test_revisions_count_up_per_spike(reference: list[tuple[Topic, Sequenced]]) -> None:
    revisions = [spike.revision for spike in spikes(reference)]
    assert revisions == list(range(1, len(revisions) + 1))


@pytest.mark.parametrize(("inputs", "mark_every"), [(1, 24), (3, 1), (4, 7)])
def test_partitions_marks_and_interleaving_change_nothing(
    planted: list[Contact], reference: list[tuple[Topic, Sequenced]], inputs: int, mark_every: int
) -> None:
    names = tuple(f"tickets/{number}" for number in range(inputs))
    made = frames(planted, HOURS, inputs=names, mark_every=mark_every, seed=inputs)
    assert written(run(interleaved(made, inputs))) == written(reference)


@pytest.mark.parametrize("hours", [24 * 3 + 5, 24 * 30 + 12, 24 * 30 + 15, 24 * 33])
def test_streaming_equals_batch_at_every_prefix(
    planted: list[Contact], reference: list[tuple[Topic, Sequenced]], hours: int
) -> None:
    prefix = [contact for contact in planted if contact[0] < hours]
    out = run(frames(prefix, hours, final=False)["tickets/0"])
    assert written(out) == written(reference)[: len(out)]
    assert len(expectations(out)) == hours


def test_input_that_ends_in_a_spike_says_so_and_goes_on(planted: list[Contact]) -> None:
    cut = PLANTED[1] + 6
    state = DETECT.start(WORKSPACE)
    out: list[tuple[Topic, Sequenced]] = []
    some = frames(planted, HOURS)["tickets/0"]
    early = [frame for frame in some if frame.until <= START + HOUR * cut]
    for frame in (*early[:-1], msgspec.structs.replace(early[-1], final=True)):
        state, outputs = DETECT.step(state, frame)
        out.extend(outputs)
    last = spikes(out)[-1]
    assert (last.state, last.end) == ("open", START + HOUR * cut)
    assert expectations(out)[-1].final
    for frame in some[len(early) :]:
        state, outputs = DETECT.step(state, frame)
        out.extend(outputs)
    assert spikes(out)[-1].spike_id == last.spike_id
    assert spikes(out)[-1].state == "closed"


def test_first_days_are_silent() -> None:
    out = run(frames(stream(24 * 6, spike=(2, 20, 3, 60.0)), 24 * 6)["tickets/0"])
    assert spikes(out) == []


def test_collection_gap_is_marked_and_is_no_spike_afterwards() -> None:
    contacts = [one for one in stream(HOURS, seed=4) if not 24 * 25 <= one[0] < 24 * 27]
    out = run(frames(contacts, HOURS)["tickets/0"])
    gaps = [one.bucket_start for one in expectations(out) if one.gap]
    assert spikes(out) == []
    assert len(gaps) >= 44
    assert START + HOUR * 24 * 25 <= gaps[0] <= START + HOUR * (24 * 25 + 4)
    assert gaps[-1] == START + HOUR * (24 * 27 - 1)


def test_gap_does_not_lower_what_is_expected_afterwards() -> None:
    whole, seen = stream(HOURS, seed=4), 24 * 30 + 12
    holed = [one for one in whole if not 24 * 25 <= one[0] < 24 * 27]
    after = [expectations(run(frames(some, HOURS)["tickets/0"]))[seen].bands[0].expected for some in (whole, holed)]
    assert after[1] == pytest.approx(after[0], rel=0.1)


def test_spike_does_not_raise_what_is_expected_afterwards(reference: list[tuple[Topic, Sequenced]]) -> None:
    calm = expectations(run(frames(stream(HOURS), HOURS)["tickets/0"]))[24 * 33 + 12]
    after = expectations(reference)[24 * 33 + 12]
    assert after.bands[0].expected == pytest.approx(calm.bands[0].expected, rel=0.05)


def test_low_scores_are_watched_beside_contacts() -> None:
    made = frames(stream(HOURS, spike=PLANTED), HOURS, inputs=("surveys/0",), stream_name="low_scores")
    found = spikes(run(made["surveys/0"]))
    assert {spike.origin for spike in found} == {"low_scores"}


def test_expectation_shows_everywhere_first_and_slices_with_ranges(reference: list[tuple[Topic, Sequenced]]) -> None:
    bands = expectations(reference)[24 * 20].bands
    assert bands[0].slice == ""
    assert {"platform=ios", "topic=login"} <= {band.slice for band in bands}
    assert all(band.low <= band.expected <= band.high for band in bands)
