"""Frames and timeline entries made straight from a world are those that admit makes of its raw events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import blake2b

import pytest

from schemas.base import Sequenced
from schemas.catalog import RAW_TOPICS, TIMELINE_TOPICS
from schemas.codec import encode
from schemas.frame import Frame
from schemas.raw import PROGRESS_KEY, Progress
from sources.stories.worlds import World, make_world
from sources.stories.worlds.frames import marks_of
from sources.stories.worlds.records import moment
from streams.admit.settings import AdmitSettings
from streams.admit.step import RawMessage, admit, start

KEY = b"a key for a made-up world"


def hide(customer: str) -> str:
    return blake2b(customer.encode(), key=KEY, digest_size=12).hexdigest()


def admitted(world: World) -> Iterator[Sequenced]:
    """What admit makes of a world's raw events, with the marks that the world has."""
    topics = (*TIMELINE_TOPICS, *(topic for topic in reversed(RAW_TOPICS) if topic not in TIMELINE_TOPICS))
    one_each = {topic.name: 1 for topic in topics}
    settings = AdmitSettings(customer_key=KEY)
    states = {topic.name: start(topic, 0, one_each, (world.workspace,), settings) for topic in topics}
    offsets = dict.fromkeys(one_each, 0)
    waiting: dict[str, list[RawMessage]] = {name: [] for name in one_each}
    events = list(world.events())
    place = 0
    for mark in marks_of(world.market.ends):
        final = mark == world.market.ends
        while place < len(events) and (events[place][0] < mark + world.workspace.lateness_s or final):
            at, topic, event = events[place]
            place += 1
            arrived_ms = int(moment(world.start, at).timestamp() * 1000)
            waiting[topic.name].append(RawMessage(offsets[topic.name], arrived_ms, b"k", encode(event)))
            offsets[topic.name] += 1
        until = moment(world.start, mark)
        sign = encode(Progress(workspace=world.workspace.name, until=until, final=final))
        for topic in topics:
            name = topic.name
            said = RawMessage(
                offsets[name], int((until + timedelta(seconds=120)).timestamp() * 1000), PROGRESS_KEY, sign
            )
            states[name], out = admit(states[name], [*waiting[name], said])
            waiting[name] = []
            offsets[name] += 1
            assert not out.letters
            yield from out.timeline
            yield from out.frames


def by_origin(records: Iterator[Sequenced]) -> dict[str, list[Sequenced]]:
    found: dict[str, list[Sequenced]] = {}
    for record in records:
        found.setdefault(record.origin, []).append(record)
    return found


@pytest.mark.parametrize("seed", [19, 9])
def test_records_made_directly_equal_those_that_admit_makes_of_the_raw_events(seed: int) -> None:
    world = make_world("software", seed, days=14, history_days=4, effects=8, per_hour=30.0)
    faults = {effect.fault for effect in world.drama.effects}
    assert faults - {None}, "the world should hold a fault of measurement"
    direct, through = by_origin(world.records(hide)), by_origin(admitted(world))
    assert direct.keys() == through.keys()
    for origin, records in through.items():
        assert len(direct[origin]) == len(records), origin
        for mine, theirs in zip(direct[origin], records, strict=True):
            assert mine == theirs
    frames = [one for one in direct["tickets/0"] if isinstance(one, Frame)]
    assert sum(frame.signs.late for frame in frames) > 0
    assert sum(sum(frame.counts) for frame in frames) > 0.97 * world.crowd.at.size
