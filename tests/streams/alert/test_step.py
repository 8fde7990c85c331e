"""Alert: at most one message per stated change of state, in words for a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.alert import Alert
from schemas.attribution import Impact
from schemas.workspace import Workspace
from streams.alert.step import ALERT

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
    return impact(revision, **{"impact_id": "i0", "kind": "unknown", "key": "", "owner": "", **more})


def gone(earlier: Impact) -> Impact:
    return replace(earlier, revision=earlier.revision + 1, state="withdrawn", spikes=(), contacts=0.0, probability=0.0)


def alerts(*impacts: Impact, workspace: Workspace = LOUD) -> list[Alert]:
    state = ALERT.start(workspace)
    found: list[Any] = []
    for one in impacts:
        state, outputs = ALERT.step(state, one)
        found.extend(outputs)
    assert all(topic.name == "alerts" for topic, _ in found)
    return [record for _, record in found if isinstance(record, Alert)]


def test_a_new_impact_opens_one_alert_for_its_owner() -> None:
    (alert,) = alerts(impact(1))
    assert (alert.event, alert.owner, alert.audience) == ("opened", "payments", "product")
    assert (alert.seq, alert.revision, alert.origin) == (1, 1, "alert")
    assert alert.text == "New: Release app 2.0: +20 contacts."


@pytest.mark.parametrize(
    ("kind", "audience"),
    [("release", "product"), ("promotion", "marketing"), ("incident", "operations"), ("unknown", "operations")],
)
def test_each_kind_has_its_audience(kind: Any, audience: str) -> None:
    assert alerts(impact(1, kind=kind))[0].audience == audience


def test_small_growth_is_not_told_and_doubling_is() -> None:
    found = alerts(impact(1, 20.0), impact(2, 25.0), impact(3, 39.0), impact(4, 41.0), impact(5, 60.0))
    assert [(one.event, one.contacts) for one in found] == [("opened", 20.0), ("updated", 41.0)]
    assert found[1].text == "Update: Release app 2.0: +41 contacts."


def test_becoming_sure_is_told_once() -> None:
    found = alerts(impact(1, probability=0.6), impact(2, probability=0.85), impact(3, probability=0.9))
    assert [one.event for one in found] == ["opened", "updated"]


def test_the_end_is_told_once_and_a_return_is_told_too() -> None:
    closed = impact(2, state="closed")
    found = alerts(impact(1), closed, replace(closed, revision=3, contacts=21.0), impact(4))
    assert [one.event for one in found] == ["opened", "resolved", "updated"]
    assert [one.revision for one in found] == [1, 2, 3]
    assert found[1].text == "Over: Release app 2.0: +20 contacts."


def test_a_cause_found_for_an_unexplained_spike_is_one_message() -> None:
    found = alerts(nameless(1), impact(1), gone(nameless(1)))
    assert [(one.event, one.kind) for one in found] == [("opened", "unknown"), ("reattributed", "release")]
    assert found[1].text == "Cause found or changed (before: no known change): Release app 2.0: +20 contacts."


def test_a_cleared_change_is_taken_back_so_that_its_owner_knows() -> None:
    found = alerts(impact(1), nameless(1), gone(impact(1)))
    assert [(one.event, one.owner) for one in found] == [
        ("opened", "payments"),
        ("reattributed", ""),
        ("withdrawn", "payments"),
    ]
    assert found[2].text == "Taken back: release app 2.0 is no longer held to cause more contacts."


def test_what_was_never_told_is_not_taken_back() -> None:
    assert alerts(gone(impact(1))) == []


def test_a_workspace_that_alerts_nobody_writes_nothing() -> None:
    assert alerts(impact(1), impact(2, 99.0), workspace=replace(LOUD, alerts=False)) == []


def test_sequences_have_no_holes_and_keys_are_unique() -> None:
    found = alerts(nameless(1), impact(1), impact(2, 50.0), gone(nameless(1)), impact(3, state="closed"))
    assert [one.seq for one in found] == list(range(1, len(found) + 1))
    assert len({(one.alert_id, one.revision) for one in found}) == len(found)
