"""Runs made-up worlds through detection and attribution, and keeps detection's part so that attribution runs alone.

Frames and timeline entries come straight from the world, so a world costs a few seconds. With a cache folder,
detection's output is stored there per world (a pickle) the first time and read from then on: after a change to
attribution only the world (a second) and attribution are run again. Whoever changes detection or the worlds
starts with an empty folder.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.attribution import Attribution
from schemas.base import Sequenced
from schemas.frame import Frame
from schemas.spike import Expectation, Spike
from schemas.timeline import Change, TimelineEntry
from schemas.workspace import Workspace
from sources.stories.worlds import World, make_world
from streams.attribute.step import ATTRIBUTE
from streams.detect.step import DETECT
from streams.stage import Record

Outputs = list[list[Sequenced]]
Bools = NDArray[np.bool_]
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Said(NamedTuple):
    """What detection and attribution wrote: the last revision of every spike, the final attributions in order of
    onset (merged ones left out), and every revision of an attribution in the order in which they were written."""

    spikes: dict[str, Spike]
    final: list[Attribution]
    revisions: list[Attribution]


class Found(NamedTuple):
    """A world and what came out of it."""

    world: World
    said: Said


def run(family: str, seed: int, *, cache: Path | None = None) -> Found:
    """One world end to end."""
    world = make_world(family, seed)
    told = list(world.records())
    return Found(world, attributed(world.workspace, told, detected(world, told, cache)))


def attributed(workspace: Workspace, told: Sequence[Record], outputs: Outputs) -> Said:
    """Attribution over records, with what detection wrote after each frame."""
    state = ATTRIBUTE.start(workspace)
    spikes: dict[str, Spike] = {}
    revisions: list[Attribution] = []
    coming = iter(outputs)
    for record in told:
        for each in (record, *(next(coming) if isinstance(record, Frame) else ())):
            if isinstance(each, Spike):
                spikes[each.spike_id] = each
            state, written = ATTRIBUTE.step(state, each)
            revisions.extend(one for _, one in written if isinstance(one, Attribution))
    last = {one.spike_id: one for one in revisions}
    final = sorted((one for one in last.values() if one.state != "merged"), key=lambda one: (one.onset, one.spike_id))
    return Said(spikes, final, revisions)


def detected(world: World, told: Sequence[Record], cache: Path | None) -> Outputs:
    """Detection's outputs after each frame of a world, from the cache where it has them."""
    if cache is None:
        return detection(world.workspace, told)
    path = cache / f"{world.family.name}-{world.seed}-{world.workspace.bucket_s}.pickle"
    return stored(path, lambda: detection(world.workspace, told))


def stored(path: Path, make: Callable[[], Outputs]) -> Outputs:
    """What a file holds, made and written first where there is none."""
    if path.exists():
        outputs: Outputs = pickle.loads(path.read_bytes())
        return outputs
    outputs = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(outputs))
    return outputs


def detection(workspace: Workspace, told: Sequence[Record]) -> Outputs:
    """Detection's outputs after each frame, without the bands, which attribution does not read."""
    return list(_detection(workspace, told))


def _detection(workspace: Workspace, told: Sequence[Record]) -> Iterator[list[Sequenced]]:
    state = DETECT.start(workspace)
    for record in told:
        if isinstance(record, Frame):
            state, written = DETECT.step(state, record)
            yield [replace(one, bands=()) if isinstance(one, Expectation) else one for _, one in written]


def retold(told: Sequence[Record], changed: Callable[[list[Change]], list[Change]]) -> list[Record]:
    """The records with other changes: all of them come first, each known from its own time on."""
    entries = [one for one in told if isinstance(one, TimelineEntry) and one.change is not None]
    others = [one for one in told if not (isinstance(one, TimelineEntry) and one.change is not None)]
    if not entries:
        return others
    changes = changed([one.change for one in entries if one.change is not None])
    return [*(replace(entries[0], until=BEGINNING, final=False, change=change) for change in changes), *others]


def inside(world: World, pairs: dict[str, str]) -> Bools:
    """Which of the world's leaves lie in a slice; ``other`` holds every value."""
    names = world.workspace.dimensions
    wanted = [(names.index(name), value) for name, value in pairs.items() if value != "other" and name in names]
    return np.array([all(leaf[at] == value for at, value in wanted) for leaf in world.leaves.values], dtype=bool)
