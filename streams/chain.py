"""Detect, attribute and alert in one process without a broker: what a back-test runs.

The same steps as the agents', fed in the order in which records come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from schemas.base import Sequenced
from schemas.catalog import STAGE_TOPICS, Topic
from schemas.workspace import Workspace
from streams.app import STAGES
from streams.stage import AnyStage, Record

_TOPICS = {topic.type: topic for topic in STAGE_TOPICS}


class Chain:
    """The stages of one workspace, each with its state. Every record is routed to each stage that reads its topic,
    in the order of the map, and what they write likewise before the next record is taken."""

    def __init__(self, workspace: Workspace, stages: Sequence[AnyStage] = STAGES) -> None:
        self._stages = tuple(stages)
        self._states: list[object] = [stage.start(workspace) for stage in self._stages]

    def feed(self, record: Record) -> list[tuple[Topic, Sequenced]]:
        """Apply one record, and return everything that any stage wrote because of it, in order."""
        written: list[tuple[Topic, Sequenced]] = []
        waiting: deque[Record] = deque([record])
        while waiting:
            outputs = self._apply(waiting.popleft())
            written.extend(outputs)
            waiting.extend(output for _, output in outputs)
        return written

    def _apply(self, record: Record) -> list[tuple[Topic, Sequenced]]:
        topic = _TOPICS[type(record)]
        written: list[tuple[Topic, Sequenced]] = []
        for place, stage in enumerate(self._stages):
            if topic in stage.reads:
                self._states[place], outputs = stage.step(self._states[place], record)
                written.extend(outputs)
        return written
