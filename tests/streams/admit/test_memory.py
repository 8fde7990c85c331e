"""The memory in arrays is a dictionary whose entries expire."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.admit.compiled import purely
from streams.admit.memory import Memory


@pytest.mark.parametrize("way", [nullcontext, purely])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 300))
def test_finds_what_a_dictionary_would(way: Callable[[], AbstractContextManager[None]], seed: int, size: int) -> None:
    random = Random(seed)
    with way():
        memory, model = Memory(content=np.uint64), dict[int, tuple[int, int]]()
    # Keys that agree in their low bits, and so want the same slot, among them.
    keys = [random.randrange(2**64) if random.random() < 0.7 else random.randrange(9) << 20 for _ in range(6 * size)]
    for floor in range(12):
        memory.floor = floor
        model = {key: entry for key, entry in model.items() if entry[0] >= floor}
        new = [key for key in set(random.choices(keys, k=size)) if key not in model]
        entries = {key: (floor + random.randrange(3), random.randrange(2**64)) for key in new}
        memory.add(
            np.array(new, np.uint64),
            np.array([expires for expires, _ in entries.values()], np.int64),
            content=np.array([content for _, content in entries.values()], np.uint64),
        )
        model |= entries
        found = memory.find(np.array(keys, np.uint64))
        assert [row >= 0 for row in found.tolist()] == [key in model for key in keys]
        rows = [row for row in found.tolist() if row >= 0]
        assert memory.columns["content"][rows].tolist() == [model[key][1] for key in keys if key in model]
        assert len(memory) == len(model)


def test_nothing_is_found_in_an_empty_memory() -> None:
    assert Memory().find(np.array([1, 2], np.uint64)).tolist() == [-1, -1]


@pytest.mark.parametrize("horizon", [2, 20])
def test_room_grows_with_what_is_remembered_and_not_with_what_came(horizon: int) -> None:
    memory, random = Memory(content=np.uint64), np.random.default_rng(1)
    for now in range(100):
        memory.floor = now - horizon
        keys = random.integers(0, 2**63, 1_000).astype(np.uint64)
        memory.add(keys, np.full(1_000, now), content=keys)
    assert len(memory) == 1_000 * (horizon + 1)
    assert memory.expires.size <= 2 * len(memory)
