"""The quality part on the embedded broker: results on the topic, numbered without a hole, whatever happens."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from schemas.broker import Broker, client_config
from schemas.catalog import QUALITY
from schemas.codec import encode
from schemas.errors import FatalError, RetryableError
from schemas.quality import QualityResult
from sinks.batch import store as store_batch
from sinks.quality import Quality, QualitySettings, data_time
from sinks.quality.checkpoint import Checkpoint
from sinks.quality.part import stored_seq
from sinks.quality.sequence import QualityTopic
from sinks.store import StoreSettings, connect
from streams.embedded import embedded_broker
from streams.topics import ensure_topics
from tests.clickhouse_server import ClickHouseServer
from tests.sinks.conftest import settings_of
from tests.sinks.quality.conftest import NOW, Company
from tests.sinks.test_batch import batch

QUICK = QualitySettings(first_after_s=0.0, every_s=0.3)


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with embedded_broker() as started:
        ensure_topics(started)
        yield started


def result(workspace: str, seq: int) -> QualityResult:
    return QualityResult(
        workspace=workspace, origin="quality", seq=seq, check_id="contacts.x", table="contacts", expectation="e",
        success=True, observed="1", allowed="2", window_start=NOW, window_end=NOW, at=NOW,
    )  # fmt: skip


def test_the_last_number_is_read_from_the_topic_also_what_others_wrote_meanwhile(
    broker: Broker, workspace: str
) -> None:
    topic = QualityTopic(broker)
    assert topic.last_seq(workspace) == 0
    topic.publish([result(workspace, 1), result(workspace, 2)])
    assert topic.last_seq(workspace) == 2
    other = QualityTopic(broker)
    assert other.last_seq(workspace) == 2
    other.publish([result(workspace, 3)])
    producer = Producer(client_config(broker))
    producer.produce(QUALITY.name, b"nonsense")
    producer.flush(5.0)
    assert topic.last_seq(workspace) == 3
    assert topic.last_seq("another") == 0


def published(broker: Broker, workspace: str) -> int:
    return QualityTopic(broker).last_seq(workspace)


def test_a_live_workspace_is_checked_on_schedule_and_each_window_once(
    broker: Broker, company: Company, server_store: StoreSettings, checkpoint: Checkpoint
) -> None:
    client = connect(server_store)
    company.land(client, server_store)
    store_batch(client, server_store, batch(QUALITY, [encode(result(company.workspace.name, 40))]))
    assert stored_seq(client, company.workspace.name) == 40
    time_now = [NOW + timedelta(hours=1, seconds=121)]
    part = Quality(broker, server_store, [company.workspace], QUICK, clock=lambda: time_now[0])
    part._checkpoint = checkpoint
    stop = threading.Event()
    thread = threading.Thread(target=part.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 240.0
    once = 0
    while once <= 50 or published(broker, company.workspace.name) > once:
        assert time.monotonic() < deadline
        once = published(broker, company.workspace.name)
        time.sleep(1.0)
    time_now[0] += timedelta(hours=1)
    while published(broker, company.workspace.name) == once:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    began = time.monotonic()
    stop.set()
    thread.join(10.0)
    assert time.monotonic() - began < 6.0
    assert part.health().detail == "stopped"


def test_a_replay_is_left_alone_unless_asked_for(broker: Broker, company: Company, server_store: StoreSettings) -> None:
    replay = replace(company.workspace, progress="input")
    assert Quality(broker, server_store, [replay], QUICK)._workspaces == []
    assert Quality(broker, server_store, [replay], replace(QUICK, replays=True))._workspaces == [replay]


def test_a_replays_now_is_how_far_its_inputs_are(company: Company, server_store: StoreSettings) -> None:
    client = connect(server_store)
    assert data_time(client, company.workspace) is None
    company.land(client, server_store)
    assert data_time(client, company.workspace) == NOW


def test_a_store_that_is_away_is_said_and_tried_again(broker: Broker, company: Company) -> None:
    part = Quality(broker, StoreSettings(host="127.0.0.1", port=9), [company.workspace], QUICK)
    stop = threading.Event()
    thread = threading.Thread(target=part.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 120.0
    while part.health().ready:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert part.health().alive
    assert "No ClickHouse answers at 127.0.0.1:9" in part.health().detail
    assert "Checking again in 0.3 s." in part.health().detail
    stop.set()
    thread.join(10.0)


def test_who_is_asked_to_stop_waits_for_no_answer_of_kafka() -> None:
    part = Quality(Broker(servers="127.0.0.1:9"), StoreSettings(), [], QUICK)
    stop, answered = threading.Event(), threading.Event()

    def refuse() -> None:
        raise RetryableError("Kafka does not take results of checks", retry_after_s=5.0)

    assert part._asked(lambda: 7, stop) == 7
    with pytest.raises(RetryableError, match="does not take results"):
        part._asked(refuse, stop)
    assert not part._unanswered
    stop.set()
    with pytest.raises(RetryableError, match="Kafka did not answer before the end"):
        part._asked(answered.wait, stop)
    assert part._unanswered
    answered.set()


def test_a_wrong_password_ends_the_part(broker: Broker, company: Company, server: ClickHouseServer) -> None:
    part = Quality(broker, settings_of(server, password="wrong"), [company.workspace], QUICK)
    with pytest.raises(FatalError, match="refused the user"):
        part.run(threading.Event())
    assert not part.health().alive


def test_great_expectations_is_not_imported_before_a_checkpoint_runs() -> None:
    code = "import sys, sinks.quality, sinks.writer; print([m for m in ('great_expectations', 'pandas') if m in sys.modules])"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
