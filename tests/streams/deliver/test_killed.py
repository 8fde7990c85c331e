"""Kill -9 during delivery: nothing is lost, and what comes twice carries the same key."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.broker import Broker
from streams.deliver.signing import verified
from streams.embedded import embedded_broker
from streams.topics import ensure_topics
from tests.receivers import http_receiver
from tests.streams.deliver.process import SECRET
from tests.streams.deliver.samples import alert
from tests.streams.deliver.test_courier import fresh, noted, say, until

ROOT = Path(__file__).parents[3]
MOMENTS = ("queued:1", "given:3", "taken:2")
ALERTS = 8
KEYS = {f"k{number}.1" for number in range(ALERTS)}


@contextmanager
def courier(
    broker: Broker, hook: str, ops: str, log: Path, moment: str = "never:0"
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone at the end, whatever happens."""
    command = [sys.executable, "-m", "tests.streams.deliver.process", broker.servers, hook, ops, moment]
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10.0)


@pytest.mark.slow
def test_kill_9_loses_nothing_and_repeats_carry_the_same_key(tmp_path: Path) -> None:
    log = tmp_path / "courier.log"
    with embedded_broker() as broker, http_receiver() as hook, http_receiver() as ops:
        ensure_topics(broker)
        say(broker, *(fresh(alert(alert_id=f"k{number}", spikes=(f"s{number}",))) for number in range(ALERTS)))
        for moment in MOMENTS:
            with courier(broker, hook.url, ops.url, log, moment) as process:
                assert process.wait(90.0) == -9, log.read_text()[-2_000:]
        with courier(broker, hook.url, ops.url, log):
            until(lambda: len({step.delivery_id for step in noted(broker) if step.status == "sent"}) == 2 * ALERTS)
        for receiver in (hook, ops):
            times = Counter(got.key for got in receiver.got)
            assert set(times) == KEYS
            assert sum(times.values()) <= ALERTS + len(MOMENTS)
            assert all(verified(SECRET, got.headers, got.body, now_s=time.time()) for got in receiver.got)
            bodies = {key: {got.body for got in receiver.got if got.key == key} for key in times}
            assert all(len(found) == 1 for found in bodies.values())
        assert sum(len(receiver.got) for receiver in (hook, ops)) > 2 * ALERTS


@pytest.mark.slow
def test_killed_while_a_receiver_stalls_the_message_comes_again(tmp_path: Path) -> None:
    log = tmp_path / "courier.log"
    with embedded_broker() as broker, http_receiver(lambda n: 0 if n == 1 else 204) as hook, http_receiver() as ops:
        ensure_topics(broker)
        say(broker, fresh(alert()))
        with courier(broker, hook.url, ops.url, log):
            hook.wait(1, 90.0)
        hook.release()
        with courier(broker, hook.url, ops.url, log):
            assert [got.key for got in hook.wait(2, 90.0)] == ["a1.1", "a1.1"]
            until(lambda: {s.delivery_id for s in noted(broker) if s.status == "sent"} == {"a1.1@hook", "a1.1@ops"})
