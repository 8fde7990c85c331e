"""Alert: at most one message per stated change of state, in words for a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.alert import Alert
from schemas.attribution import Impact, Quote
from schemas.workspace import Workspace
from streams.alert.settings import AlertSteps
from streams.alert.step import ALERT, AlertStage

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
LOUD = Workspace(name="shop")


def impact(revision: int, contacts: float = 20.0, **more: Any) -> Impact:
    given: dict[str, Any] = {
        "workspace": "shop", "origin": "impact", "seq": revision, "impact_id": "i1", "revision": revision,
        "as_of": AT + timedelta(minutes=revision), "state": "open", "kind": "release", "key": "app 2.0", "title": "Card form",
        "owner": "payments", "probability": 0.9, "spikes": ("s1",), "first": AT, "last": AT, "contacts": contacts,
        "contacts_low": contacts - 5, "contacts_high": contacts + 5, "sentence": f"Release app 2.0: {contacts:+.0f} contacts.",
    }  # fmt: skip
    return Impact(**{**given, **more})


def nameless(revision: int, **more: Any) -> Impact:
    return impact(revision, **{"impact_id": "i0", "kind": "unknown", "key": "", "owner": "", "title": "", **more})


def gone(earlier: Impact) -> Impact:
    return replace(earlier, revision=earlier.revision + 1, state="withdrawn", spikes=(), contacts=0.0, probability=0.0)


def alerts(*impacts: Impact, workspace: Workspace = LOUD, stage: AlertStage = ALERT) -> list[Alert]:
    state = stage.start(workspace)
    found: list[Any] = []
    for one in impacts:
        state, outputs = stage.step(state, one)
        found.extend(outputs)
    assert all(topic.name == "alerts" for topic, _ in found)
    return [record for _, record in found if isinstance(record, Alert)]


def test_a_new_impact_opens_one_alert_for_its_owner() -> None:
    (alert,) = alerts(impact(1))
    assert (alert.event, alert.owner, alert.audience) == ("opened", "payments", "product")
    assert (alert.seq, alert.revision, alert.origin) == (1, 1, "alert")
    assert alert.text == "New: Release app 2.0: +20 contacts."


def test_an_alert_carries_its_bill_its_quotes_and_its_spikes() -> None:
    quote = Quote(event_id="e1", occurred_at=AT, text="Card declined")
    (alert,) = alerts(
        impact(1, hours=2.5, customers=18, explanation="Because.", quotes=(quote,), by_slice={"a=b": 20.0})
    )
    assert (alert.hours, alert.customers, alert.explanation, alert.quotes) == (2.5, 18, "Because.", (quote,))
    assert (alert.spikes, alert.impact_id, alert.first, alert.by_slice) == (("s1",), "i1", AT, {"a=b": 20.0})


@pytest.mark.parametrize(
    ("kind", "audience"),
    [("release", "product"), ("promotion", "marketing"), ("incident", "operations"), ("unknown", "operations")],
)
def test_each_kind_has_its_audience(kind: Any, audience: str) -> None:
    assert alerts(impact(1, kind=kind))[0].audience == audience


def test_growth_below_a_quarter_is_not_said_and_a_quarter_is() -> None:
    found = alerts(impact(1, 20.0), impact(2, 24.9), impact(3, 25.0), impact(4, 30.0))
    assert [(one.event, one.moved, one.contacts) for one in found] == [
        ("opened", None, 20.0),
        ("updated", "grown", 25.0),
    ]
    assert found[1].text == "More contacts: Release app 2.0: +25 contacts."


def test_a_few_contacts_more_are_not_said_however_large_their_share() -> None:
    assert [one.event for one in alerts(impact(1, 4.0), impact(2, 8.9))] == ["opened"]


def test_a_bill_that_shrinks_is_corrected() -> None:
    found = alerts(impact(1, 50.0), impact(2, 39.0))
    assert found[1].text == "Fewer contacts than we said: Release app 2.0: +39 contacts."


def test_becoming_sure_and_unsure_is_told_by_odds() -> None:
    revisions = [0.6, 0.65, 0.8, 0.85, 0.8, 0.66]
    found = alerts(*(impact(number, probability=p) for number, p in enumerate(revisions, start=1)))
    assert [(one.moved, one.probability) for one in found] == [(None, 0.6), ("surer", 0.8), ("less sure", 0.66)]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(20.0, 24.0), st.floats(0.80, 0.85)), min_size=1, max_size=20))
def test_values_that_only_swing_are_said_once(values: list[tuple[float, float]]) -> None:
    found = alerts(*(impact(n, contacts, probability=p) for n, (contacts, p) in enumerate(values, start=1)))
    assert [one.event for one in found] == ["opened"]


def test_the_end_is_told_once_and_a_return_is_told_too() -> None:
    closed = impact(2, state="closed")
    found = alerts(impact(1), closed, replace(closed, revision=3, contacts=21.0), impact(4))
    assert [(one.event, one.moved) for one in found] == [
        ("opened", None),
        ("resolved", None),
        ("updated", "began again"),
    ]
    assert [one.revision for one in found] == [1, 2, 3]
    assert found[1].text == "Over, the final bill: Release app 2.0: +20 contacts."


def test_a_final_bill_that_turns_out_wrong_is_corrected() -> None:
    found = alerts(impact(1), impact(2, state="closed"), impact(3, 60.0, state="closed"))
    assert [(one.event, one.moved) for one in found] == [("opened", None), ("resolved", None), ("resolved", "grown")]


def test_what_was_over_when_it_became_known_is_opened_and_resolved_at_once() -> None:
    found = alerts(impact(1, state="closed"))
    assert [(one.event, one.revision, one.seq) for one in found] == [("opened", 1, 1), ("resolved", 2, 2)]


def test_a_cause_found_for_an_unexplained_spike_says_what_was_said_before() -> None:
    found = alerts(nameless(1), impact(1), gone(nameless(1)))
    assert [(one.event, one.kind) for one in found] == [
        ("opened", "unknown"), ("reattributed", "release"), ("withdrawn", "unknown"),
    ]  # fmt: skip
    assert found[1].text == (
        "We first said no known change; it is release app 2.0 (Card form). Release app 2.0: +20 contacts."
    )
    assert (found[1].formerly, found[2].successor) == (found[0].alert_id, found[1].alert_id)


def test_a_cleared_change_is_taken_back_so_that_its_owner_knows() -> None:
    incident = impact(1, impact_id="i2", kind="incident", key="pay-7", title="", owner="provider", sentence="Bill.")
    found = alerts(impact(1), incident, gone(impact(1)))
    assert [(one.event, one.owner) for one in found] == [
        ("opened", "payments"),
        ("reattributed", "provider"),
        ("withdrawn", "payments"),
    ]
    assert found[1].text == "We first said release app 2.0 (Card form); it is incident pay-7. Bill."
    assert found[2].text == (
        "Taken back: release app 2.0 (Card form) is no longer held to cause more contacts; it is incident pay-7."
    )


def test_a_mind_that_is_not_sure_is_not_changed_in_public() -> None:
    doubt, back = nameless(1, probability=0.5), impact(3)
    assert [one.event for one in alerts(impact(1), doubt, gone(impact(1)), back, gone(doubt))] == ["opened"]


def test_a_mind_that_becomes_sure_is_changed_openly_once() -> None:
    doubt = nameless(1, probability=0.5)
    found = alerts(impact(1), doubt, gone(impact(1)), nameless(2, probability=0.59), nameless(3, probability=0.61))
    assert [(one.event, one.kind) for one in found] == [
        ("opened", "release"), ("reattributed", "unknown"), ("withdrawn", "release"),
    ]  # fmt: skip
    assert found[1].probability == 0.61


def test_an_unsure_mind_is_told_when_the_spike_is_over() -> None:
    doubt = nameless(1, probability=0.5)
    found = alerts(impact(1), doubt, gone(impact(1)), nameless(2, probability=0.5, state="closed"))
    assert [(one.event, one.kind) for one in found] == [
        ("opened", "release"), ("reattributed", "unknown"), ("withdrawn", "release"), ("resolved", "unknown"),
    ]  # fmt: skip


def test_a_spike_that_leaves_a_cause_which_goes_on_takes_nothing_back() -> None:
    both = impact(1, 80.0, spikes=("s1", "s2"))
    part = nameless(1, contacts=20.0, spikes=("s2",))
    rest = impact(2, 60.0)
    found = alerts(both, part, rest)
    assert [(one.event, one.moved, one.kind) for one in found] == [
        ("opened", None, "release"), ("opened", None, "unknown"), ("updated", "shrunk", "release"),
    ]  # fmt: skip
    assert found[1].text.startswith("New (at first counted to release app 2.0 (Card form)): ")
    assert (found[1].formerly, found[2].successor) == ("", "")


def test_spikes_that_move_between_two_known_causes_are_no_change_of_mind() -> None:
    both = impact(1, 80.0, spikes=("s1", "s2"))
    other = impact(1, 50.0, impact_id="i2", key="pay-7", kind="incident", spikes=("s3",))
    grown = replace(other, revision=2, contacts=70.0, spikes=("s2", "s3"))
    found = alerts(both, other, grown, impact(2, 60.0), replace(grown, revision=3, contacts=71.0))
    assert [(one.event, one.moved) for one in found] == [
        ("opened", None), ("opened", None), ("updated", "grown"), ("updated", "shrunk"),
    ]  # fmt: skip


def test_how_sure_another_cause_must_be_is_a_setting() -> None:
    stage = AlertStage(AlertSteps(switch=0.4))
    found = alerts(impact(1), nameless(1, probability=0.5), gone(impact(1)), stage=stage)
    assert [one.event for one in found] == ["opened", "reattributed", "withdrawn"]


def test_what_was_never_told_is_not_taken_back() -> None:
    assert alerts(gone(impact(1))) == []


def test_a_workspace_that_alerts_nobody_writes_nothing() -> None:
    assert alerts(impact(1), impact(2, 99.0), workspace=replace(LOUD, alerts=False)) == []


def test_sequences_have_no_holes_and_keys_are_unique() -> None:
    found = alerts(nameless(1), impact(1), impact(2, 50.0), gone(nameless(1)), impact(3, state="closed"))
    assert [one.seq for one in found] == list(range(1, len(found) + 1))
    assert len({(one.alert_id, one.revision) for one in found}) == len(found)


def test_an_impact_whose_beginning_was_cut_is_taken_as_told() -> None:
    found = alerts(impact(7), impact(8, 21.0), impact(9, 50.0), impact(10, 50.0, state="closed"))
    assert [(one.event, one.moved) for one in found] == [("updated", "grown"), ("resolved", None)]


@pytest.mark.parametrize(("state", "later"), [("closed", ["updated"]), ("withdrawn", ["opened"])])
def test_one_that_had_ended_before_it_was_cut_can_come_back(state: Any, later: list[str]) -> None:
    assert [one.event for one in alerts(impact(7, state=state), impact(8))] == later
