"""The same stories through Apache Kafka and Faust give the same records as the steps called directly, by id and number:
whatever the partitions, the workers, the order within the lateness, and the repeats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.broker import Broker
from streams.admit.agent import Admit
from streams.embedded import embedded_broker
from streams.topics import ensure_topics
from streams.worker import Agents
from tests.kafka import apache_kafka
from tests.pipeline import (
    ADMIT,
    DECIDED,
    Outcome,
    Sender,
    await_outcome,
    by_steps,
    differences,
    doubled,
    eventually,
    interleaved,
    merged,
    running,
    script,
    shuffled,
    tell,
)
from tests.processes import Processes, Slot


def _decided(outcome: Outcome) -> Outcome:
    return {topic.name: outcome[topic.name] for topic in DECIDED}


def _something_happens(wanted: Outcome) -> None:
    assert all(wanted[topic.name] for topic in DECIDED), {name: len(records) for name, records in wanted.items()}


@pytest.fixture
def kafka() -> Iterator[Broker]:
    with apache_kafka() as broker:
        yield broker


@pytest.mark.slow
def test_one_process_on_the_embedded_broker() -> None:
    (story,) = tell(1, contacts_per_day=500)
    wanted = by_steps(story, partitions=4)
    _something_happens(wanted)
    with embedded_broker() as broker:
        ensure_topics(broker)
        with running(Admit(broker, ADMIT, [story.workspace]), Agents(broker, [story.workspace])):
            Sender(broker).send(script(story))
            assert differences(await_outcome(broker, wanted), wanted) == []


@pytest.mark.kafka
@pytest.mark.slow
def test_one_partition_with_everything_sent_twice(kafka: Broker) -> None:
    (story,) = tell(1, contacts_per_day=500, seed=5)
    wanted = _decided(by_steps(story))
    _something_happens(wanted)
    ensure_topics(kafka, 1)
    with running(Admit(kafka, ADMIT, [story.workspace]), Agents(kafka, [story.workspace])):
        Sender(kafka).send(doubled(script(story)))
        assert differences(await_outcome(kafka, wanted), wanted) == []


@pytest.mark.kafka
@pytest.mark.slow
def test_twelve_partitions_with_the_order_shuffled_within_the_lateness(kafka: Broker) -> None:
    stories = tell(2, contacts_per_day=500, seed=7)
    wanted = _decided(merged(map(by_steps, stories)))
    _something_happens(wanted)
    ensure_topics(kafka, 12)
    spaces = [story.workspace for story in stories]
    scripts = [doubled(shuffled(script(story), story.workspace)) for story in stories]
    with running(Admit(kafka, ADMIT, spaces), Agents(kafka, spaces)):
        Sender(kafka).send(interleaved(scripts))
        assert differences(await_outcome(kafka, wanted), wanted) == []


def _owned(broker: Broker) -> list[int]:
    """How many partitions of frames each agent worker has."""
    admin = AdminClient({"bootstrap.servers": broker.servers})
    (described,) = admin.describe_consumer_groups(["whence-agents"], request_timeout=5.0).values()
    try:
        members = described.result(timeout=10.0).members
    except (KafkaException, TimeoutError):
        return []  # the group is not there yet
    return sorted(sum(place.topic == "frames" for place in member.assignment.topic_partitions) for member in members)


@pytest.mark.kafka
@pytest.mark.slow
def test_eight_workspaces_over_two_workers_that_both_own_some(kafka: Broker, tmp_path: Path) -> None:
    stories = tell(8, contacts_per_day=150, seed=20)
    wanted = merged(by_steps(story, partitions=4) for story in stories)
    _something_happens(wanted)
    ensure_topics(kafka)
    with Processes(tmp_path, kafka.servers, [story.workspace for story in stories]) as processes:
        for slot in (Slot("admit"), Slot("agents", 0), Slot("agents", 1)):
            processes.start(slot)
        eventually(lambda: _owned(kafka) == [2, 2])
        Sender(kafka).send(interleaved([script(story) for story in stories]))
        assert differences(await_outcome(kafka, wanted), wanted) == []
        assert _owned(kafka) == [2, 2]
