"""When the runners of a worker keep checkpoints, and when not."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.broker import Broker, client_config
from schemas.catalog import ALERTS, EXPECTATIONS, FRAMES
from schemas.errors import RetryableError
from streams.checkpoint import newest_age_s
from streams.crew import Crew, Post
from streams.embedded import embedded_broker
from streams.reader import Place, Reader
from streams.topics import ensure_topics
from streams.worker import Agents, AgentSettings
from tests.kafka import apache_kafka
from tests.pipeline import eventually, running
from tests.streams.toys import TOYS, expected, frames, publish, read_back, workspaces


class Kept:
    """A runner that only counts its checkpoints."""

    def __init__(self, unkept: int = 1) -> None:
        self.unkept, self.kept = unkept, 0

    def keep(self) -> bool:
        self.kept += 1
        return True


def _crew(broker: Broker, folder: Path, *, delivered: bool) -> Any:
    crew: Any = Crew(broker, {}, TOYS, threading.Event(), folder=folder, keep_s=1e9)
    crew._outbox.flush = lambda _: delivered
    return crew


def test_a_checkpoint_waits_for_the_brokers_word_on_every_output(tmp_path: Path) -> None:
    with embedded_broker() as broker:
        for delivered in (False, True):
            runner = Kept()
            crew = _crew(broker, tmp_path, delivered=delivered)
            crew._keep(Post("summing", 0), runner)
            assert runner.kept == delivered
            assert bool(crew._keep_at_s) == delivered
            crew.close()


def test_nothing_is_kept_where_nothing_was_applied(tmp_path: Path) -> None:
    with embedded_broker() as broker:
        runner = Kept(unkept=0)
        crew = _crew(broker, tmp_path, delivered=True)
        crew._keep(Post("summing", 0), runner)
        crew.close()
        assert runner.kept == 0


def test_in_the_end_what_has_caught_up_is_kept_unless_something_failed(tmp_path: Path) -> None:
    with embedded_broker() as broker:
        for failed, kept in ((None, 1), (object(), 0)):
            crew = _crew(broker, tmp_path, delivered=True)
            ready, behind = Kept(), Kept()
            crew._runners = {Post("summing", 0): ready, Post("summing", 1): behind}
            crew._behind = {Post("summing", 1)}
            crew.fatal = failed
            crew.close()
            assert (ready.kept, behind.kept) == (kept, 0)


def test_health_says_whose_history_was_cut() -> None:
    agents = Agents(Broker(servers="127.0.0.1:1"), ())
    crew: Any = SimpleNamespace(owned={Post("summing", 2)}, caught_up=True, late=[])
    agents._describe(crew, joined=True)
    assert agents.health().detail == "serving partitions 2"
    crew.late = [f"shop-{number}" for number in range(7)]
    agents._describe(crew, joined=True)
    assert agents.health().detail == (
        "serving partitions 2; history begins where retention has cut it: shop-0, shop-1, shop-2, shop-3, shop-4 and 2 more"
    )


def test_health_says_that_the_broker_went_away_under_the_agents(tmp_path: Path) -> None:
    agents = Agents(Broker(servers="127.0.0.1:1"), ())
    told: list[tuple[bool, bool, str]] = []

    def work() -> None:
        health = agents.health()
        told.append((health.alive, health.ready, health.detail))
        if len(told) < 2:
            raise RetryableError("the Kafka broker does not answer", retry_after_s=0.0)

    with embedded_broker() as broker:
        crew = _crew(broker, tmp_path, delivered=True)
        agents._at_work = crew
        agents._say("serving partitions 0", ready=True)
        asyncio.run(crew._do(work))
        crew.close()
    waiting = (True, False, "the Kafka broker does not answer; trying again in 0 s")
    assert told == [(True, True, "serving partitions 0"), waiting]
    assert agents.health().ready


def test_work_that_waits_for_the_broker_waits_no_longer_when_asked_to_stop(tmp_path: Path) -> None:
    tries: list[str] = []

    def work() -> None:
        tries.append("asked")
        crew._stop.set()
        raise RetryableError("the Kafka broker does not answer", retry_after_s=1e6)

    with embedded_broker() as broker:
        crew = _crew(broker, tmp_path, delivered=True)
        asyncio.run(asyncio.wait_for(crew._do(work), 60.0))
        crew.close()
    assert tries == ["asked"]


def test_agents_that_are_started_again_go_on_from_their_checkpoints(tmp_path: Path) -> None:
    spaces = workspaces(3)
    records = frames([space.name for space in spaces], 30)
    wanted = expected(records, spaces)
    half = len(records) // 2

    def agents() -> Agents:
        settings = AgentSettings(
            group="toys", session_s=6.0, check_s=0.2, checkpoint_folder=str(tmp_path / "kept"), checkpoint_s=0.1
        )
        return Agents(broker, spaces, settings, stages=TOYS)

    with embedded_broker() as broker:
        ensure_topics(broker)
        publish(broker, records[:half])
        with running(agents()):
            eventually(lambda: len(newest_age_s(tmp_path / "kept", 0.0)) >= 4)
        publish(broker, records[half:])
        with running(agents()):
            eventually(lambda: len(read_back(broker, ALERTS)) == len(wanted["alerts"]))
        assert read_back(broker, EXPECTATIONS) == wanted["expectations"]
        assert read_back(broker, ALERTS) == wanted["alerts"]


@pytest.mark.kafka
def test_on_apache_kafka_agents_begin_where_the_topic_was_cut() -> None:
    spaces = workspaces(1)
    records = frames(["shop-0"], 60)
    wanted = [(one.seq, one.until) for one in expected(records, spaces)["expectations"].values()]  # type: ignore[attr-defined]
    half = len(records) // 2
    sofar = len(expected(records[:half], spaces)["expectations"])

    def told() -> list[tuple[int, object]]:
        return [(one.seq, one.until) for one in read_back(broker, EXPECTATIONS).values()]  # type: ignore[attr-defined]

    def agents() -> Agents:
        return Agents(broker, spaces, AgentSettings(group="toys", check_s=0.2), stages=TOYS)

    with apache_kafka() as broker:
        ensure_topics(broker)
        publish(broker, records[:half])
        with running(agents()):
            eventually(lambda: len(told()) == sofar)
        _cut_frames(broker, half // 2)
        publish(broker, records[half:])
        again = agents()
        with running(again):
            eventually(lambda: len(told()) == len(wanted))
            eventually(lambda: again.health().detail.endswith("; history begins where retention has cut it: shop-0"))
        assert told() == wanted


def _cut_frames(broker: Broker, before: int) -> None:
    """As retention would, in the partition that has any."""
    admin = AdminClient(client_config(broker))
    reader = Reader(broker)
    bounds = reader.bounds([Place(FRAMES.name, partition) for partition in range(4)])
    reader.close()
    (place,) = [place for place, one in bounds.items() if one.high > 0]
    deleted = admin.delete_records([TopicPartition(place.topic, place.partition, before)])
    assert [one.result(10.0).low_watermark for one in deleted.values()] == [before]
