"""Two small stages in a row, and frames to feed them: enough to show what the runtime loses or doubles."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from confluent_kafka import Producer
from msgspec import Struct

from schemas.alert import Alert
from schemas.base import Sequenced
from schemas.broker import Broker
from schemas.catalog import ALERTS, EXPECTATIONS, FRAMES, Topic
from schemas.codec import decode, encode
from schemas.frame import Frame
from schemas.spike import Expectation
from schemas.workspace import Workspace
from streams.chain import Chain
from streams.merge import Merger, merge
from streams.reader import Delivery, Place, Reader
from streams.stage import AnyStage, Outputs, Record
from streams.topics import partition_counts

START = datetime(2026, 3, 2, tzinfo=UTC)
INPUTS = ("tickets/0", "tickets/1", "chats/0")


class SummingState(Struct, frozen=True):
    merger: Merger
    seq: int = 0


class Summing:
    """Writes the total of every bucket that all inputs have closed."""

    name = "summing"
    reads = (FRAMES,)
    writes = (EXPECTATIONS,)

    def start(self, workspace: Workspace) -> SummingState:
        return SummingState(Merger(stream="contacts", sample_k=1, bucket_s=workspace.bucket_s))

    def step(self, state: SummingState, event: Record) -> tuple[SummingState, Outputs]:
        assert isinstance(event, Frame)
        merger, advance = merge(state.merger, event)
        outputs = tuple(
            (
                EXPECTATIONS,
                Expectation(
                    workspace=event.workspace,
                    origin="contacts",
                    seq=state.seq + number,
                    stream="contacts",
                    bucket_start=bucket.start,
                    bucket_s=merger.bucket_s,
                    until=bucket.end,
                    spike_seq=sum(bucket.counts.values()),
                ),
            )
            for number, bucket in enumerate(advance.buckets, start=1)
        )
        return SummingState(merger, state.seq + len(outputs)), outputs


class TallyState(Struct, frozen=True):
    total: int = 0
    seen: int = 0


class Tally:
    """Writes the running total after every third bucket."""

    name = "tally"
    reads = (EXPECTATIONS,)
    writes = (ALERTS,)

    def start(self, workspace: Workspace) -> TallyState:
        return TallyState()

    def step(self, state: TallyState, event: Record) -> tuple[TallyState, Outputs]:
        assert isinstance(event, Expectation)
        state = TallyState(state.total + event.spike_seq, state.seen + 1)
        if state.seen % 3:
            return state, ()
        alert = Alert(
            workspace=event.workspace,
            origin="alert",
            seq=state.seen // 3,
            alert_id=f"{event.workspace}-{state.seen}",
            revision=1,
            at=event.until,
            event="opened",
            audience="operations",
            kind="unknown",
            probability=1.0,
            contacts=float(state.total),
            contacts_low=0.0,
            contacts_high=0.0,
            text="",
        )
        return state, ((ALERTS, alert),)


TOYS: tuple[AnyStage, ...] = (Summing(), Tally())


def workspaces(number: int) -> tuple[Workspace, ...]:
    """So many, one bucket a minute."""
    return tuple(Workspace(name=f"shop-{place}") for place in range(number))


def frames(names: Iterable[str], buckets: int, seed: int = 1) -> list[Frame]:
    """Frames of all inputs of all workspaces in an order that keeps only each input's own."""
    rng = random.Random(seed)
    series = [list(_frames(name, origin, buckets)) for name in names for origin in INPUTS]
    mixed: list[Frame] = []
    while series:
        chosen = rng.choice(series)
        mixed.extend(chosen[: (taken := rng.randint(1, 5))])
        del chosen[:taken]
        series = [left for left in series if left]
    return mixed


def _frames(workspace: str, origin: str, buckets: int) -> Iterator[Frame]:
    rng = random.Random(f"{workspace}/{origin}")
    for number in range(buckets):
        start = START + timedelta(minutes=number)
        count = rng.randint(0, 9)
        yield Frame(
            workspace=workspace,
            origin=origin,
            seq=number + 1,
            stream="contacts",
            inputs=INPUTS,
            bucket_start=start,
            bucket_s=60,
            until=start + timedelta(minutes=1),
            final=number == buckets - 1,
            dimensions=("product",),
            leaves=(("app",),) if count else (),
            counts=(count,) if count else (),
        )


def publish(broker: Broker, records: Iterable[Sequenced], topic: Topic = FRAMES) -> None:
    """As admit would: keyed by workspace, in order."""
    producer = Producer({"bootstrap.servers": broker.servers, "enable.idempotence": True})
    for record in records:
        producer.produce(topic.name, encode(record), record.workspace.encode())
        producer.poll(0)
    assert producer.flush(30.0) == 0


def read_back(broker: Broker, topic: Topic) -> dict[tuple[str, str, int], Sequenced]:
    """Every record of a topic by workspace, origin and seq; two with the same must be the same."""
    reader = Reader(broker)
    found: dict[tuple[str, str, int], Sequenced] = {}
    partitions = partition_counts(broker)[topic.name]
    for item in reader.read({Place(topic.name, partition): 0 for partition in range(partitions)}):
        if isinstance(item, Delivery):
            record = decode(topic.type, item.value or b"")
            assert isinstance(record, Sequenced)
            place = (record.workspace, record.origin, record.seq)
            assert found.setdefault(place, record) == record
    reader.close()
    return found


def expected(
    records: Iterable[Record], spaces: Iterable[Workspace], stages: tuple[AnyStage, ...] = TOYS
) -> dict[str, dict[tuple[str, str, int], Sequenced]]:
    """What the stages write for these records, by topic, without any broker."""
    chains = {space.name: Chain(space, stages) for space in spaces}
    outputs: dict[str, dict[tuple[str, str, int], Sequenced]] = {}
    for record in records:
        for topic, output in chains[record.workspace].feed(record):
            outputs.setdefault(topic.name, {})[(output.workspace, output.origin, output.seq)] = output
    return outputs
