"""A state that was frozen and thawed goes on as if nothing had happened, to the bit; and nothing else is thawed."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from msgspec import Struct

from schemas.base import Sequenced
from schemas.catalog import FRAMES, TIMELINE
from streams.app import STAGES
from streams.chain import Chain
from streams.frozen import FreezeError, ThawError, freeze, thaw
from streams.stage import Record
from tests.pipeline import by_steps, tell

EVERY = 97


class Thawing(Chain):
    """A chain whose states are frozen and thawed after every so many records."""

    def __init__(self, *given: Any, first: int) -> None:
        super().__init__(*given)
        self._fed, self._first = 0, first

    def feed(self, record: Record) -> Any:
        self._fed += 1
        if self._fed % EVERY == self._first:
            self._states = [thaw(freeze(state)) for state in self._states]
        return super().feed(record)

    def states(self) -> list[object]:
        return self._states


class Plain(Thawing):
    def feed(self, record: Record) -> Any:
        return Chain.feed(self, record)


def _parts(value: Any) -> Iterator[tuple[object, object]]:
    """What an object is made of, in order."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, Struct):
        yield from ((name, getattr(value, name)) for name in value.__struct_fields__)
    else:
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        names = [*getattr(value, "__dict__", {}), *slots]
        yield from ((name, getattr(value, name)) for name in names if hasattr(value, name) and name != "__dict__")


def _strides(array: Any) -> list[int]:
    return [stride for stride, length in zip(array.strides, array.shape, strict=True) if length > 1 and array.size]


def _same(a: Any, b: Any, path: str, seen: set[int]) -> None:
    assert type(a) is type(b), path
    if id(a) in seen:
        return
    seen.add(id(a))
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype, path
        assert a.shape == b.shape, path
        assert _strides(a) == _strides(b), path
        assert a.tobytes() == b.tobytes(), path
    elif isinstance(a, list | tuple) or type(a).__name__ == "deque":
        assert len(a) == len(b), path
        for place, (one, other) in enumerate(zip(a, b, strict=True)):
            _same(one, other, f"{path}[{place}]", seen)
    elif isinstance(
        a, str | int | float | bytes | set | frozenset | datetime | date | ZoneInfo | type(None) | np.generic
    ):
        assert a == b or repr(a) == repr(b) == "nan", path
    else:
        mine, others = list(_parts(a)), list(_parts(b))
        assert [name for name, _ in mine] == [name for name, _ in others], path
        for (name, one), (_, other) in zip(mine, others, strict=True):
            _same(one, other, f"{path}.{name}", seen)


@pytest.fixture(scope="module")
def story() -> tuple[Any, list[Record]]:
    """A workspace and its admitted records, as admit wrote them for two partitions a topic."""
    one = tell(1, contacts_per_day=150, weeks=2)[0]
    outcome = by_steps(one, 2)
    records: list[Any] = [*outcome[FRAMES.name].values(), *outcome[TIMELINE.name].values()]
    return one.workspace, sorted(records, key=lambda record: (record.until, record.origin, record.seq))


def test_real_states_that_are_thawed_again_and_again_go_on_to_the_bit(story: tuple[Any, list[Record]]) -> None:
    workspace, records = story
    plain, thawing = Plain(workspace, STAGES, first=0), Thawing(workspace, STAGES, first=31)
    wanted: list[tuple[object, Sequenced]] = []
    for record in records:
        outputs = plain.feed(record)
        assert thawing.feed(record) == outputs
        wanted.extend(outputs)
    assert {topic.name for topic, _ in wanted} == {"spikes", "expectations", "attributions", "impacts", "alerts"}  # type: ignore[attr-defined]
    _same(plain.states(), thawing.states(), "states", set())


def test_arrays_keep_their_layout_and_share_what_they_shared() -> None:
    base = np.arange(24.0).reshape(4, 6)
    state = [base, base[1:3, ::2], np.asfortranarray(base), base.T, np.zeros((0, 3)), base[::-1]]
    found: Any = thaw(freeze(state))
    for one, other in zip(state, found, strict=True):
        assert (one == other).all()
        assert one.shape == other.shape
        assert _strides(one) == _strides(other)
    found[0][1, 0] = -1.0
    assert (found[1][0, 0], found[3][0, 1], found[5][2, 0], found[2][1, 0]) == (-1.0, -1.0, -1.0, 6.0)


def test_times_and_zones_come_back() -> None:
    state = (datetime(2026, 3, 1, tzinfo=UTC), ZoneInfo("Europe/Berlin"), date(2026, 3, 1))
    assert thaw(freeze(state)) == state


class Named:
    pass


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (print, "it names builtins.print, which is no part of a state"),
        (Named(), "it names tests.streams.test_frozen.Named, which is no part of a state"),
        (by_steps, "it names tests.pipeline.by_steps, which is no part of a state"),
        (getattr, "it names builtins.getattr, which is no part of a state"),
    ],
)
def test_nothing_is_looked_up_that_no_state_holds(value: object, said: str) -> None:
    with pytest.raises(ThawError) as refused:
        thaw(pickle.dumps(value))
    assert str(refused.value) == said


@pytest.mark.parametrize(
    "name", [b"cstreams.merge\nCounter\n.", b"cstreams.merge\nmerge\n.", b"cstreams.outbox\nOutbox\n."]
)
def test_of_our_own_modules_only_the_pure_ones_own_classes_are_looked_up(name: bytes) -> None:
    with pytest.raises(ThawError, match=r"^it names streams\.\w+\.\w+, which is no part of a state$"):
        thaw(name)


def test_the_modules_named_beside_ours_are_looked_up() -> None:
    assert isinstance(thaw(freeze(Named()), modules=[__name__]), Named)


def test_damaged_bytes_are_said_to_be() -> None:
    with pytest.raises(ThawError, match=r"^it cannot be read \(\w+: "):
        thaw(freeze([1, 2, 3])[:-2])


def test_what_cannot_be_kept_is_said() -> None:
    with pytest.raises(FreezeError, match=r"^the state cannot be kept \(PicklingError: an array of object is no part"):
        freeze([np.array([object()])])


class Waiting:
    def call(self) -> None:
        pass


@pytest.mark.parametrize("call", [partial(print, 1), Waiting().call])
def test_a_call_that_waits_to_be_made_is_not_kept(call: object) -> None:
    said = r"\(PicklingError: a (partial|method) is no part of a state\)$"
    with pytest.raises(FreezeError, match=rf"^the state cannot be kept {said}"):
        freeze({"work": [call]})
