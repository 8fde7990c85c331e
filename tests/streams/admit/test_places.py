"""A restart at any offset goes on as if nothing had happened."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from schemas.catalog import CHANGES, RAW_TOPICS, TICKETS, Topic
from schemas.errors import FatalError
from schemas.raw import Ticket
from schemas.workspace import Workspace
from streams.admit.places import load, require_room, rewind, save, settle
from streams.admit.step import Admitted, PartitionState, RawMessage, admit, start
from tests.streams.admit.making import ACME, SETTINGS, change, log, mark, some_events, ticket

SHORT = replace(ACME, repeat_horizon_s=60)
OTHER = replace(SHORT, name="other", bucket_s=30)
COUNTS = {topic.name: 1 for topic in RAW_TOPICS}


def fresh(topic: Topic = TICKETS) -> PartitionState:
    return start(topic, 0, COUNTS, (SHORT, OTHER), SETTINGS)


def restarted(messages: list[RawMessage], cut: int, metadata: str, topic: Topic = TICKETS) -> PartitionState:
    """The state that a new process has after reading again what the metadata tells it to."""
    committed = messages[cut - 1].offset + 1
    state = fresh(topic)
    saved = load(metadata)
    first = rewind(state, saved, committed)
    state, _ = admit(state, [message for message in messages[:cut] if message.offset >= first])
    settle(state, saved)
    return state


def outputs(out: Admitted) -> tuple[object, ...]:
    return out.contacts, out.frames, out.timeline, out.letters, out.counters.repeats, out.counters.late


def eventful(random: Random) -> list[RawMessage]:
    """Two workspaces, repeats early and late, ids with other content, contacts opened twice, marks that lag."""
    events = [replace(event, workspace=random.choice(["acme", "acme", "other"])) for event in some_events(random, 200)]
    records: list[Struct | bytes] = []
    for i, event in enumerate(events):
        records.append(event)
        if random.random() < 0.3:
            records.append(random.choice(events[max(0, i - 40) : i + 1]))
        if random.random() < 0.1:
            old = random.choice(events[max(0, i - 60) : i + 1])
            records.append(replace(event, event_id=old.event_id, text="something else"))
        if random.random() < 0.1:
            reached_s = (event.occurred_at - events[0].occurred_at).total_seconds()
            records.append(mark(reached_s - random.random() * 60, workspace=random.choice(["acme", "other"])))
    return log([*records, mark(700, final=True), mark(700, workspace="other", final=True)])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_a_restart_at_any_offset_changes_nothing(seed: int) -> None:
    random = Random(seed)
    messages = eventful(random)
    cut = random.randrange(1, len(messages))
    state, _ = admit(fresh(), messages[:cut])
    metadata = save(state, messages[cut - 1].offset + 1)
    again = restarted(messages, cut, metadata)
    assert save(again, messages[cut - 1].offset + 1) == metadata
    state, expected = admit(state, messages[cut:])
    again, got = admit(again, messages[cut:])
    assert outputs(got) == outputs(expected)
    end = messages[-1].offset + 1
    assert save(again, end) == save(state, end)


def test_two_restarts_in_a_row_change_nothing() -> None:
    random = Random(11)
    messages = eventful(random)
    first, second = len(messages) // 3, len(messages) // 2
    state, _ = admit(fresh(), messages[:first])
    again = restarted(messages, first, save(state, messages[first - 1].offset + 1))
    again, _ = admit(again, messages[first:second])
    once_more = restarted(messages, second, save(again, messages[second - 1].offset + 1))
    state, _ = admit(state, messages[first:second])
    assert outputs(admit(once_more, messages[second:])[1]) == outputs(admit(state, messages[second:])[1])


def test_reading_again_begins_at_the_first_remembered_event_only() -> None:
    messages = log([ticket(i, 10 * i) for i in range(60)] + [mark(590)])
    state, _ = admit(fresh(), messages)
    (line,) = load(save(state, 122))
    # The first open bucket begins at 540 s, the horizon is one minute: ticket 48, at 480 s, is the first remembered.
    assert line.first == 2 * 48
    assert rewind(fresh(), [line], 122) == 96


def test_a_timeline_restarts_too() -> None:
    messages = log([change(1, 0), mark(100), change(2, 200), change(2, 200), mark(300), change(3, 400)])
    state, _ = admit(fresh(CHANGES), messages[:4])
    again = restarted(messages, 4, save(state, 8), CHANGES)
    _, expected = admit(state, [*messages[3:4], *messages[4:]])
    _, got = admit(again, [*messages[3:4], *messages[4:]])
    assert outputs(got) == outputs(expected)
    assert [entry.seq for entry in got.timeline] == [4, 5]
    assert got.counters.repeats == 1


def test_nothing_committed_means_from_the_beginning() -> None:
    assert load("") == []
    assert rewind(fresh(), [], 0) == 0


@pytest.mark.parametrize("metadata", ["somebody else's note", "zzz", "[[1]]"])
def test_metadata_of_others_is_refused(metadata: str) -> None:
    with pytest.raises(FatalError, match=r"metadata cannot be read .* Give admit a consumer group of its own"):
        load(metadata)


def test_too_many_workspaces_are_refused_at_start() -> None:
    require_room(tuple(Workspace(name=f"workspace {i}") for i in range(20)), 4_096)
    with pytest.raises(FatalError, match=r"900 workspaces need \d+ bytes of metadata .* more than 4096.* Raise offset"):
        require_room(tuple(Workspace(name=f"workspace {i}") for i in range(900)), 4_096)


def test_large_metadata_are_packed_and_read_back() -> None:
    many = tuple(Workspace(name=f"workspace {i}", progress="input") for i in range(60))
    state = start(TICKETS, 0, COUNTS, many, SETTINGS)
    records: list[Struct | bytes] = [
        event for i in range(60) for event in (_of(i), mark(600, workspace=f"workspace {i}"))
    ]
    state, _ = admit(state, log(records))
    packed = save(state, 1_000)
    assert packed.startswith("z")
    assert len(packed) < 4_096
    assert [line.workspace for line in load(packed)] == [workspace.name for workspace in many]


def _of(number: int) -> Ticket:
    return ticket(number, 650, workspace=f"workspace {number}")
