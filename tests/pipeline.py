"""A story's way through everything, by the steps alone and through a broker, for comparing both by id."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice

from aiokafka.partitioner import murmur2  # type: ignore[import-untyped]
from confluent_kafka import Producer
from msgspec import Struct
from msgspec.structs import replace

from schemas.base import Sequenced
from schemas.broker import Broker, client_config
from schemas.catalog import (
    ALERTS,
    ATTRIBUTIONS,
    BY_NAME,
    CONTACTS,
    EXPECTATIONS,
    FRAMES,
    IMPACTS,
    RAW_TOPICS,
    SPIKES,
    TIMELINE,
    Topic,
)
from schemas.codec import decode, encode
from schemas.contact import Contact
from schemas.health import Part
from schemas.raw import PROGRESS_KEY
from schemas.workspace import Workspace
from sources.keys import PARTITIONER, encode_keyed
from sources.marks import Mark, Sent, with_marks
from sources.stories.story import Story, make_story
from streams.admit.settings import AdmitSettings
from streams.admit.step import RawMessage, admit, start
from streams.chain import Chain
from streams.reader import Delivery, Place, Reader
from streams.topics import partition_counts

ADMIT = AdmitSettings(customer_key=b"only-for-tests-0123456789")
DECIDED = (EXPECTATIONS, SPIKES, ATTRIBUTIONS, IMPACTS, ALERTS)
WRITTEN = (CONTACTS, FRAMES, TIMELINE, *DECIDED)

Key = tuple[str, ...]
Outcome = dict[str, dict[Key, Struct]]
"""What topics hold: records by workspace, origin and seq, contacts by workspace and event."""


def tell(number: int, *, seed: int = 1, contacts_per_day: float = 400.0, weeks: int = 2) -> list[Story]:
    """So many stories of an hour's buckets, each in a workspace of its own, that alert."""
    stories = [
        make_story(
            seed + place,
            weeks_of_history=weeks,
            live_days=1,
            contacts_per_day=contacts_per_day,
            bucket_s=3_600,
            workspace=f"shop-{place}",
        )
        for place in range(number)
    ]
    return [replace(one, workspace=replace(one.workspace, alerts=True)) for one in stories]


def script(story: Story) -> list[Sent | Mark]:
    """Its events and marks, in order."""
    return list(with_marks(story.events, story.workspace))


def shuffled(items: Iterable[Sent | Mark], workspace: Workspace, seed: int = 1) -> list[Sent | Mark]:
    """Every event moved within the lateness; those that came too late stay where they are."""
    rng = random.Random(seed)
    lateness = timedelta(seconds=workspace.lateness_s)

    def place(item: Sent | Mark) -> float:
        if isinstance(item, Mark):
            return float("inf") if item.progress.final else item.at.timestamp()
        if item.at - item.event.occurred_at >= lateness:
            return item.at.timestamp()
        return item.event.occurred_at.timestamp() + rng.random() * 0.9 * workspace.lateness_s

    return sorted(items, key=place)


def doubled(items: Iterable[Sent | Mark]) -> list[Sent | Mark]:
    """Every event and every mark twice in a row."""
    return [item for item in items for _ in range(2)]


def by_steps(story: Story, partitions: int = 1) -> Outcome:
    """What admit, detect, attribute and alert write when called directly, for so many partitions a raw topic."""
    return _Steps(story.workspace, partitions).outcome(script(story))


class _Steps:
    """Every stage of one workspace, and what is on its way to admit."""

    def __init__(self, workspace: Workspace, partitions: int) -> None:
        counts = {topic.name: partitions for topic in RAW_TOPICS}
        self._states = {
            Place(topic.name, place): start(topic, place, counts, (workspace,), ADMIT)
            for topic in RAW_TOPICS
            for place in range(partitions)
        }
        self._waiting: dict[Place, list[RawMessage]] = {place: [] for place in self._states}
        self._partitions = partitions
        self._chain = Chain(workspace)
        self._outcome: Outcome = {topic.name: {} for topic in WRITTEN}

    def outcome(self, items: Iterable[Sent | Mark]) -> Outcome:
        for item in items:
            at_ms = int(item.at.timestamp() * 1_000)
            if isinstance(item, Sent):
                key, value = encode_keyed(item.topic, item.event)
                place = Place(item.topic.name, (murmur2(key) & 0x7FFFFFFF) % self._partitions)
                self._waiting[place].append(RawMessage(0, at_ms, key, value))
            else:
                for messages in self._waiting.values():
                    messages.append(RawMessage(0, at_ms, PROGRESS_KEY, encode(item.progress)))
                self._admit()
        return self._outcome

    def _admit(self) -> None:
        for place, messages in self._waiting.items():
            self._states[place], admitted = admit(self._states[place], messages)
            messages.clear()
            for _, value in admitted.contacts:
                self._keep(CONTACTS, decode(Contact, value))
            for topic, records in ((TIMELINE, admitted.timeline), (FRAMES, admitted.frames)):
                for record in records:
                    self._keep(topic, record)
                    for written_to, written in self._chain.feed(record):
                        self._keep(written_to, written)

    def _keep(self, topic: Topic, record: Struct) -> None:
        # Through the codec, as a broker would: it rounds times to milliseconds and sorts dictionaries.
        self._outcome[topic.name][key_of(record)] = decode(topic.type, encode(record))


