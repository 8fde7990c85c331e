"""The writer between the embedded broker and a server that goes away, stalls, forgets to answer, or is killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.broker import Broker, client_config
from schemas.catalog import BY_NAME, CONTACTS, SPIKES, STAGE_TOPICS
from schemas.codec import encode
from schemas.errors import FatalError
from sinks.migrate import migrate
from sinks.settings import SinkSettings
from sinks.store import StoreSettings, connect
from sinks.writer import Writer
from streams.embedded import embedded_broker
from streams.topics import ensure_topics
from tests.clickhouse_server import ClickHouseServer, clickhouse_server
from tests.kafka import apache_kafka
from tests.sinks.conftest import settings_of
from tests.sinks.examples import examples
from tests.sinks.test_batch import contact

QUICK = SinkSettings(batch_age_s=0.1, first_pause_s=0.1, longest_pause_s=0.5)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with embedded_broker() as started:
        ensure_topics(started)
        yield started


class Running:
    """A writer in a thread, with what it raised."""

    def __init__(self, writer: Writer) -> None:
        self.writer, self.stop, self.raised = writer, threading.Event(), list[BaseException]()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.writer.run(self.stop)
        except BaseException as error:  # a crash is what some tests plant
            self.raised.append(error)

    def end(self) -> float:
        """Stop it; how long that took in seconds."""
        began = time.monotonic()
        self.stop.set()
        self.thread.join(20.0)
        return time.monotonic() - began


@contextmanager
def running(writer: Writer) -> Iterator[Running]:
    one = Running(writer)
    try:
        yield one
    finally:
        one.end()


def publish(broker: Broker, topic: str, values: list[bytes]) -> None:
    producer = Producer({**client_config(broker), "linger.ms": 5})
    for number, value in enumerate(values):
        producer.produce(topic, value, key=str(number))
    assert producer.flush(10.0) == 0


def contacts(workspace: str, first: int, last: int) -> list[bytes]:
    return [encode(contact(workspace, number)) for number in range(first, last)]


def seen(store: StoreSettings, workspace: str) -> int:
    client = connect(store)
    asked = "SELECT count() FROM contacts_all WHERE workspace = {w:String}"
    found = int(client.query(asked, parameters={"w": workspace}).result_rows[0][0])
    client.close()
    return found


def eventually(condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def committed(broker: Broker, topic: str, group: str) -> int:
    consumer = Consumer({**client_config(broker), "group.id": group})
    places = consumer.committed([TopicPartition(topic, number) for number in range(4)], timeout=10.0)
    consumer.close()
    return sum(max(place.offset, 0) for place in places)


def test_every_topic_lands_and_what_cannot_becomes_a_dead_letter_with_its_place(
    broker: Broker, store: StoreSettings, workspace: str
) -> None:
    for topic in STAGE_TOPICS:
        publish(broker, topic.name, [encode(one) for one in examples(topic)])
    publish(broker, CONTACTS.name, contacts(workspace, 0, 50))
    publish(broker, SPIKES.name, [b'{"workspace":"w"}'])
    letters = "SELECT letter_id, stage, topic, reason FROM dead_letters_now WHERE stage = 'sink' AND topic = 'spikes'"
    client = connect(store)
    client.command("TRUNCATE TABLE dead_letters")
    with running(Writer(broker, store, QUICK)) as sink:
        eventually(lambda: seen(store, workspace) == 50 and bool(client.query(letters).result_rows))
        assert (sink.writer.health().alive, sink.writer.health().ready) == (True, True)
        assert sink.end() < 3.0
    assert sink.raised == []
    ((letter_id, *rest),) = client.query(letters).result_rows
    assert letter_id.startswith("spikes/")
    assert rest == ["sink", "spikes", "missing_field"]
    assert client.query("SELECT count() FROM feedback_now").result_rows[0][0] >= len(examples(BY_NAME["feedback"]))
    assert committed(broker, CONTACTS.name, "whence-sink") == 50 + len(examples(CONTACTS))
    client.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ClickHouseServer]:
    """A server of this test's own, to be killed."""
    with clickhouse_server(tmp_path / "server") as started:
        yield started


@pytest.mark.slow
def test_a_store_that_is_away_is_waited_for_and_nothing_is_lost(
    broker: Broker, own_server: ClickHouseServer, workspace: str
) -> None:
    store = settings_of(own_server)
    migrate(connect(store))
    own_server.kill()
    publish(broker, CONTACTS.name, contacts(workspace, 0, 100))
    with running(Writer(broker, store, QUICK)) as sink:
        eventually(lambda: "offsets wait" in sink.writer.health().detail)
        health = sink.writer.health()
        assert (health.alive, health.ready) == (True, False)
        assert health.detail.startswith(f"No ClickHouse answers at 127.0.0.1:{own_server.port}: Connection refused.")
        own_server.start()
        eventually(lambda: seen(store, workspace) == 100)
        # The rows are there before the writer has heard so.
        eventually(lambda: committed(broker, CONTACTS.name, "whence-sink") == 100)
        own_server.kill()
        publish(broker, CONTACTS.name, contacts(workspace, 100, 150))
        eventually(lambda: not sink.writer.health().ready)
        assert committed(broker, CONTACTS.name, "whence-sink") == 100
        own_server.start()
        eventually(lambda: seen(store, workspace) == 150)
        eventually(lambda: sink.writer.health().ready)


