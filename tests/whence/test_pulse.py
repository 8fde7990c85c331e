"""A broker that hangs refuses nothing and answers nothing: no part may call itself ready meanwhile."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from schemas.broker import Broker
from schemas.workspace import Workspace
from sinks.migrate import migrate
from streams.topics import ensure_topics
from tests.kafka import kafka_node
from tests.pipeline import eventually
from whence.settings import load_settings
from whence.store import store_client
from whence.supervise import Supervisor
from whence.up import all_parts

ROUTING = """[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:9/"
[teams.all]
channels = ["hook"]
[audiences.all]
teams = ["all"]
"""


@pytest.mark.kafka
@pytest.mark.slow
def test_every_part_says_that_the_broker_hangs_and_that_it_is_back_and_ends_in_time_without_it(tmp_path: Path) -> None:
    (tmp_path / "alerts.toml").write_text(ROUTING)
    with kafka_node(tmp_path / "kafka") as node:
        ensure_topics(Broker(servers=node.servers))
        settings = load_settings(
            environ={
                "WHENCE_BROKER_SERVERS": node.servers,
                "WHENCE_ADMIT_CUSTOMER_KEY": "only-for-tests-0123456789",
                "WHENCE_DATA_FOLDER": str(tmp_path / "data"),
                "WHENCE_ALERTS_ROUTING": str(tmp_path / "alerts.toml"),
                "WHENCE_CHANNELS_HOOK_SECRET": "a key",
            }
        )
        with store_client(settings.store, make=True) as client:
            migrate(client)
        supervisor = Supervisor(all_parts(settings, settings.broker.broker(), (Workspace(name="shop"),)))
        supervisor.start()
        try:
            eventually(lambda: all(one.ready for one in supervisor.health()))
            assert {one.part for one in supervisor.health()} == {"admit", "agents", "sink", "quality", "alerts"}
            assert node.process is not None
            node.process.send_signal(signal.SIGSTOP)
            away = f"no Kafka broker answers at {node.servers} ("
            eventually(lambda: all(away in one.detail and not one.ready for one in supervisor.health()))
            assert all(one.alive for one in supervisor.health())
            node.process.send_signal(signal.SIGCONT)
            eventually(lambda: all(one.ready for one in supervisor.health()))
            node.process.send_signal(signal.SIGSTOP)
            eventually(lambda: not any(one.ready for one in supervisor.health()))
        finally:
            late = supervisor.end()
            if node.process is not None:
                node.process.send_signal(signal.SIGCONT)
        assert (supervisor.failure, late) == (None, ())
