"""The Faust worker on both brokers: exact under kills, patient with the broker, quick to end."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.broker import Broker
from schemas.catalog import ALERTS, EXPECTATIONS, FRAMES
from schemas.errors import FatalError, RetryableError
from schemas.workspace import Workspace
from streams.embedded import embedded_broker
from streams.reader import Place
from streams.stage import Outputs, Record
from streams.topics import ensure_topics
from streams.worker import Agents, AgentSettings, commit
from tests.kafka import apache_kafka, kafka_node
from tests.pipeline import eventually, running
from tests.streams.toy_worker import LISTENING
from tests.streams.toys import TOYS, Summing, SummingState, expected, frames, publish, read_back, workspaces
from tools.kafka.run import Node


def _agents(broker: Broker, spaces: tuple[Workspace, ...]) -> Agents:
    return Agents(broker, spaces, AgentSettings(group="toys", session_s=6.0, check_s=0.5), stages=TOYS)


def _same_as_the_chain(broker: Broker, spaces: tuple[Workspace, ...]) -> None:
    records = frames([space.name for space in spaces], 60)
    wanted = expected(records, spaces)
    half = len(records) // 2
    publish(broker, records[:half])
    agents = _agents(broker, spaces)
    assert agents.health().detail == "not started"
    with running(agents):
        publish(broker, records[half:] + records[:half])
        eventually(lambda: len(read_back(broker, ALERTS)) == len(wanted["alerts"]))
        eventually(lambda: agents.health().ready)
        assert agents.health().detail == "serving partitions 0, 1, 2, 3"
    assert read_back(broker, EXPECTATIONS) == wanted["expectations"]
    assert read_back(broker, ALERTS) == wanted["alerts"]
    assert agents.health().detail == "stopped"


@pytest.mark.slow
def test_on_the_embedded_broker_the_agents_write_what_the_chain_writes() -> None:
    with embedded_broker() as broker:
        ensure_topics(broker)
        _same_as_the_chain(broker, workspaces(3))


@pytest.mark.kafka
def test_on_apache_kafka_the_agents_write_what_the_chain_writes() -> None:
    with apache_kafka() as broker:
        ensure_topics(broker)
        _same_as_the_chain(broker, workspaces(8))


@pytest.mark.kafka
def test_the_agents_wait_for_a_broker_that_is_away_and_for_its_topics(tmp_path: Path) -> None:
    with kafka_node(tmp_path) as node:
        node.stop()
        broker = Broker(servers=node.servers)
        agents = _agents(broker, workspaces(1))
        with running(agents):
            eventually(
                lambda: agents.health().detail.startswith(
                    f"waiting for the Kafka broker at {node.servers}: no Kafka broker answers"
                )
            )
            assert agents.health().alive
            node.start()
            eventually(lambda: "the topics tickets, " in agents.health().detail)
            ensure_topics(broker)
            eventually(lambda: agents.health().ready)


@pytest.mark.kafka
@pytest.mark.slow
def test_the_agents_go_on_by_themselves_after_the_broker_was_killed(tmp_path: Path) -> None:
    with kafka_node(tmp_path) as node:
        broker = Broker(servers=node.servers)
        ensure_topics(broker)
        records = frames(["shop-0"], 60)
        wanted = expected(records, workspaces(1))
        agents = _agents(broker, workspaces(1))
        with running(agents):
            publish(broker, records[:60])
            eventually(lambda: len(read_back(broker, EXPECTATIONS)) > 0)
            node.kill()
            time.sleep(3.0)
            node.start()
            publish(broker, records[60:])
            eventually(lambda: len(read_back(broker, ALERTS)) == len(wanted["alerts"]))
        assert read_back(broker, EXPECTATIONS) == wanted["expectations"]
        assert read_back(broker, ALERTS) == wanted["alerts"]


def test_a_stage_that_fails_ends_the_part_with_its_sentence() -> None:
    class Failing(Summing):
        def step(self, state: SummingState, event: Record) -> tuple[SummingState, Outputs]:
            raise ZeroDivisionError("no contacts")

    with embedded_broker() as broker:
        ensure_topics(broker)
        publish(broker, frames(["shop-0"], 1))
        agents = Agents(broker, workspaces(1), stages=(Failing(),))
        with pytest.raises(FatalError, match="The stage summing could not apply frames/"):
            agents.run(threading.Event())
        assert not agents.health().alive
        assert "ZeroDivisionError: no contacts" in agents.health().detail


def test_a_faust_consumer_that_is_gone_is_said_and_begun_anew() -> None:
    async def commit_applied(_: object) -> None:
        raise RuntimeError("Event loop is closed")

    app: Any = SimpleNamespace(consumer=SimpleNamespace(commit_applied=commit_applied))
    crew: Any = SimpleNamespace(applied=lambda: {Place("frames", 0): 7})
    with pytest.raises(RetryableError, match=r"Faust's consumer is gone \(RuntimeError\('Event loop is closed'\)\)"):
        asyncio.run(commit(app, crew, threading.Event()))


def _unanswered(stop: threading.Event) -> None:
    """A commit of which no word comes."""

    async def commit_applied(_: object) -> None:
        await asyncio.Event().wait()

    app: Any = SimpleNamespace(consumer=SimpleNamespace(commit_applied=commit_applied))
    crew: Any = SimpleNamespace(applied=lambda: {Place("frames", 0): 7})
    asyncio.run(commit(app, crew, stop))


def test_a_commit_that_nobody_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.worker.COMMIT_S", 0.3)
    with pytest.raises(RetryableError, match=r"Faust's consumer is gone \(TimeoutError\('no answer within 0\.3 s'\)\)"):
        _unanswered(threading.Event())


def test_who_was_asked_to_stop_waits_for_no_commit() -> None:
    stop = threading.Event()
    stop.set()
    _unanswered(stop)


class Pair:
    """Two workers in processes of their own, replaced as they die."""

    def __init__(self, node: Node, spaces: int, moments: list[str]) -> None:
        self._node, self._spaces, self._moments = node, spaces, moments
        self.deaths = 0
        self._said = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115 - closed at the end
        self.processes = [self._spawn(0), self._spawn(1)]

    def _spawn(self, place: int) -> subprocess.Popen[bytes]:
        said = self._said[place]
        said.seek(0)
        said.truncate()
        moment = [self._moments.pop(0)] if self._moments else []
        command = [sys.executable, "-m", "tests.streams.toy_worker", self._node.servers, str(self._spaces), *moment]
        return subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL)

    def replace_the_dead(self) -> int:
        """How many have died so far."""
        for place, process in enumerate(self.processes):
            if process.poll() is not None:
                self.deaths += 1
                self.processes[place] = self._spawn(place)
        return self.deaths

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        for place, process in enumerate(self.processes):
            # One that was started a moment ago may not listen to the signal yet.
            eventually(partial(self._listens, place))
            process.terminate()
        ended = [process.wait(10.0) for process in self.processes]
        for said in self._said:
            said.close()
        assert ended == [0, 0]

    def _listens(self, place: int) -> bool:
        return LISTENING.encode() in os.pread(self._said[place].fileno(), 1_000, 0)


@pytest.mark.kafka
@pytest.mark.slow
def test_two_workers_killed_at_any_moment_lose_and_double_nothing(tmp_path: Path) -> None:
    rng = random.Random(7)
    with kafka_node(tmp_path) as node:
        broker = Broker(servers=node.servers)
        ensure_topics(broker)
        spaces = workspaces(8)
        records = frames([space.name for space in spaces], 200)
        wanted = expected(records, spaces)
        with Pair(node, 8, ["produced:3", "applied:50", "rebuilding:2", "revoked:1", "produced:1"]) as pair:
            for start in range(0, len(records), 240):
                publish(broker, records[start : start + 240])
                time.sleep(1.0)
                pair.replace_the_dead()
                if rng.random() < 0.15:
                    pair.processes[rng.randrange(2)].kill()
            eventually(lambda: pair.replace_the_dead() >= 4 and len(read_back(broker, ALERTS)) == len(wanted["alerts"]))
        assert read_back(broker, FRAMES) == {(one.workspace, one.origin, one.seq): one for one in records}
        assert read_back(broker, EXPECTATIONS) == wanted["expectations"]
        assert read_back(broker, ALERTS) == wanted["alerts"]
