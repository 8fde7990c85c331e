"""Parts wait for a broker that is away, and say so; so they do when it falls silent later."""

from __future__ import annotations

import threading

import pytest

from schemas.broker import Broker
from schemas.errors import FatalError, RetryableError
from schemas.health import Health
from whence.after import AfterTopics
from whence.pulse import Pulse
from whence.supervise import Supervisor

BROKER = Broker(servers="kafka:9092")


class Work:
    """A part that runs until it is stopped."""

    name = "work"

    def __init__(self) -> None:
        self.begun = threading.Event()

    def run(self, stop: threading.Event) -> None:
        self.begun.set()
        stop.wait()

    def health(self) -> Health:
        return Health(part="work", alive=True, ready=True, detail="at work")


class Still(Pulse):
    """Asks nobody."""

    def __init__(self) -> None:
        super().__init__(BROKER)

    def begin(self, stop: threading.Event) -> None:
        del stop


def test_a_part_begins_by_itself_when_the_broker_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    part = AfterTopics(Work(), BROKER, 8, Still())
    told: list[Health] = []

    def counts(broker: Broker, *, timeout_s: float) -> dict[str, int]:
        told.append(part.health())
        asked.append(f"{broker.servers} within {timeout_s:g} s")
        if len(asked) < 3:
            raise RetryableError("no Kafka broker answers at kafka:9092", retry_after_s=0.0)
        return {}

    monkeypatch.setattr("whence.after.partition_counts", counts)
    monkeypatch.setattr("whence.after.ensure_topics", lambda _broker, partitions: asked.append(f"made {partitions}"))
    work = part._part
    assert isinstance(work, Work)
    supervisor = Supervisor([part])
    supervisor.start()
    assert work.begun.wait(10.0)
    assert asked == ["kafka:9092 within 3 s"] * 3 + ["made 8"]
    assert [(one.alive, one.ready, one.detail) for one in told] == [
        (True, False, "waiting for the topics on the broker at kafka:9092"),
        (True, False, "no Kafka broker answers at kafka:9092; trying again in 0 s"),
        (True, False, "no Kafka broker answers at kafka:9092; trying again in 0 s"),
    ]
    assert part.health().detail == "at work"
    assert supervisor.end() == ()
    assert supervisor.failure is None


def test_topics_of_another_shape_end_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    def differ(_broker: Broker, _partitions: int | None) -> None:
        raise FatalError("chats has 6 partitions, not 4", remedy="Change it.")

    monkeypatch.setattr("whence.after.partition_counts", lambda _broker, timeout_s: {})
    monkeypatch.setattr("whence.after.ensure_topics", differ)
    supervisor = Supervisor([AfterTopics(Work(), BROKER, None, Still())])
    supervisor.start()
    supervisor.wait()
    supervisor.end()
    assert str(supervisor.failure) == "chats has 6 partitions, not 4. Change it."


def test_who_was_asked_to_stop_waits_for_no_answer_about_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answered = threading.Event(), threading.Event()
    asking: list[threading.Thread] = []
    made: list[int | None] = []

    def counts(_broker: Broker, *, timeout_s: float) -> dict[str, int]:
        asking.append(threading.current_thread())
        asked.set()
        answered.wait()
        return {}

    monkeypatch.setattr("whence.after.partition_counts", counts)
    monkeypatch.setattr("whence.after.ensure_topics", lambda _broker, partitions: made.append(partitions))
    work = Work()
    supervisor = Supervisor([AfterTopics(work, BROKER, None, Still())])
    supervisor.start()
    assert asked.wait(10.0)
    assert supervisor.end() == ()
    answered.set()
    asking[0].join(10.0)
    assert made == []
    assert not work.begun.is_set()


class Ended(Work):
    """A part that says itself why it has ended."""

    def health(self) -> Health:
        return Health(part="work", alive=False, ready=False, detail="the disk is full")


@pytest.mark.parametrize(
    ("work", "away", "told"),
    [
        (Work(), None, (True, True, "at work")),
        (Work(), "no Kafka broker answers", (True, False, "no Kafka broker answers")),
        (Ended(), "no Kafka broker answers", (False, False, "the disk is full")),
    ],
    ids=["it answers", "it is silent", "the part has ended"],
)
def test_a_part_is_ready_only_while_the_broker_answers(
    work: Work, away: str | None, told: tuple[bool, bool, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whence.after.partition_counts", lambda _broker, timeout_s: {})
    monkeypatch.setattr("whence.after.ensure_topics", lambda _broker, _partitions: None)
    pulse = Still()
    part = AfterTopics(work, BROKER, None, pulse)
    supervisor = Supervisor([part])
    supervisor.start()
    assert work.begun.wait(10.0)
    pulse.away = away
    found = part.health()
    assert (found.alive, found.ready, found.detail) == told
    assert supervisor.end() == ()
