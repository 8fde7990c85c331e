"""Spikes of the same time: which are nested, and what one says of another's cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from schemas.attribution import Attribution
from schemas.spike import Spike
from streams.attribute.case import Case, Standing
from streams.attribute.company import AGAINST, FAULTY_MOST, TOGETHER, UNSEEN, Company, earlier, join, nested, without
from streams.attribute.memory import Memory
from streams.merge import Leaf

AT = datetime(2024, 1, 1, tzinfo=UTC)


def case(
    name: str,
    slice_: dict[str, str],
    excess: float,
    *,
    hours: float = 0.0,
    stream: Any = "contacts",
    state: Any = "open",
) -> Case:
    at = AT + timedelta(hours=hours)
    spike = Spike(
        workspace="shop", origin=stream, seq=1, spike_id=name, revision=1, stream=stream, state=state, slice=slice_, bucket_s=300,
        opened_at=at, as_of=at + timedelta(hours=2), onset=at, onset_low=at, onset_high=at, expected=1.0, observed=11, excess=excess,
        excess_low=excess, excess_high=excess, surprise=1.0, window_s=300, budget_per_week=1.0,
    )  # fmt: skip
    last = Attribution(
        workspace="shop", origin="attribute", seq=1, spike_id=name, revision=1, as_of=at, final=False, stream=stream, state=state,
        slice=slice_, onset=at, end=at, expected=1.0, observed=11, candidates=(), sentence="",
    )  # fmt: skip
    return Case(spike=spike, opened=at, last=last)


EVERYWHERE = case("all", {}, 100.0)
PRIOR = {"unknown": 0.0, "measurement": -2.2, "app 2.0": -1.0, "app 2.1": -1.0}
OPEN = Standing(PRIOR, PRIOR, {}, 50)
SURE = Standing({**PRIOR, "app 2.0": 5.0}, PRIOR, {}, 50)
HINT = Standing({**PRIOR, "app 2.0": 0.7}, PRIOR, {}, 50)


def stood(one: Case, standing: Standing) -> Case:
    one.standing = standing
    return one


def joined(own: Case, standing: Standing, *others: Case, events_per_day: float = 0.3) -> Company:
    return join(own, standing, (own, *others), events_per_day=events_per_day)


def test_narrower_spikes_of_the_same_time_and_stream_are_nested() -> None:
    ios, later = case("ios", {"platform": "ios"}, 10.0), case("later", {"platform": "web"}, 10.0, hours=5)
    survey, merged = (
        case("s", {"platform": "ios"}, 9.0, stream="low_scores"),
        case("m", {"platform": "tv"}, 9.0, state="merged"),
    )
    assert [spike.spike_id for spike in nested(EVERYWHERE, (EVERYWHERE, ios, later, survey, merged))] == ["ios"]
    assert nested(ios, (EVERYWHERE, ios)) == []


def test_a_small_spike_beside_a_sure_one_prefers_its_cause() -> None:
    small = case("ios", {"platform": "ios"}, 10.0, stream="low_scores")
    found = joined(small, OPEN, stood(case("all", {}, 100.0), SURE))
    assert found.leader is not None
    assert (found.leader.spike_id, found.tie > 0.8) == ("all", True)
    assert found.added["app 2.0"] == TOGETHER
    assert found.added["app 2.1"] < 0.1
    assert found.added["unknown"] == 0.0


def test_a_fault_of_counting_speaks_for_the_spikes_beside_it_that_bear_a_sign_of_it_themselves() -> None:
    small = case("ios", {"platform": "ios"}, 10.0)
    faulty = stood(case("all", {}, 100.0), Standing({**PRIOR, "measurement": 5.0}, PRIOR, {}, 50))
    signed = Standing({**PRIOR, "measurement": PRIOR["measurement"] + 0.5}, PRIOR, {}, 50)
    assert TOGETHER < joined(small, signed, faulty).added["measurement"] <= FAULTY_MOST
    unseen = joined(small, OPEN, faulty).added["measurement"]
    assert 0.0 < unseen == UNSEEN
    assert PRIOR["measurement"] + unseen < PRIOR["unknown"]


def test_a_larger_spike_without_a_known_cause_speaks_against_the_known_ones() -> None:
    found = joined(
        case("ios", {"platform": "ios"}, 10.0),
        HINT,
        stood(case("all", {}, 100.0), Standing({**PRIOR, "unknown": 4.0}, PRIOR, {}, 50)),
    )
    assert -AGAINST * TOGETHER <= found.added["app 2.0"] < -0.3


def test_the_cause_of_a_spike_gets_another_of_days_before_for_nothing() -> None:
    old = stood(case("old", {}, 99.0, hours=-40), SURE)
    assert joined(case("ios", {"platform": "ios"}, 10.0), OPEN, old) == Company({}, 0.0, None, 0)


def test_one_cause_of_five_spikes_beats_five_coincidences() -> None:
    hub = case("all", {}, 100.0)
    alone = [stood(case(f"s{i}", {"topic": str(i)}, 10.0), HINT) for i in range(4)]
    few, many = joined(hub, HINT, alone[0]).added["app 2.0"], joined(hub, HINT, *alone).added["app 2.0"]
    assert 0.0 < few < many


def test_spikes_that_say_different_things_are_tied_less() -> None:
    hub = stood(case("all", {}, 100.0), Standing(SURE.own, PRIOR, {1: 5.0, 2: 5.0}, 50))
    small = case("ios", {"platform": "ios"}, 10.0)
    same, other = (joined(small, Standing(PRIOR, PRIOR, voice, 50), hub).tie for voice in ({1: 4.0, 2: 6.0}, {7: 5.0}))
    assert same > other + 0.1


def test_where_spikes_are_many_two_of_an_hour_tell_less() -> None:
    hub = stood(case("all", {}, 100.0), SURE)
    rare, busy = (joined(case("ios", {"platform": "ios"}, 10.0), OPEN, hub, events_per_day=n).tie for n in (0.1, 10.0))
    assert rare > 0.9
    assert busy < 0.6


def test_a_wide_spike_hours_after_a_narrow_one_is_no_echo_of_it_and_a_narrow_one_may_be() -> None:
    wide: dict[str, str] = {}
    narrow = {"topic": "billing"}
    late = joined(case("late", wide, 50.0, hours=8), OPEN, stood(case("first", narrow, 100.0), SURE))
    assert late.leader is None
    echo = joined(case("late", narrow, 50.0, hours=8), OPEN, stood(case("first", wide, 100.0), SURE))
    assert echo.leader is not None


def test_what_an_earlier_spike_added_is_its_own() -> None:
    first, own = case("first", {"platform": "ios"}, 30.0), case("own", {"topic": "login"}, 10.0, hours=1)
    wider = case("wider", {}, 90.0)
    cases = (first, own, wider, case("other", {"platform": "web"}, 5.0, hours=1.5))
    assert [spike.spike_id for spike in earlier(own, cases)] == ["first"]
    assert earlier(first, cases) == []
    leaves: list[Leaf] = [("ios", "login"), ("ios", "order"), ("web", "login")]
    memory = Memory(dimensions=("platform", "topic"), leaves=leaves)
    expected = np.array([10.0, 10.0, 10.0])
    left = without(np.array([40.0, 20.0, 25.0]), expected, memory, own.spike, earlier(own, cases))
    # The first spike lasts two hours, of which one is shared: half of its 30 contacts, by leaf as they stand out.
    assert left.tolist() == [40.0 - 15.0 * 0.75, 20.0 - 15.0 * 0.25, 25.0]
