"""What admit decides: one input partition's messages in, contacts, frames, timeline and dead letters out.

The result is that of taking the messages one by one; that they come in batches only makes it fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.catalog import Topic
from schemas.workspace import Workspace
from streams.admit.changes import take_changes
from streams.admit.counting import take_contacts
from streams.admit.settings import AdmitSettings
from streams.admit.state import Admitted, Counters, PartitionState, RawMessage

__all__ = ["Admitted", "Counters", "PartitionState", "RawMessage", "admit", "start"]


def start(
    topic: Topic,
    partition: int,
    partitions: Mapping[str, int],
    workspaces: tuple[Workspace, ...],
    settings: AdmitSettings,
) -> PartitionState:
    """The state before the first message. ``partitions`` says how many every raw topic has."""
    return PartitionState(topic, partition, partitions, workspaces, settings)


def admit(state: PartitionState, batch: Sequence[RawMessage]) -> tuple[PartitionState, Admitted]:
    """Take the next messages of the partition, in the order of their offsets."""
    out = Admitted()
    out.counters.read = len(batch)
    if batch:
        (take_contacts if state.counts else take_changes)(state, batch, out)
    return state, out
