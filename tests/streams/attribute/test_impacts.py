"""Impacts: one per change, one per spike without a named cause, stable ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from schemas.attribution import Attribution, Candidate, Evidence, Impact
from schemas.spike import Spike
from streams.attribute.case import Case
from streams.attribute.impacts import blamed, changed, impact_id, impact_key, impact_of

AT = datetime(2024, 1, 1, tzinfo=UTC)


def candidate(kind: Any, key: str, probability: float) -> Candidate:
    return Candidate(kind=kind, key=key, probability=probability, excess=0.0, excess_low=0.0, excess_high=0.0)


def case(name: str, *causes: Candidate, excess: float = 10.0, state: Any = "open", hours: int = 0) -> Case:
    at = AT + timedelta(hours=hours)
    spike = Spike(
        workspace="shop", origin="contacts", seq=1, spike_id=name, revision=1, stream="contacts", state=state, slice={"platform": name},
        bucket_s=3600, opened_at=at, as_of=at, onset=at, onset_low=at, onset_high=at, expected=1.0, observed=11, excess=excess,
        excess_low=excess - 3, excess_high=excess + 3, surprise=1.0, window_s=3600, budget_per_week=1.0,
    )  # fmt: skip
    last = Attribution(
        workspace="shop", origin="attribute", seq=1, spike_id=name, revision=1, as_of=at, final=False, stream="contacts", state=state,
        slice=spike.slice, onset=at, end=at, expected=1.0, observed=11, candidates=causes, sentence="",
    )  # fmt: skip
    return Case(spike=spike, opened=at, last=last)


RELEASE = candidate("release", "app 2.0", 0.9)
UNKNOWN = candidate("unknown", "", 0.1)


def impact(*cases: Case, key: str = "change\x00app 2.0", earlier: Impact | None = None) -> Impact:
    found = impact_of(key, cases, AT, earlier)
    assert found is not None
    return found


def test_a_change_that_is_first_but_unlikely_is_not_blamed() -> None:
    weak = case("ios", candidate("release", "app 2.0", 0.45), candidate("unknown", "", 0.4))
    assert weak.last is not None
    assert blamed(weak.last).kind == "unknown"
    assert impact_key(weak.last) == "spike\x00ios"


def test_spikes_of_one_change_are_one_impact() -> None:
    found = impact(
        case("ios", RELEASE, UNKNOWN), case("android", RELEASE, UNKNOWN, excess=20.0, state="closed", hours=2)
    )
    assert found.spikes == ("ios", "android")
    assert (found.first, found.last) == (AT, AT + timedelta(hours=2))
    assert found.contacts == 30.0
    assert round(found.contacts_high - found.contacts, 1) == round((3**2 + 3**2) ** 0.5, 1)
    assert found.by_slice == {"platform=android": 20.0, "platform=ios": 10.0}
    assert found.state == "open"
    assert "+30 contacts" in found.sentence


def test_merged_spikes_are_counted_by_their_survivor_only() -> None:
    assert impact(case("ios", RELEASE), case("android", RELEASE, state="merged")).spikes == ("ios",)


def test_an_impact_whose_spikes_have_gone_is_withdrawn_once() -> None:
    earlier = impact(case("ios", RELEASE))
    gone = impact(earlier=earlier)
    assert (gone.state, gone.contacts, gone.spikes, gone.revision) == ("withdrawn", 0.0, (), 2)
    assert gone.sentence == "Withdrawn: no spike counts for app 2.0 any more."
    assert impact_of("change\x00app 2.0", [], AT, gone) is None


def test_an_impact_that_says_the_same_is_no_new_revision() -> None:
    earlier = impact(case("ios", RELEASE))
    assert not changed(impact(case("ios", RELEASE), earlier=earlier), earlier)
    assert changed(impact(case("ios", RELEASE, excess=11.0), earlier=earlier), earlier)


def test_ids_differ_by_workspace_and_by_change() -> None:
    assert len({impact_id(workspace, key) for workspace in ("a", "b") for key in ("x", "y")}) == 4
    assert impact_id("a", "x") == impact_id("a", "x")


def test_a_spike_within_a_wider_one_of_its_cause_is_not_billed_twice() -> None:
    wide, inner = case("ios", RELEASE, UNKNOWN, excess=50.0), case("x", RELEASE, UNKNOWN, excess=20.0)
    for one, pairs in ((wide, {}), (inner, {"platform": "ios"})):
        one.spike = replace(one.spike, slice=pairs, end=AT + timedelta(hours=3))
    found = impact(wide, inner)
    assert (found.contacts, found.by_slice) == (50.0, {"": 50.0})
    assert found.spikes == ("ios", "x")


def test_surveys_are_billed_only_where_nothing_else_is() -> None:
    survey = case("s", RELEASE, UNKNOWN, excess=9.0)
    survey.spike = replace(survey.spike, stream="low_scores")
    assert impact(case("ios", RELEASE, UNKNOWN), survey).contacts == 10.0
    assert impact(survey).contacts == 9.0


def test_a_cause_of_a_part_is_billed_its_part() -> None:
    part = replace(
        RELEASE,
        excess=6.0,
        excess_low=4.0,
        excess_high=8.0,
        evidence=(Evidence(line="parts", weight=0.0, sentence=""),),
    )
    found = impact(case("ios", part, UNKNOWN))
    assert (found.contacts, found.contacts_low, found.contacts_high) == (6.0, 4.0, 8.0)
