"""Spikes of the same time: which are nested, which leads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.attribution import Attribution
from schemas.spike import Spike
from streams.attribute.case import Case
from streams.attribute.company import leader, nested

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


def led_by(own: Case, *others: Case) -> str:
    found = leader(own, (own, *others))
    return found.spike_id if found is not None else ""


def test_narrower_spikes_of_the_same_time_and_stream_are_nested() -> None:
    ios, later = case("ios", {"platform": "ios"}, 10.0), case("later", {"platform": "web"}, 10.0, hours=5)
    survey, merged = (
        case("s", {"platform": "ios"}, 9.0, stream="low_scores"),
        case("m", {"platform": "tv"}, 9.0, state="merged"),
    )
    assert [spike.spike_id for spike in nested(EVERYWHERE, (EVERYWHERE, ios, later, survey, merged))] == ["ios"]
    assert nested(ios, (EVERYWHERE, ios)) == []


def test_the_largest_spike_of_the_moment_leads_and_is_led_by_none() -> None:
    ios = case("ios", {"platform": "ios"}, 10.0, stream="low_scores")
    assert led_by(ios, EVERYWHERE, case("mid", {}, 50.0)) == "all"
    assert led_by(EVERYWHERE, ios) == ""


def test_a_spike_elsewhere_or_of_another_moment_does_not_lead() -> None:
    ios = case("ios", {"platform": "ios"}, 10.0)
    assert led_by(ios, case("web", {"platform": "web"}, 99.0), case("old", {}, 99.0, hours=-3)) == ""
