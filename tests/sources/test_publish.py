from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from schemas.broker import Broker, client_config
from schemas.catalog import CHANGES, RAW_TOPICS, SURVEYS, TICKETS, Topic
from schemas.errors import RetryableError
from schemas.raw import PROGRESS_KEY, ChangeRecord, Population, Progress, RawEvent, Signal, Survey, Ticket
from schemas.workspace import Workspace
from sources.publish import Replayed, encode_keyed, publish
from sources.readers import Follow, Readers, followers
from streams.embedded import embedded_broker
from streams.topics import ensure_topics
from tests.kafka import apache_kafka

T0 = datetime(2026, 3, 2, tzinfo=UTC)
SHOP = Workspace(name="shop", bucket_s=60, lateness_s=60, progress="input")


@pytest.fixture
def broker() -> Iterator[Broker]:
    with embedded_broker() as one:
        ensure_topics(one)
        yield one


def ticket(number: int, second: float, *, size: int = 10) -> tuple[Topic, RawEvent]:
    moment = T0 + timedelta(seconds=second)
    return TICKETS, Ticket(
        event_id=f"e{number}",
        workspace="shop",
        occurred_at=moment,
        source="s",
        contact=f"c{number}",
        customer=f"u{number % 50}",
        text="x" * size,
    )


def log_of(broker: Broker, topic: str) -> list[list[Message]]:
    """Everything on a topic, by partition."""
    consumer = Consumer(client_config(broker, group_id="log", enable_partition_eof=True))
    found: list[list[Message]] = [[] for _ in range(4)]
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(4)])
    ended = 0
    while ended < 4:
        message = consumer.poll(60.0)
        assert message is not None
        error = message.error()
        if error is not None:
            ended += error.code() == KafkaError._PARTITION_EOF
        else:
            found[message.partition() or 0].append(message)
    consumer.close()
    return found


def test_marks_are_in_every_partition_of_every_raw_topic_after_what_they_speak_of(broker: Broker) -> None:
    sent = publish(broker, SHOP, [ticket(number, number * 100) for number in range(200)], every_s=3_600)
    assert (sent.events, sent.marks) == (200, 6)
    for topic in RAW_TOPICS:
        for messages in log_of(broker, topic.name):
            marks = [
                msgspec.json.decode(message.value() or b"", type=Progress)
                for message in messages
                if message.key() == PROGRESS_KEY
            ]
            assert len(marks) == 6
            assert marks[-1] == Progress(workspace="shop", until=T0 + timedelta(seconds=19_920), final=True)
            until = T0
            for message in messages:
                if message.key() == PROGRESS_KEY:
                    until = msgspec.json.decode(message.value() or b"", type=Progress).until
                else:
                    assert msgspec.json.decode(message.value() or b"", type=Ticket).occurred_at >= until


def test_one_customers_events_stay_in_order_in_one_partition_at_event_time(broker: Broker) -> None:
    publish(broker, SHOP, [ticket(number, number) for number in range(300)])
    where: dict[bytes, int] = {}
    for partition, messages in enumerate(log_of(broker, "tickets")):
        events = [
            (message, msgspec.json.decode(message.value() or b"", type=Ticket))
            for message in messages
            if message.key() != PROGRESS_KEY
        ]
        assert [event.occurred_at for _, event in events] == sorted(event.occurred_at for _, event in events)
        for message, event in events:
            assert message.timestamp()[1] == event.occurred_at.timestamp() * 1_000
            assert where.setdefault(message.key() or b"", partition) == partition
    assert len(where) == 50
    assert len(set(where.values())) == 4


@pytest.mark.parametrize(
    ("topic", "event", "key"),
    [
        (*ticket(3, 0), "shop/u3"),
        (TICKETS, Ticket(event_id="e", workspace="shop", occurred_at=T0, source="s", contact="c9"), "shop/c9"),
        (
            SURVEYS,
            Survey(event_id="e", workspace="shop", occurred_at=T0, source="s", kind="nps", score=1, scale_max=10),
            "shop/e",
        ),
        (
            CHANGES,
            ChangeRecord(
                event_id="e",
                workspace="shop",
                occurred_at=T0,
                source="s",
                change="inc-1",
                kind="incident",
                starts_at=T0,
            ),
            "shop/inc-1",
        ),
    ],
)
def test_key_is_workspace_and_customer_or_change(topic: Topic, event: RawEvent, key: str) -> None:
    assert encode_keyed(topic, event)[0] == key.encode()


def test_keys_of_populations_and_signals() -> None:
    same = {"event_id": "e", "workspace": "shop", "occurred_at": T0, "source": "s"}
    population = Population(slice={"version": "5", "platform": "ios"}, customers=3, **same)  # type: ignore[arg-type]
    signal = Signal(agent="ann", **same)  # type: ignore[arg-type]
    by_name = {topic.name: topic for topic in RAW_TOPICS}
    assert encode_keyed(by_name["populations"], population)[0] == b"shop/platform=ios, version=5"
    assert encode_keyed(by_name["signals"], signal)[0] == b"shop/ann"


def test_event_on_the_wrong_topic_is_refused() -> None:
    with pytest.raises(TypeError, match="surveys takes Survey, not Ticket"):
        encode_keyed(SURVEYS, ticket(1, 0)[1])


