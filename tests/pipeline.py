"""A story's way through everything, by the steps alone and through a broker, for comparing both by id."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from confluent_kafka import Producer
from msgspec.structs import replace

from schemas.base import Sequenced
from schemas.broker import Broker, client_config
from schemas.catalog import ALERTS, ATTRIBUTIONS, EXPECTATIONS, FRAMES, IMPACTS, RAW_TOPICS, SPIKES, Topic
from schemas.codec import decode, encode
from schemas.frame import Frame
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

Key = tuple[str, str, int]
Outcome = dict[str, dict[Key, Sequenced]]
"""What every topic of ``DECIDED`` holds, by workspace, origin and seq."""


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
        if isinstance(item, Mark) or item.at - item.event.occurred_at >= lateness:
            return item.at.timestamp()
        return item.event.occurred_at.timestamp() + rng.random() * 0.9 * workspace.lateness_s

    return sorted(items, key=place)


def doubled(items: Iterable[Sent | Mark]) -> list[Sent | Mark]:
    """Every event and every mark twice in a row."""
    return [item for item in items for _ in range(2)]


def by_steps(story: Story) -> Outcome:
    """What admit, detect, attribute and alert decide when called directly, every topic one partition."""
    one_each = {topic.name: 1 for topic in RAW_TOPICS}
    states = {topic.name: start(topic, 0, one_each, (story.workspace,), ADMIT) for topic in RAW_TOPICS}
    waiting: dict[str, list[RawMessage]] = {name: [] for name in one_each}
    offsets = dict.fromkeys(one_each, 0)
    chain = Chain(story.workspace)
    outcome: Outcome = {topic.name: {} for topic in DECIDED}

    def put(topic: str, at_ms: int, key: bytes, value: bytes) -> None:
        waiting[topic].append(RawMessage(offsets[topic], at_ms, key, value))
        offsets[topic] += 1

    def take(record: Sequenced) -> None:
        for topic, written in chain.feed(record):
            if topic in DECIDED:
                outcome[topic.name][written.workspace, written.origin, written.seq] = written

    for item in script(story):
        at_ms = int(item.at.timestamp() * 1_000)
        if isinstance(item, Sent):
            put(item.topic.name, at_ms, *encode_keyed(item.topic, item.event))
            continue
        for name, messages in waiting.items():
            put(name, at_ms, PROGRESS_KEY, encode(item.progress))
            states[name], admitted = admit(states[name], messages)
            messages.clear()
            for record in (*admitted.timeline, *admitted.frames):
                take(record)
    return outcome


def merged(outcomes: Iterable[Outcome]) -> Outcome:
    """Those of several workspaces together."""
    together: Outcome = {topic.name: {} for topic in DECIDED}
    for outcome in outcomes:
        for name, records in outcome.items():
            together[name].update(records)
    return together


def interleaved(scripts: Sequence[Sequence[Sent | Mark]]) -> Iterator[Sent | Mark]:
    """Several scripts side by side, by their clocks."""
    return iter(sorted((item for one in scripts for item in one), key=lambda item: item.at))


class Sender:
    """Sends scripts to the raw topics, with the replay's clock as Kafka's time."""

    def __init__(self, broker: Broker) -> None:
        self._producer = Producer(client_config(broker, enable_idempotence=True, partitioner=PARTITIONER, linger_ms=20))
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


def records_of(broker: Broker, topic: Topic) -> list[Sequenced]:
    """Every committed record of a topic, as it lies there."""
    reader = Reader(broker)
    places = {Place(topic.name, partition): 0 for partition in range(partition_counts(broker)[topic.name])}
    values = [item.value or b"" for item in reader.read(places) if isinstance(item, Delivery)]
    reader.close()
    records = [decode(topic.type, value) for value in values]
    return [record for record in records if isinstance(record, Sequenced)]


def by_key(records: Iterable[Sequenced]) -> dict[Key, Sequenced]:
    """By workspace, origin and seq; a second copy must equal the first."""
    found: dict[Key, Sequenced] = {}
    for record in records:
        assert found.setdefault((record.workspace, record.origin, record.seq), record) == record
    return found


def outcome_of(broker: Broker) -> Outcome:
    """What lies on the topics."""
    return {topic.name: by_key(records_of(broker, topic)) for topic in DECIDED}


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


def eventually(what: Callable[[], bool], timeout_s: float = 120.0) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.2)


def await_outcome(broker: Broker, wanted: Outcome, timeout_s: float = 120.0) -> Outcome:
    """Read the topics until they hold as many records as wanted, or time is up."""
    deadline = time.monotonic() + timeout_s
    found = outcome_of(broker)
    while _short(found, wanted) and time.monotonic() < deadline:
        time.sleep(0.5)
        found = outcome_of(broker)
    return found


def _short(found: Outcome, wanted: Outcome) -> bool:
    return any(len(found[name]) < len(records) for name, records in wanted.items())


def frame_count(broker: Broker) -> dict[str, int]:
    """Contacts counted by frames, by workspace."""
    counts: dict[str, int] = {}
    for record in by_key(records_of(broker, FRAMES)).values():
        assert isinstance(record, Frame)
        if record.stream == "contacts":
            counts[record.workspace] = counts.get(record.workspace, 0) + sum(record.counts)
    return counts
