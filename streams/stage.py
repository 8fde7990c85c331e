"""What every stage right of admit is: a pure step over one workspace's records.

A step must not depend on how records of different origins interleave, nor on how often it is called: it holds
back until its inputs have progressed far enough, then decides in event time. So the same records give the same
outputs, with the same ``seq``, over any partitioning, number of workers and restarts, and the state after a
crash is rebuilt by reading the records again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol, TypeVar, runtime_checkable

from schemas.base import Sequenced
from schemas.catalog import Topic
from schemas.raw import Feedback
from schemas.workspace import Workspace

State = TypeVar("State")
Record = Sequenced | Feedback
Outputs = tuple[tuple[Topic, Sequenced], ...]


class Stage(Protocol[State]):
    """A stage: which topics it reads and writes, its first state, and its step.

    ``step`` takes ownership of ``state``: it may change the arrays inside, and the caller must go on with the
    state that it returns. ``seq`` of every output counts from 1 per ``(topic, workspace, origin)``.
    """

    @property
    def name(self) -> str:
        """What it is called in logs, metrics and consumer groups."""
        ...

    @property
    def reads(self) -> tuple[Topic, ...]:
        """All co-partitioned, keyed by workspace."""
        ...

    @property
    def writes(self) -> tuple[Topic, ...]:
        """To the partition that was read."""
        ...

    def start(self, workspace: Workspace) -> State:
        """The state before any record."""
        ...

    def step(self, state: State, event: Record) -> tuple[State, Outputs]:
        """Apply one record, already known to be the next of its origin."""
        ...


@runtime_checkable
class Patient(Protocol):
    """A stage that waits for records of which others have told it, and so would wait for ever for some that are gone."""

    def let_go(self, state: Any, cut: Collection[str]) -> tuple[Any, Outputs]:
        """All that is left of the topics has been applied, and retention has ``cut`` the beginning of these: what is
        still missing of them will never come."""
        ...


AnyStage = Stage[Any]

__all__ = ["AnyStage", "Outputs", "Patient", "Record", "Stage", "State"]