def test_inserts_that_fail_or_are_not_answered_are_repeated_and_seen_once(
    broker: Broker, server: ClickHouseServer, server_store: StoreSettings, workspace: str
) -> None:
    try:
        server.misbehave(fail_code=252, times=2)
        publish(broker, CONTACTS.name, contacts(workspace, 0, 100))
        with running(Writer(broker, server_store, QUICK)):
            eventually(lambda: seen(server_store, workspace) == 100)
            server.misbehave(drop=True, times=3)
            publish(broker, CONTACTS.name, contacts(workspace, 100, 200))
            eventually(lambda: seen(server_store, workspace) == 200)
    finally:
        server.misbehave()
    assert seen(server_store, workspace) == 200


def test_a_store_that_stalls_does_not_hold_up_the_end(
    broker: Broker, server: ClickHouseServer, server_store: StoreSettings, workspace: str
) -> None:
    try:
        with running(Writer(broker, server_store, QUICK)) as sink:
            eventually(lambda: sink.writer.health().ready)
            server.misbehave(stall_s=30.0)
            publish(broker, CONTACTS.name, contacts(workspace, 0, 10))
            eventually(lambda: any(thread.name == "sink-insert" for thread in threading.enumerate()))
            assert sink.end() < 15.0
        assert committed(broker, CONTACTS.name, "whence-sink") == 0
    finally:
        server.misbehave()


class PlantedCrash(BaseException):
    """The process is gone."""


def test_killed_between_insert_and_commit_the_rows_replace_themselves(
    broker: Broker, embedded_store: StoreSettings, workspace: str
) -> None:
    def crash() -> None:
        raise PlantedCrash

    publish(broker, CONTACTS.name, contacts(workspace, 0, 40))
    with running(Writer(broker, embedded_store, QUICK, before_commit=crash)) as sink:
        sink.thread.join(120.0)
        assert [type(error) for error in sink.raised] == [PlantedCrash]
    assert seen(embedded_store, workspace) == 40
    assert committed(broker, CONTACTS.name, "whence-sink") == 0
    publish(broker, CONTACTS.name, contacts(workspace, 40, 60))
    with running(Writer(broker, embedded_store, QUICK)):
        eventually(lambda: seen(embedded_store, workspace) == 60)


@pytest.mark.kafka
def test_on_kafka_aborted_transactions_are_never_seen_and_markers_are_passed(
    server_store: StoreSettings, workspace: str
) -> None:
    with apache_kafka() as kafka:
        ensure_topics(kafka)
        producer = Producer({**client_config(kafka), "transactional.id": workspace})
        producer.init_transactions(20.0)
        for first, ending in ((0, producer.commit_transaction), (10, producer.abort_transaction)):
            producer.begin_transaction()
            for number, value in enumerate(contacts(workspace, first, first + 10)):
                producer.produce(CONTACTS.name, value, partition=number % 2)
            producer.flush(10.0)
            ending(20.0)
        with running(Writer(kafka, server_store, QUICK)):
            eventually(lambda: seen(server_store, workspace) == 10)
            eventually(lambda: committed(kafka, CONTACTS.name, "whence-sink") == 20 + 4)


def test_a_wrong_password_ends_the_part_with_one_sentence(broker: Broker, server: ClickHouseServer) -> None:
    writer = Writer(broker, settings_of(server, password="wrong"), QUICK)
    with pytest.raises(FatalError, match="refused the user 'default'"):
        writer.run(threading.Event())
    assert not writer.health().alive
    assert "Set store.user" in writer.health().detail


def test_a_store_without_tables_ends_the_part_with_one_sentence(broker: Broker, server: ClickHouseServer) -> None:
    with pytest.raises(FatalError, match=r"The store's schema is at 0 .* Run whence migrate\."):
        Writer(broker, settings_of(server), QUICK).run(threading.Event())


def test_too_many_bad_records_stop_the_sink_and_none_is_skipped(
    broker: Broker, server: ClickHouseServer, server_store: StoreSettings
) -> None:
    publish(broker, SPIKES.name, [b"{}"] * 30)
    writer = Writer(broker, server_store, SinkSettings(batch_age_s=30.0, batch_rows=30, refused_per_minute=29))
    with pytest.raises(FatalError) as ended:
        writer.run(threading.Event())
    assert "30 records a minute cannot be stored, the last from spikes/" in str(ended.value)
    assert "allowed are 29. Look at that record; nothing was skipped." in str(ended.value)
    assert committed(broker, SPIKES.name, "whence-sink") == 0


def test_without_a_broker_it_waits_and_says_so(server_store: StoreSettings) -> None:
    with running(Writer(Broker(servers="127.0.0.1:9"), server_store, QUICK)) as sink:
        eventually(lambda: "Connection refused" in sink.writer.health().detail)
        assert sink.writer.health().detail == (
            "no Kafka broker answers at 127.0.0.1:9 (Connect to ipv4#127.0.0.1:9 failed: Connection refused): "
            "start it, or correct broker.servers; offsets wait"
        )
        assert (sink.writer.health().alive, sink.writer.health().ready) == (True, False)
        assert sink.end() < 3.0
