"""Runs a made-up world through detection and attribution, and keeps detection's part so that attribution runs alone.

Frames and timeline entries come straight from the world, so a world costs a few seconds. With a cache folder,
detection's output is stored there per world (a pickle) the first time and read from then on: after a change to
attribution only the world (a second) and attribution are run again. Whoever changes detection or the worlds
starts with an empty folder.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.attribution import Attribution
from schemas.base import Sequenced
from schemas.spike import Expectation, Spike
from sources.stories.worlds import World, make_world
from streams.attribute.step import ATTRIBUTE
from streams.detect.step import DETECT
from streams.stage import Record

Outputs = list[list[Sequenced]]
Bools = NDArray[np.bool_]


class Found(NamedTuple):
    """What came out of a world: its spikes' last revisions and their final attributions, merged ones left out, and
    every revision of both in the order in which they were written."""

    world: World
    spikes: dict[str, Spike]
    attributions: list[Attribution]
    revisions: list[Attribution]


def run(family: str, seed: int, *, cache: Path | None = None, told: list[Record] | None = None) -> Found:
    """One world end to end. ``told`` replaces its records (placebos change the timeline entries)."""
    world = make_world(family, seed)
    return follow(world, list(world.records()) if told is None else told, cache=cache)


def follow(world: World, told: list[Record], *, cache: Path | None = None) -> Found:
    """Detection (or what the cache has of it) and attribution over a world's records."""
    state = ATTRIBUTE.start(world.workspace)
    spikes: dict[str, Spike] = {}
    revisions: list[Attribution] = []
    for record, outputs in zip(told, _detected(world, told, cache), strict=True):
        for each in (record, *outputs):
            if isinstance(each, Spike):
                spikes[each.spike_id] = each
            state, written = ATTRIBUTE.step(state, each)
            revisions.extend(one for _, one in written if isinstance(one, Attribution))
    final = [one for one in revisions if one.final and one.state != "merged"]
    return Found(world, spikes, sorted(final, key=lambda one: (one.onset, one.spike_id)), revisions)


def _detected(world: World, told: list[Record], cache: Path | None) -> Outputs:
    """Detection's outputs after each record."""
    if cache is None:
        return list(_detection(world, told))
    path = cache / f"{world.family.name}-{world.seed}-{world.workspace.bucket_s}.pickle"
    if path.exists():
        stored: Outputs = pickle.loads(path.read_bytes())
        if len(stored) == len(told):
            return stored
    outputs = list(_detection(world, told))
    cache.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(outputs))
    return outputs


def _detection(world: World, told: list[Record]) -> Iterator[list[Sequenced]]:
    state = DETECT.start(world.workspace)
    for record in told:
        state, written = DETECT.step(state, record)
        yield [replace(one, bands=()) if isinstance(one, Expectation) else one for _, one in written]


def inside(world: World, pairs: dict[str, str]) -> Bools:
    """Which of the world's leaves lie in a slice; ``other`` holds every value."""
    names = world.workspace.dimensions
    wanted = [(names.index(name), value) for name, value in pairs.items() if value != "other" and name in names]
    return np.array([all(leaf[at] == value for at, value in wanted) for leaf in world.leaves.values], dtype=bool)
