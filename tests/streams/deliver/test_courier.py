"""The courier on a real broker: what is queued is sent once, in spite of channels that fail, stall and come back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from schemas.alert import Alert
from schemas.broker import Broker, client_config
from schemas.catalog import ALERTS, DELIVERIES, FEEDBACK
from schemas.codec import decode, encode
from schemas.delivery import Delivery
from schemas.raw import Feedback
from schemas.workspace import Workspace
from streams.alert.message import Message
from streams.alert.routing import Channel, Routing
from streams.deliver.channels import NotDelivered, Sender, Webhook
from streams.deliver.courier import Courier
from streams.deliver.settings import CourierSettings
from streams.embedded import embedded_broker
from streams.reader import Delivery as Record
from streams.reader import End, Place, Reader
from streams.topics import ensure_topics
from tests.receivers import http_receiver
from tests.streams.deliver.samples import SHOP, alert, routing

QUICK = CourierSettings(first_pause_s=0.05, longest_pause_s=0.2, session_s=6)
WITHIN_S = 120.0


@pytest.fixture
def broker() -> Iterator[Broker]:
    with embedded_broker() as one:
        ensure_topics(one)
        yield one


class Inbox:
    """A channel in memory; fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.got: list[str] = []
        self.changed = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self.changed:
            if self.failures > 0:
                self.failures -= 1
                raise NotDelivered("it answered 503", outage=True)
            self.got.append(message.key)
            self.changed.notify_all()

    def wait(self, count: int) -> list[str]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= count, WITHIN_S), self.got
            return list(self.got)


def fresh(one: Alert) -> Alert:
    return replace(one, at=datetime.now(UTC))


def say(broker: Broker, *records: Alert | Feedback) -> None:
    producer = Producer(client_config(broker, partitioner="murmur2_random"))
    for record in records:
        topic = ALERTS.name if isinstance(record, Alert) else FEEDBACK.name
        producer.produce(topic, encode(record), record.workspace.encode())
    assert producer.flush(10.0) == 0


def noted(broker: Broker) -> list[Delivery]:
    """Everything on `deliveries`."""
    reader = Reader(broker)
    try:
        items = [item for p in range(4) for item in reader.read({Place(DELIVERIES.name, p): 0})]
        return [decode(Delivery, item.value or b"") for item in items if isinstance(item, Record)]
    finally:
        reader.close()


