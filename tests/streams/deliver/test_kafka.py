"""Couriers on Apache Kafka: two share the partitions, one leaves, and everything still arrives."""

from __future__ import annotations

import pytest

from schemas.workspace import Workspace
from streams.topics import ensure_topics
from tests.kafka import apache_kafka
from tests.streams.deliver.samples import alert
from tests.streams.deliver.test_courier import QUICK, Inbox, courier, fresh, noted, say, until

NAMES = tuple(f"shop-{number}" for number in range(8))
SHOPS = tuple(Workspace(name=name) for name in NAMES)


@pytest.mark.kafka
@pytest.mark.slow
def test_two_couriers_share_the_work_and_one_that_leaves_leaves_nothing_behind() -> None:
    hook = Inbox()
    senders = {"hook": hook, "ops": Inbox()}
    with apache_kafka() as broker:
        ensure_topics(broker)
        with courier(broker, senders, settings=QUICK, workspaces=SHOPS) as first:
            until(lambda: first.health().ready)
            with courier(broker, senders, settings=QUICK, workspaces=SHOPS) as second:
                until(lambda: second.health().ready)
                say(broker, *(fresh(alert(workspace=name, alert_id=name)) for name in NAMES))
                hook.wait(len(NAMES))
            say(broker, *(fresh(alert(2, workspace=name, alert_id=name, contacts=500.0)) for name in NAMES))
            until(lambda: {f"{name}.2" for name in NAMES} <= set(hook.got))
            until(lambda: len({s.delivery_id for s in noted(broker) if s.status == "sent"}) == 2 * len(NAMES))
    assert set(hook.got) == {f"{name}.{revision}" for name in NAMES for revision in (1, 2)}