def test_pace_is_kept_from_the_live_moment_on(broker: Broker) -> None:
    """At this speed the history would take a quarter of an hour, and what is live takes more than half a second."""
    live_s = 900_000
    events = [ticket(number, number * 15_000) for number in range(60)]
    events += [ticket(number, live_s + number * 10) for number in range(60, 120)]
    started = time.monotonic()
    publish(broker, SHOP, events, speed=1_000.0, live_from=T0 + timedelta(seconds=live_s + 600))
    assert 0.5 < time.monotonic() - started < 60.0
    marks = [message for message in log_of(broker, "chats")[0] if message.key() == PROGRESS_KEY]
    assert len(marks) >= 10


def test_replay_waits_for_its_readers(broker: Broker) -> None:
    """Nobody reads: the replay stops near the bound and says for whom it waits; it ends once the reader has committed."""
    follow = Follow(group="slow", topics=("tickets",), ahead=40)
    told: list[Replayed] = []
    stop = threading.Event()
    events = [ticket(number, number * 60, size=1_000) for number in range(1_500)]
    done: list[Replayed] = []
    thread = threading.Thread(
        target=lambda: done.append(
            publish(broker, SHOP, events, follow=[follow], every_s=3_600, on_progress=told.append, stop=stop)
        )
    )
    thread.start()
    try:
        deadline = time.monotonic() + 120
        while not any(one.waiting_for for one in told) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert told[-1].waiting_for.startswith("slow (")
        assert told[-1].waiting_for.endswith(" messages of tickets to read)")
        assert told[-1].events < 700
        reader = Consumer(
            client_config(broker, group_id="slow", auto_offset_reset="earliest", session_timeout_ms=6_000)
        )
        reader.subscribe(["tickets"])
        while thread.is_alive() and time.monotonic() < deadline + 120:
            if reader.consume(1_000, timeout=0.1):
                reader.commit(asynchronous=False)
        reader.close()
    finally:
        stop.set()
        thread.join(5)
    assert [one.events for one in done] == [1_500]


def test_stop_ends_a_replay_soon_and_without_a_final_mark(broker: Broker) -> None:
    stop, asked = threading.Event(), list[float]()

    def ask() -> None:
        asked.append(time.monotonic())
        stop.set()

    threading.Timer(0.5, ask).start()
    sent = publish(broker, SHOP, [ticket(number, number * 60) for number in range(1_000)], speed=60.0, stop=stop)
    assert time.monotonic() - asked[0] < 3.5
    assert sent.events < 1_000
    marks = [msgspec.json.decode(message.value() or b"", type=Progress) for message in log_of(broker, "chats")[0]]
    assert not any(mark.final for mark in marks)


def test_broker_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.sender.TIMEOUT_S", 0.5)
    with pytest.raises(RetryableError, match=r"no Kafka broker answers at 127.0.0.1:1 \("):
        publish(Broker(servers="127.0.0.1:1"), SHOP, [])


def test_event_too_large_for_the_broker_is_skipped_and_counted(broker: Broker) -> None:
    huge = Ticket(event_id="h", workspace="shop", occurred_at=T0, source="s", contact="c", text="é" * 900_000)
    sent = publish(broker, SHOP, [ticket(1, 0), (TICKETS, huge), ticket(2, 1)])
    assert (sent.events, sent.skipped, sent.marks) == (2, 1, 1)


def test_replay_outlives_a_reader_question_that_fails(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [RetryableError("the broker is away", retry_after_s=1.0), None, None, None]

    def behind(_: Readers) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    monkeypatch.setattr(Readers, "behind", behind)
    monkeypatch.setattr("sources.publish._AGAIN_S", 0.05)
    follow = Follow(group="any", topics=("tickets",), ahead=1)
    events = [ticket(number, number) for number in range(1_200)]
    assert publish(broker, SHOP, events, follow=[follow]).events == 1_200
    assert len(answers) < 3


def test_usual_followers_name_groups_and_existing_topics() -> None:
    close, far = followers(Broker(servers="x", embedded=True)), followers(Broker(servers="x"))
    assert [one.group for one in close] == ["whence-admit", "whence-agents", "whence-sink"]
    assert all(near.ahead < wide.ahead for near, wide in zip(close, far, strict=True))


@pytest.mark.kafka
def test_old_input_on_apache_kafka_is_not_deleted_by_its_age() -> None:
    """Kafka deletes by message time: years-old events carry the present, those of today their own time."""
    with apache_kafka() as kafka:
        ensure_topics(kafka, partitions=4)
        publish(kafka, SHOP, [ticket(number, number - 10**8) for number in range(50)])
        told: list[Replayed] = []
        today = SHOP.__class__(name="today", bucket_s=60, lateness_s=60, progress="input")
        recent = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        event = Ticket(event_id="r", workspace="today", occurred_at=recent, source="s", contact="c")
        sent = publish(kafka, today, [(TICKETS, event)], follow=followers(kafka), on_progress=told.append)
        assert (sent.events, sent.marks, told[-1]) == (1, 1, sent)
        messages = [message for partition in log_of(kafka, "tickets") for message in partition]
        old = [message.timestamp()[1] for message in messages if (message.key() or b"").startswith(b"shop/")]
        assert len(old) == 50
        assert min(old) > (time.time() - 600) * 1_000
        (new,) = [message.timestamp()[1] for message in messages if (message.key() or b"").startswith(b"today/")]
        assert new == recent.timestamp() * 1_000