@contextmanager
def courier(
    broker: Broker,
    senders: Mapping[str, Sender],
    rules: Routing | None = None,
    settings: CourierSettings = QUICK,
    workspaces: tuple[Workspace, ...] = (SHOP,),
    **more: Any,
) -> Iterator[Courier]:
    stop = threading.Event()
    part = Courier(broker, workspaces, rules if rules is not None else routing(), senders, settings, **more)
    thread = threading.Thread(target=part.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield part
    finally:
        stop.set()
        thread.join(10.0)
        assert not thread.is_alive()


def until(condition: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(int(WITHIN_S / 0.05)):
        if condition():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not happen in time")


def everything_sent(part: Courier) -> bool:
    return part.health().ready and part.health().detail == "everything is delivered"


def test_an_alert_is_sent_and_its_steps_are_on_the_topic(broker: Broker) -> None:
    hook = Inbox()
    say(broker, fresh(alert()))
    with courier(broker, {"hook": hook, "ops": Inbox()}) as part:
        assert hook.wait(1) == ["a1.1"]
        until(lambda: everything_sent(part))
    assert [(step.delivery_id, step.step, step.status) for step in noted(broker)] == [
        ("a1.1@hook", 0, "queued"), ("a1.1@hook", 1, "sent"),
    ]  # fmt: skip


def test_a_courier_without_partitions_does_not_say_that_all_is_delivered() -> None:
    part = Courier(Broker(servers="127.0.0.1:9"), (SHOP,), routing(), {}, QUICK)
    part._describe()
    found = part.health()
    assert (found.ready, found.detail) == (
        False,
        "waiting for partitions: other couriers have them all, or Kafka has not given any yet",
    )


def test_a_courier_that_starts_again_sends_nothing_twice(broker: Broker) -> None:
    hook = Inbox()
    say(broker, fresh(alert()))
    with courier(broker, {"hook": hook, "ops": Inbox()}) as part:
        hook.wait(1)
        until(lambda: everything_sent(part))
    with courier(broker, {"hook": hook, "ops": Inbox()}):
        say(broker, fresh(alert(2, contacts=500.0)))
        assert hook.wait(2) == ["a1.1", "a1.2"]


def test_a_stop_that_cuts_a_rebuild_short_sends_and_notes_nothing(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, stop = Inbox(), threading.Event()
    say(broker, fresh(alert()))
    with courier(broker, {"hook": hook, "ops": Inbox()}) as part:
        hook.wait(1)
        until(lambda: everything_sent(part))
    before = noted(broker)

    class Hasty(Reader):
        """Is stopped when it has read that a message was queued, and not yet that it was sent."""

        def read(self, starts: Mapping[Place, int]) -> Iterator[Record | End]:
            for item in super().read(starts):
                yield item
                if isinstance(item, Record) and item.topic == DELIVERIES.name:
                    stop.set()
                    return

    monkeypatch.setattr("streams.deliver.courier.Reader", Hasty)
    Courier(broker, (SHOP,), routing(), {"hook": hook, "ops": Inbox()}, QUICK).run(stop)
    assert (hook.got, noted(broker)) == (["a1.1"], before)


def test_a_channel_that_is_down_holds_up_no_other_and_gets_everything_in_order_later(broker: Broker) -> None:
    both = '[audiences.all]\nteams = ["operations"]\n'
    with http_receiver(lambda number: 0 if number == 1 else 500 if number < 4 else 204) as receiver:
        slow = Webhook(Channel(kind="webhook", url=receiver.url, timeout_s=4.0), "a key")
        ops = Inbox()
        say(broker, fresh(alert()), fresh(alert(2, contacts=500.0)))
        with courier(broker, {"hook": slow, "ops": ops}, routing(both)) as part:
            assert ops.wait(2) == ["a1.1", "a1.2"]
            assert [got.key for got in receiver.wait(5)] == ["a1.1", "a1.1", "a1.1", "a1.1", "a1.2"]
            until(lambda: everything_sent(part))
    steps = [step for step in noted(broker) if step.channel == "hook"]
    reasons = [step.reason for step in steps if step.status == "failed"]
    assert reasons == ["it did not answer within 4 s", "it answered 500", "it answered 500"]
    assert [step.delivery_id for step in steps if step.status == "sent"] == ["a1.1@hook", "a1.2@hook"]


def test_a_channel_that_is_down_is_named(broker: Broker) -> None:
    say(broker, fresh(alert()))
    slow = replace(QUICK, first_pause_s=30.0, longest_pause_s=30.0)
    with courier(broker, {"hook": Inbox(failures=9), "ops": Inbox()}, settings=slow) as part:
        until(lambda: part.health().detail == "1 message(s) wait; not answering: hook")


@pytest.mark.parametrize(
    ("workspace", "settings", "told"),
    [
        (replace(SHOP, alerts=False), QUICK, False),
        (replace(SHOP, progress="input"), QUICK, False),
        (replace(SHOP, progress="input"), replace(QUICK, replays=True), True),
        (replace(SHOP, name="other"), QUICK, False),
    ],
    ids=["a silent workspace", "a replay", "a replay when asked", "somebody else's"],
)
def test_only_workspaces_that_are_live_or_asked_for_are_delivered(
    broker: Broker, workspace: Workspace, settings: CourierSettings, told: bool
) -> None:
    marker = Workspace(name="marker")
    hook = Inbox()
    say(broker, alert(), fresh(alert(workspace="marker", alert_id="m")))
    with courier(broker, {"hook": hook, "ops": Inbox()}, settings=settings, workspaces=(workspace, marker)) as part:
        hook.wait(2 if told else 1)
        until(lambda: everything_sent(part))
    assert sorted(hook.got) == (["a1.1", "m.1"] if told else ["m.1"])


def test_an_alert_of_last_week_is_told_to_nobody(broker: Broker) -> None:
    hook = Inbox()
    say(broker, replace(alert(), at=datetime.now(UTC) - timedelta(days=7)), fresh(alert(alert_id="new")))
    with courier(broker, {"hook": hook, "ops": Inbox()}) as part:
        assert hook.wait(1) == ["new.1"]
        until(lambda: everything_sent(part))
    assert hook.got == ["new.1"]


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def test_what_nobody_owns_is_escalated_and_what_somebody_owns_is_not(broker: Broker) -> None:
    clock, hook, ops = Clock(), Inbox(), Inbox()
    now = datetime.now(UTC)
    mine = Feedback(
        event_id="f1", workspace="shop", occurred_at=now, source="link", spike="s2", verdict="own", who="Ada"
    )
    say(broker, fresh(alert()), fresh(alert(alert_id="owned", spikes=("s2",))), mine)
    with courier(broker, {"hook": hook, "ops": ops}, now=clock) as part:
        hook.wait(2)
        until(lambda: everything_sent(part))
        clock.ahead = timedelta(minutes=31)
        assert ops.wait(1) == ["a1.1.escalated-1"]
        until(lambda: everything_sent(part))
    assert ops.got == ["a1.1.escalated-1"]


def test_bytes_that_are_not_ours_are_passed_over(broker: Broker) -> None:
    hook = Inbox()
    producer = Producer(client_config(broker, partitioner="murmur2_random"))
    for topic in (ALERTS, FEEDBACK, DELIVERIES):
        producer.produce(topic.name, b"{}", b"shop")
    assert producer.flush(10.0) == 0
    say(broker, fresh(alert()))
    with courier(broker, {"hook": hook, "ops": Inbox()}):
        assert hook.wait(1) == ["a1.1"]
