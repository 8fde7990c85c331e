"""Batches, repeats, order and partitions change nothing; marks close buckets, nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from schemas.catalog import RAW_TOPICS, TICKETS
from schemas.codec import decode
from schemas.contact import Contact
from schemas.frame import Frame
from schemas.raw import Ticket
from streams.admit.step import admit, start
from streams.merge import Bucket
from tests.streams.admit.making import ACME, SETTINGS, T0, admit_all, log, mark, merged, some_events, spread, ticket

SEEDS = st.integers(0, 2**32)


def shuffled_between_marks(events: Sequence[Ticket], random: Random) -> list[Struct]:
    """Minutes of events, each in any order, a mark after each that leaves the last two minutes open."""
    records: list[Struct] = []
    for minute in range(10):
        part = [
            e for e in events if T0 + timedelta(minutes=minute) <= e.occurred_at < T0 + timedelta(minutes=minute + 1)
        ]
        random.shuffle(part)
        records += part
        records.append(mark(60 * (minute - 1)))
    return [*records, mark(660, final=True)]


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_batch_boundaries_change_nothing(seed: int) -> None:
    random = Random(seed)
    records = shuffled_between_marks(some_events(random), random)
    late: list[Struct | bytes] = [*random.choices(records, k=20), b"{", b'{"event_id": 3}']
    messages = log([*records, *random.sample(late, len(late))])
    one_by_one = admit_all(messages, cuts=range(1, len(messages)))
    cuts = sorted(random.sample(range(1, len(messages)), 5))
    for other in (admit_all(messages), admit_all(messages, cuts=cuts)):
        assert other.contacts == one_by_one.contacts
        assert other.frames == one_by_one.frames
        assert other.letters == one_by_one.letters
        assert other.counters.repeats == one_by_one.counters.repeats


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_order_repeats_and_partitions_change_no_bucket(seed: int) -> None:
    random = Random(seed)
    events = some_events(random)
    plain = merged(admit_all(log([*events, mark(660, final=True)])).frames)
    assert sum(sum(bucket.counts.values()) for bucket in plain) > 60
    for count in (1, 4, 12):
        assert over_partitions(events, count, random) == plain


def over_partitions(events: Sequence[Ticket], count: int, random: Random) -> list[Bucket]:
    """The merged buckets when every event is sent once or twice, in any order within the lateness."""
    frames: list[list[Frame]] = []
    for i, part in enumerate(spread(events, count)):
        doubled = part + [event for event in part if random.random() < 0.5]
        messages = log(shuffled_between_marks(doubled, random))
        frames.append(admit_all(messages, partition=i, count=count).frames)
    return merged([frame for part in random.sample(frames, len(frames)) for frame in part])


def test_frames_count_and_repeats_do_not() -> None:
    first, second = ticket(1, 10), ticket(2, 20)
    out = admit_all(log([first, second, first, mark(120)]))
    assert [frame.counts for frame in out.frames] == [(2,)]
    assert out.counters.repeats == 1
    assert [decode(Contact, value).event_id for _, value in out.contacts] == ["e1", "e2"]


@pytest.mark.parametrize(("at_s", "late"), [(59.999, True), (60.0, False)])
def test_event_exactly_at_the_mark_counts_in_the_next_bucket(at_s: float, late: bool) -> None:
    out = admit_all(log([mark(60), ticket(1, at_s), mark(120)]))
    contact = decode(Contact, out.contacts[0][1])
    assert (contact.late, contact.counted) == (late, not late)
    assert [sum(frame.counts) for frame in out.frames] == [0, 0 if late else 1]
    assert out.frames[1].signs.late == late
    assert SETTINGS.sample_chars > 0
    assert ACME.bucket_s == 60


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_workspaces_beside_each_other_are_admitted_as_alone(seed: int) -> None:
    random = Random(seed)
    alone = shuffled_between_marks(some_events(random), random)
    others = [replace(event, workspace="other") for event in some_events(random) if isinstance(event, Ticket)]
    mixed: list[Struct] = []
    for record in alone:
        mixed += [record, *([others.pop()] if others and random.random() < 0.8 else [])]
    state = start(TICKETS, 0, {t.name: 1 for t in RAW_TOPICS}, (ACME, replace(ACME, name="other")), SETTINGS)
    _, both = admit(state, log(mixed))
    one = admit_all(log(alone))
    assert [frame for frame in both.frames if frame.workspace == "acme"] == one.frames
    found = [decode(Contact, value) for _, value in both.contacts]
    assert [c for c in found if c.workspace == "acme"] == [decode(Contact, value) for _, value in one.contacts]
    assert {contact.workspace for contact in found} == {"acme", "other"}
