"""The chain routes what a stage writes to those that read it."""

from __future__ import annotations

import pytest

from schemas.catalog import ALERTS, EXPECTATIONS
from streams.chain import Chain
from tests.streams.toys import TOYS, expected, frames, workspaces


def test_outputs_go_on_to_the_stages_that_read_them() -> None:
    (space,) = workspaces(1)
    chain = Chain(space, TOYS)
    written = [output for frame in frames([space.name], 9) for output in chain.feed(frame)]
    assert [topic for topic, _ in written].count(EXPECTATIONS) == 9
    assert [record.seq for topic, record in written if topic == ALERTS] == [1, 2, 3]
    assert [topic.name for topic, _ in written].index("alerts") > [topic.name for topic, _ in written].index(
        "expectations"
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_order_between_inputs_changes_nothing(seed: int) -> None:
    spaces = workspaces(2)
    names = [space.name for space in spaces]
    assert expected(frames(names, 30, seed), spaces) == expected(frames(names, 30, 99), spaces)
