"""Each process is killed once with -9 on 10,000 events, between producing and committing: nothing is lost, nothing
comes twice, nothing else changes. ``make torture`` is the full test."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.comparing import Held, await_views, compared
from benchmarks.telling import ADMIT, FIRST, SECOND, SINK, Plan, telling
from schemas.catalog import BY_NAME
from tests.clickhouse_server import clickhouse_server
from tests.pipeline import by_steps, interleaved, merged, script, tell
from tests.processes import Processes, Slot
from tools.kafka.run import KafkaMissingError, requirements

MOMENTS = {ADMIT: ("produced:3",), FIRST: ("produced:2",), SECOND: (), SINK: ("before_commit:3",)}


@pytest.mark.kafka
@pytest.mark.slow
def test_each_process_killed_once_changes_nothing(tmp_path: Path) -> None:
    try:
        requirements()
    except KafkaMissingError as reason:
        pytest.skip(str(reason))
    stories = tell(2, contacts_per_day=270.0)
    spaces = [story.workspace for story in stories]
    items = interleaved([script(story) for story in stories])
    wanted = {name: Held(one) for name, one in merged(by_steps(story, 4) for story in stories).items()}
    assert all(one.records for one in wanted.values())
    with (
        clickhouse_server(tmp_path / "store") as store,
        telling(tmp_path, store, spaces, "killed", lambda _: None) as told,
    ):
        told.tell(items, Plan(by_own_hand=MOMENTS))
        found = told.settle(wanted)
        assert [one for one in (compared(name, wanted[name], found[name]) for name in wanted) if not one.same] == []
        assert [
            name for name, one in found.items() if BY_NAME[name].owner == "admit" and one.total > len(one.records)
        ] == []
        assert {slot for slot, deaths in told.processes.deaths.items() if deaths} == {ADMIT, FIRST, SINK}
        with Processes(
            tmp_path / "calm", told.node.servers, spaces, store=store, database="calm", group="calm"
        ) as calm:
            calm.whence("migrate")
            calm.start(Slot("sink"))
            views = await_views(store, "calm", "killed", filled=("contacts_all", "alerts_all"))
        assert [one for one in views if not one.same] == []
        assert {one.name for one in views if not one.wanted} <= {
            "dead_letters_now", "deliveries_all", "deliveries_now", "feedback_now", "quality_all", "quality_now",
        }  # fmt: skip
