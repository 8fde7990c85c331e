"""Admit on the in-process broker and on Apache Kafka: everything once, whatever happens between two commits."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from random import Random

import pytest
from confluent_kafka import Consumer, Producer
from msgspec import Struct

from schemas.broker import Broker, client_config
from schemas.catalog import CONTACTS, DEAD_LETTERS, FRAMES, TICKETS, TIMELINE, Topic
from schemas.codec import decode, encode
from schemas.contact import Contact
from schemas.dead_letter import DeadLetter
from schemas.errors import FatalError
from schemas.frame import Frame
from schemas.raw import PROGRESS_KEY, Progress, Ticket
from schemas.workspace import Workspace
from streams.admit import agent
from streams.admit.agent import Admit
from streams.admit.settings import AdmitSettings
from streams.admit.transaction import BatchLostError
from streams.embedded import embedded_broker
from streams.reader import Delivery, Place, Reader
from streams.topics import ensure_topics, partition_counts
from streams.turns import Turns
from tests.kafka import apache_kafka
from tests.streams.admit.making import ACME, SETTINGS, SMALL_BATCHES, T0, admit_all, log, mark, merged, some_events

WAIT_S = 120.0


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with (embedded_broker if request.param == "embedded" else apache_kafka)() as found:
        ensure_topics(found)
        yield found


class Died(Exception):
    """Stands for a kill at a chosen moment."""


@contextmanager
def running(part: Admit) -> Iterator[threading.Event]:
    """The part in a thread, stopped at the end."""
    stop = threading.Event()
    thread = threading.Thread(target=part.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(10.0)
        assert not thread.is_alive()


def send(broker: Broker, records: Sequence[Struct | bytes], topic: Topic = TICKETS) -> None:
    """Send records in order; marks go to every partition."""
    producer = Producer(client_config(broker, partitioner="murmur2_random", enable_idempotence=True))
    count = partition_counts(broker)[topic.name] if not broker.embedded else 4
    for record in records:
        if isinstance(record, Progress):
            for partition in range(count):
                producer.produce(topic.name, encode(record), PROGRESS_KEY, partition)
        elif isinstance(record, Ticket):
            producer.produce(topic.name, encode(record), record.customer.encode())
        elif isinstance(record, bytes):
            producer.produce(topic.name, record, b"k")
    assert producer.flush(10.0) == 0


def arrived(broker: Broker, topic: Topic) -> list[Delivery]:
    """All that is committed on a topic."""
    reader = Reader(broker)
    places = {Place(topic.name, i): 0 for i in range(4)}
    try:
        return [item for item in reader.read(places) if isinstance(item, Delivery)]
    finally:
        reader.close()


def frames(broker: Broker) -> list[Frame]:
    return [decode(Frame, item.value or b"") for item in arrived(broker, FRAMES)]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)


def all_ended(broker: Broker) -> Callable[[], bool]:
    return lambda: sum(frame.final for frame in frames(broker)) >= 4


def test_contacts_frames_and_letters_arrive_once(broker: Broker) -> None:
    events = some_events(Random(1))
    send(broker, [*events, b"{", events[0], mark(660, final=True)])
    with running(Admit(broker, SETTINGS, [ACME])):
        until(all_ended(broker))
    contacts = [decode(Contact, item.value or b"") for item in arrived(broker, CONTACTS)]
    assert sorted(contact.event_id for contact in contacts) == sorted(event.event_id for event in events)
    assert sum(sum(bucket.counts.values()) for bucket in merged(frames(broker))) == sum(c.counted for c in contacts)
    (letter,) = [decode(DeadLetter, item.value or b"") for item in arrived(broker, DEAD_LETTERS)]
    assert (letter.reason, letter.original) == ("not_json", b"{")


def test_partitions_read_in_turn_lose_and_double_nothing(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    events = some_events(Random(5), 600)
    end = mark(660, final=True)
    written_ms = [round(time.time() * 1_000) + 600_000 * partition for partition in range(4)]
    producer = Producer(client_config(broker))
    for number, event in enumerate(events):
        at_ms = written_ms[number % 4] + 100 * number
        producer.produce(TICKETS.name, encode(event), b"k", number % 4, timestamp=at_ms)
    for partition, at_ms in enumerate(written_ms):
        producer.produce(TICKETS.name, encode(end), PROGRESS_KEY, partition, timestamp=at_ms + 600_000)
    assert producer.flush(10.0) == 0
    held: list[frozenset[Place]] = []

    class Small(Turns):
        def __init__(self, consumer: Consumer) -> None:
            super().__init__(consumer, after=20)

        def settle(self, places: Collection[Place], now_s: float) -> None:
            super().settle(places, now_s)
            held.append(self.held)

    monkeypatch.setattr(agent, "Turns", Small)
    with running(Admit(broker, SMALL_BATCHES, [ACME])):
        until(all_ended(broker))
    assert any(held)  # what was fetched of it already is fetched again later
    ids = [decode(Contact, item.value or b"").event_id for item in arrived(broker, CONTACTS)]
    assert sorted(ids) == sorted(event.event_id for event in events)
    parts = [admit_all(log([*events[part::4], end]), partition=part, count=4) for part in range(4)]
    undisturbed = [frame for part in parts for frame in part.frames]
    assert merged(frames(broker)) == merged(undisturbed)


def records_to_kill_over(random: Random) -> list[Struct | bytes]:
    """600 tickets over ten minutes with repeats, refusals and marks between."""
    events = some_events(random, 600)
    records: list[Struct | bytes] = []
    for minute in range(10):
        part = [
            e for e in events if T0 + timedelta(minutes=minute) <= e.occurred_at < T0 + timedelta(minutes=minute + 1)
        ]
        records += [*part, *random.choices(part, k=5), b"{", mark(60 * (minute - 1))]
    return [*records, mark(660, final=True)]


def undisturbed_result(records: Sequence[Struct | bytes]) -> dict[str, list[tuple[bytes | None, bytes | None]]]:
    """What one admit writes that nobody kills."""
    with apache_kafka() as undisturbed:
        ensure_topics(undisturbed)
        send(undisturbed, records)
        with running(Admit(undisturbed, SETTINGS, [ACME])):
            until(all_ended(undisturbed))
        return committed(undisturbed)


@pytest.mark.kafka
@pytest.mark.slow
def test_killed_between_any_two_steps_nothing_is_lost_or_doubled() -> None:
    records = records_to_kill_over(Random(7))
    expected = undisturbed_result(records)
    with apache_kafka() as killed:
        ensure_topics(killed)
        send(killed, records)
        for moment, count in (
            ("produced", 2),
            ("before_commit", 2),
            ("after_commit", 2),
            ("rebuilt", 1),
        ):
            assert die(killed, moment, count) == -signal.SIGKILL
        with running(Admit(killed, SMALL_BATCHES, [ACME])):
            until(all_ended(killed))
        assert committed(killed) == expected


@pytest.mark.kafka
@pytest.mark.slow
def test_two_processes_killed_against_each_other_lose_and_double_nothing() -> None:
    records = records_to_kill_over(Random(8))
    expected = undisturbed_result(records)
    fates = {"0": ["produced", "after_commit", "assigned"], "1": ["before_commit", "revoked", "produced"]}
    deaths = 0
    with apache_kafka() as broker:
        ensure_topics(broker)
        processes = {slot: start_dying(broker, slot, moments.pop(0), 1) for slot, moments in fates.items()}
        for process in processes.values():
            wait_for(process, "rebuilt")
        send(broker, records)
        deadline = time.monotonic() + 2 * WAIT_S
        while not all_ended(broker)():
            assert time.monotonic() < deadline, "it did not come about in time"
            for slot, process in processes.items():
                if process.poll() is not None:
                    assert process.returncode == -signal.SIGKILL
                    deaths += 1
                    close(process)
                    moment = fates[slot].pop(0) if fates[slot] else "never"
                    processes[slot] = start_dying(broker, slot, moment, 1)
            time.sleep(0.2)
        for process in processes.values():
            deaths += process.poll() is not None
            process.kill()
            close(process)
        assert committed(broker) == expected
    assert deaths >= 2


def start_dying(broker: Broker, slot: str, moment: str, count: int) -> subprocess.Popen[str]:
    """An admit process that kills itself at a moment."""
    command = [sys.executable, "-m", "tests.streams.admit.dying", broker.servers, moment, str(count), slot]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait_for(process: subprocess.Popen[str], moment: str) -> None:
    """Read what a process says until it names the moment."""
    assert process.stdout is not None
    assert any(line.strip() == moment for line in process.stdout)


def close(process: subprocess.Popen[str]) -> None:
    """Let go of a process that has ended."""
    assert process.stdout is not None
    process.wait(10.0)
    process.stdout.close()


def committed(broker: Broker) -> dict[str, list[tuple[bytes | None, bytes | None]]]:
    """Keys and values of everything that admit writes, in an order of their own; arrival times are taken out."""
    return {
        topic.name: sorted((item.key or b"", TIMES.sub(b"", item.value or b"")) for item in arrived(broker, topic))
        for topic in (CONTACTS, FRAMES, TIMELINE, DEAD_LETTERS)
    }


TIMES = re.compile(rb'"(?:ingested_at|at)":"[^"]*"')


def die(broker: Broker, moment: str, count: int) -> int:
    """Exit code of an admit process that kills itself at a moment."""
    command = [sys.executable, "-m", "tests.streams.admit.dying", broker.servers, moment, str(count)]
    return subprocess.run(command, timeout=WAIT_S, check=False, stdout=subprocess.DEVNULL).returncode


def test_an_aborted_batch_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "_MANY_BYTES", 0)  # and every partition with frames has a transaction of its own
    events = some_events(Random(2))
    failures = iter([True, False])

    def fail_once(moment: str) -> None:
        if moment == "before_commit" and next(failures, False):
            raise BatchLostError("as the test wants it")

    with embedded_broker() as broker:
        ensure_topics(broker)
        send(broker, [*events, mark(660, final=True)])
        with running(Admit(broker, SETTINGS, [ACME], at=fail_once)):
            until(all_ended(broker))
        # The embedded broker shows what was aborted too: a second copy that equals the first.
        copies = {(frame.origin, frame.seq): frame for frame in frames(broker)}
        assert all(frame == copies[frame.origin, frame.seq] for frame in frames(broker))
        once = [copies[place] for place in sorted(copies)]
        assert merged(once) == merged(admit_all(log([*events, mark(660, final=True)])).frames)
        ids = [decode(Contact, item.value or b"").event_id for item in arrived(broker, CONTACTS)]
        assert set(ids) == {event.event_id for event in events}


def test_a_stop_that_may_have_cut_a_rebuild_short_admits_nothing_more() -> None:
    stop = threading.Event()

    def stop_now(moment: str) -> None:
        if moment == "assigned":
            stop.set()

    with embedded_broker() as broker:
        ensure_topics(broker)
        send(broker, records_to_kill_over(Random(4)))
        Admit(broker, SMALL_BATCHES, [ACME], at=stop_now).run(stop)
        assert stop.is_set()
        assert arrived(broker, CONTACTS) == []


def test_a_flood_of_letters_stops_admit_and_commits_nothing() -> None:
    strict = AdmitSettings(customer_key=SETTINGS.customer_key, letters_per_minute=5, letter_share=0.1)
    with embedded_broker() as broker:
        ensure_topics(broker)
        send(broker, [b"{"] * 50)
        part = Admit(broker, strict, [ACME])
        with pytest.raises(FatalError, match=r"messages within a minute were refused.*Nothing is lost"):
            part.run(threading.Event())
        assert arrived(broker, DEAD_LETTERS) == []
        assert not part.health().alive
        assert "were refused" in part.health().detail


def test_a_live_workspace_is_closed_by_the_clock() -> None:
    live = Workspace(name="acme", progress="clock", lateness_s=120)
    with embedded_broker() as broker:
        ensure_topics(broker)
        send(broker, [event for event in some_events(Random(3)) if event.occurred_at < T0 + timedelta(minutes=5)])
        with running(Admit(broker, SETTINGS, [live], clock=lambda: T0.timestamp() + 300 + 120)):
            until(
                lambda: (
                    len({frame.origin for frame in frames(broker) if frame.until == T0 + timedelta(minutes=5)}) == 12
                )
            )


AWAY = (
    r"Admit begins anew in \d+ s: no Kafka broker answers at 127\.0\.0\.1:1 "
    r"\(Connect to ipv4#127\.0\.0\.1:1 failed: Connection refused\): start it, or correct broker\.servers\."
)


def test_no_broker_is_said_in_one_sentence_and_tried_again() -> None:
    part = Admit(Broker(servers="127.0.0.1:1"), SETTINGS, [ACME])
    with running(part):
        until(lambda: "Connection refused" in part.health().detail)
        assert re.fullmatch(AWAY, part.health().detail)
        assert (part.health().alive, part.health().ready) == (True, False)
