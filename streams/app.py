"""The map: every stage in the order in which a record passes through them, and the Faust app that runs them.

Admit comes first and is no Faust agent: it works on whole batches in transactions (:mod:`streams.admit.agent`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import faust

from schemas.broker import Broker
from streams.alert import agent as alert
from streams.alert.step import ALERT
from streams.attribute import agent as attribute
from streams.attribute.step import ATTRIBUTE
from streams.credentials import faust_credentials
from streams.detect import agent as detect
from streams.detect.step import DETECT
from streams.follow import Deliver, follow
from streams.patches import ExactTransport, FolderlessApp, SeekFirstTables
from streams.stage import AnyStage

Register = Callable[[faust.App, Deliver], None]

STAGES: tuple[AnyStage, ...] = (DETECT, ATTRIBUTE, ALERT)
AGENTS: tuple[Register, ...] = (detect.register, attribute.register, alert.register)


def agents_of(stages: Sequence[AnyStage]) -> tuple[Register, ...]:
    """The same for other stages than the map's."""
    return tuple(partial(_follow, stage) for stage in stages)


def _follow(stage: AnyStage, app: faust.App, deliver: Deliver) -> None:
    follow(app, stage, deliver)


def make_app(
    broker: Broker, *, group: str, session_s: float, registers: Sequence[Register], deliver: Deliver
) -> faust.App:
    """A Faust app with the agents given, for use inside a running event loop. Nothing is kept on disk.

    ``group`` is the consumer group, ``session_s`` how long a worker may be silent before its partitions go to others.
    """
    app = FolderlessApp(
        group,
        broker=[f"kafka://{server}" for server in broker.servers.split(",")],
        broker_credentials=faust_credentials(broker),
        broker_session_timeout=session_s,
        broker_heartbeat_interval=min(1.0, session_s / 5),
        broker_commit_interval=1.0,
        broker_check_crcs=not broker.embedded,
        broker_max_poll_interval=1_000.0,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        loghandlers=[],
        TableManager=SeekFirstTables,
        autodiscover=False,
    )
    app.transport = ExactTransport(app.conf.broker_consumer, app)
    for register in registers:
        register(app, deliver)
    return app