def key_of(record: Struct) -> Key:
    """By what a record is known."""
    if isinstance(record, Sequenced):
        return (record.workspace, record.origin, f"{record.seq:09}")
    assert isinstance(record, Contact)
    return (record.workspace, record.event_id)


def merged(outcomes: Iterable[Outcome]) -> Outcome:
    """Those of several workspaces together."""
    together: Outcome = {topic.name: {} for topic in WRITTEN}
    for outcome in outcomes:
        for name, records in outcome.items():
            together[name].update(records)
    return together


def interleaved(scripts: Sequence[Sequence[Sent | Mark]], seed: int = 1) -> list[Sent | Mark]:
    """Several scripts side by side, each in its own order."""
    rng = random.Random(seed)
    turns = [place for place, one in enumerate(scripts) for _ in range(0, len(one), 50)]
    rng.shuffle(turns)
    left = [iter(one) for one in scripts]
    return [item for place in turns for item in islice(left[place], 50)]


class Sender:
    """Sends scripts to the raw topics, with the replay's clock as Kafka's time."""

    def __init__(self, broker: Broker) -> None:
        self._producer = Producer(
            client_config(broker, enable_idempotence=True, partitioner=PARTITIONER, linger_ms=20),
            logger=logging.getLogger("whence.broker"),
        )
        counts = partition_counts(broker)
        self._partitions = {topic.name: range(counts[topic.name]) for topic in RAW_TOPICS}

    def send(self, items: Iterable[Sent | Mark]) -> None:
        """Send them, and wait for the broker's word."""
        for item in items:
            at_ms = int(item.at.timestamp() * 1_000)
            if isinstance(item, Sent):
                key, value = encode_keyed(item.topic, item.event)
                self._produce(item.topic.name, value, key, at_ms, -1)
            else:
                for name, partitions in self._partitions.items():
                    for partition in partitions:
                        self._produce(name, encode(item.progress), PROGRESS_KEY, at_ms, partition)
        assert self._producer.flush(60.0) == 0

    def _produce(self, topic: str, value: bytes, key: bytes, at_ms: int, partition: int) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition, timestamp=at_ms)
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return


def outcome_of(broker: Broker, topics: Sequence[Topic] = WRITTEN) -> Outcome:
    """What lies on the topics; a second copy of a record must equal the first."""
    partitions = partition_counts(broker)
    places = {Place(topic.name, place): 0 for topic in topics for place in range(partitions[topic.name])}
    found: Outcome = {topic.name: {} for topic in topics}
    reader = Reader(broker)
    for item in reader.read(places):
        if isinstance(item, Delivery):
            record = decode(BY_NAME[item.topic].type, item.value or b"")
            assert found[item.topic].setdefault(key_of(record), record) == record
    reader.close()
    return found


def differences(found: Outcome, wanted: Outcome) -> list[str]:
    """What is missing, too much or different, a line each; empty when they are the same."""
    lines = []
    for name, records in wanted.items():
        for key in sorted(records.keys() | found[name].keys()):
            one, other = records.get(key), found[name].get(key)
            if one != other:
                lines.append(f"{name} {'/'.join(key)}: wanted {str(one)[:300]}, found {str(other)[:300]}")
    return lines


@contextmanager
def running(*parts: Part) -> Iterator[None]:
    """Parts in threads, as ``up`` runs them; each must end within five seconds."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def run(part: Part) -> None:
        try:
            part.run(stop)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(part,), name=part.name) for part in parts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(15.0)
        assert not any(thread.is_alive() for thread in threads)
    assert not failures, failures


def eventually(what: Callable[[], bool], timeout_s: float = 400.0) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.2)


def await_outcome(broker: Broker, wanted: Outcome, timeout_s: float = 400.0) -> Outcome:
    """Read the topics until they hold as many records as wanted, or time is up."""
    deadline = time.monotonic() + timeout_s
    found = outcome_of(broker)
    while time.monotonic() < deadline and any(len(found[name]) < len(records) for name, records in wanted.items()):
        time.sleep(1.0)
        found = outcome_of(broker)
    return found
