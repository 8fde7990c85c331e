"""Who hears what, when, and what nobody is bothered with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alert import Alert
from streams.alert.routing import Routing
from streams.alert.tell import Heard, Notice, cost_per_hour, escalations, held_until, tell
from tests.streams.deliver.samples import AT, alert, routing


class Ears:
    """Channels that remember what they have heard."""

    def __init__(self, rules: Routing) -> None:
        self.rules = rules
        self.heard: dict[tuple[str, str], Heard] = {}

    def __call__(self, alert_id: str, channel: str) -> Heard | None:
        return self.heard.get((alert_id, channel))

    def take(self, *alerts: Alert) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = []
        for one in alerts:
            for notice in tell(self.rules, one, self):
                self._remember(notice)
                told.append((notice.channel, notice.event))
        return told

    def _remember(self, notice: Notice) -> None:
        one = notice.alert
        self.heard[(one.alert_id, notice.channel)] = Heard(
            event=notice.event, revision=one.revision, contacts=one.contacts, sure=notice.sure, team=notice.team
        )


def told(*alerts: Alert, more: str = "") -> list[tuple[str, str]]:
    return Ears(routing(more)).take(*alerts)


def test_the_owners_team_is_told() -> None:
    assert told(alert()) == [("hook", "opened")]
    assert told(alert(owner="checkout")) == [("hook", "opened")]
    assert told(alert(owner="nobody we know")) == [("ops", "opened")]


@pytest.mark.parametrize(
    "more", [{"probability": 0.79}, {"contacts": 9.9}, {"kind": "price"}], ids=["unsure", "small", "another kind"]
)
def test_what_an_audience_does_not_want_is_not_told(more: dict[str, Any]) -> None:
    assert told(alert(**more)) == []


def test_products_and_owners_restrict() -> None:
    web = '[audiences.web]\nteams = ["operations"]\nproducts = ["web"]\n'
    mine = '[audiences.mine]\nteams = ["operations"]\nowners = ["growth"]\n'
    assert told(alert(by_slice={"product=web": 5.0}), more=web) == [("hook", "opened"), ("ops", "opened")]
    assert told(alert(), more=web) == [("hook", "opened")]
    assert told(alert(owner="growth"), more=mine) == [("ops", "opened")]


def test_a_bill_an_hour_may_be_asked_for() -> None:
    more = '[audiences.money]\nteams = ["operations"]\ncost_per_hour = 100\n[cost]\nper_contact = 2\nper_handling_hour = 10\n'
    hour, two = alert(), alert(last=AT + timedelta(hours=2))
    assert cost_per_hour(routing(more), hour) == 50 * 2 + 4 * 10
    assert told(hour, more=more) == [("hook", "opened"), ("ops", "opened")]
    assert told(two, more=more) == [("hook", "opened")]


def test_an_alert_opens_for_an_audience_when_it_becomes_large_enough() -> None:
    assert told(alert(contacts=5.0), alert(2, contacts=12.0)) == [("hook", "opened")]


def test_growth_is_told_by_the_audiences_factor() -> None:
    found = told(alert(), alert(2, contacts=70.0), alert(3, contacts=99.0), alert(4, contacts=100.0))
    assert found == [("hook", "opened"), ("hook", "updated")]
    quiet = '[audiences.quiet]\nteams = ["operations"]\ngrowth = 0\n'
    assert told(alert(owner="?"), alert(2, contacts=900.0, owner="?"), more=quiet.replace("quiet", "z"))[1:] == [
        ("ops", "updated")
    ]


def test_growth_may_be_left_untold() -> None:
    rules = Ears(routing('[audiences.quiet]\nteams = ["operations"]\nkinds = ["price"]\ngrowth = 0\n'))
    assert rules.take(alert(kind="price"), alert(2, kind="price", contacts=900.0)) == [("ops", "opened")]


def test_doubt_is_told_once_below_a_margin_and_certainty_once_above_the_threshold() -> None:
    path = [0.9, 0.79, 0.61, 0.59, 0.7, 0.79, 0.81, 0.79]
    found = told(*(alert(number, probability=p) for number, p in enumerate(path, start=1)))
    assert found == [("hook", "opened"), ("hook", "updated"), ("hook", "updated")]


@given(st.lists(st.floats(0.61, 0.99), min_size=1, max_size=30))
def test_a_probability_that_swings_around_the_threshold_is_told_once(path: list[float]) -> None:
    found = told(*(alert(number, probability=p) for number, p in enumerate(path, start=1)))
    assert [event for _, event in found] == (["opened"] if max(path) >= 0.8 else [])


def test_whoever_heard_the_beginning_hears_the_end_even_if_the_rule_is_no_longer_met() -> None:
    assert told(alert(), alert(2, event="resolved", contacts=3.0, probability=0.3)) == [
        ("hook", "opened"), ("hook", "resolved"),
    ]  # fmt: skip


def test_whoever_heard_the_beginning_hears_the_end_even_if_the_file_has_changed() -> None:
    ears = Ears(routing())
    ears.take(alert())
    ears.rules = routing('[audiences.other]\nteams = ["operations"]\nkinds = ["price"]\n'.replace("other", "x"))
    ears.rules.audiences.pop("product")
    assert ears.take(alert(2, event="resolved")) == [("hook", "resolved")]


def test_whoever_heard_nothing_is_not_told_of_the_end_of_something_small() -> None:
    assert told(alert(contacts=3.0), alert(2, event="resolved", contacts=4.0)) == []
    assert told(alert(contacts=3.0), alert(2, event="resolved", contacts=40.0)) == [("hook", "resolved")]


def test_a_corrected_final_bill_is_told_and_a_repeated_one_is_not() -> None:
    ends = alert(2, event="resolved"), alert(3, event="resolved"), alert(4, event="resolved", moved="grown")
    assert told(alert(), *ends) == [("hook", "opened"), ("hook", "resolved"), ("hook", "resolved")]


def moved_on() -> tuple[Alert, Alert, Alert]:
    first = alert()
    second = alert(1, alert_id="a2", event="reattributed", kind="incident", key="pay-7", owner="provider", formerly="a1",
                   formerly_name="release app 5.2.0")  # fmt: skip
    third = alert(2, event="withdrawn", successor="a2", successor_name="incident pay-7", contacts=0.0, probability=0.0)
    return first, second, third


def test_a_change_of_mind_is_told_once_to_old_and_new_owner() -> None:
    assert told(*moved_on()) == [("hook", "opened"), ("hook", "reattributed"), ("ops", "opened")]


def test_a_change_of_mind_reaches_those_who_were_told_wrong_even_below_their_rule() -> None:
    first, second, third = moved_on()
    faint = alert(
        1, alert_id="a2", event="reattributed", kind="price", key="p", owner="?", formerly="a1", probability=0.3
    )
    assert told(first, faint, third) == [("hook", "opened"), ("hook", "reattributed")]
    assert second.formerly == faint.formerly


def test_what_is_taken_back_without_another_cause_is_told() -> None:
    assert told(alert(), alert(2, event="withdrawn", contacts=0.0)) == [("hook", "opened"), ("hook", "withdrawn")]


def test_a_repeat_of_a_record_makes_no_second_message() -> None:
    assert told(alert(), alert(), alert(2, contacts=200.0), alert(2, contacts=200.0), alert()) == [
        ("hook", "opened"), ("hook", "updated"),
    ]  # fmt: skip


def test_two_audiences_on_one_channel_make_one_message() -> None:
    more = '[audiences.lead]\nteams = ["payments"]\n'
    (notice,) = tell(routing(more), alert(), lambda *_: None)
    assert notice.audiences == ("lead", "product")


def window(**more: str) -> str:
    given = {"name": '"m"', "start": "2026-03-02T09:00:00Z", "end": "2026-03-02T11:00:00Z", **more}
    return "[[maintenance]]\n" + "\n".join(f"{name} = {value}" for name, value in given.items())


@pytest.mark.parametrize(
    ("more", "hours", "held"),
    [
        ({}, 0, True),
        ({}, 1, False),
        ({}, -1, True),
        ({}, -2, False),
        ({"repeat": '"daily"'}, 48, True),
        ({"repeat": '"daily"'}, 30, False),
        ({"repeat": '"weekly"'}, 168, True),
        ({"repeat": '"weekly"'}, 24, False),
        ({"teams": '["payments"]'}, 0, True),
        ({"teams": '["operations"]'}, 0, False),
        ({"products": '["app"]'}, 0, True),
        ({"kinds": '["price"]'}, 0, False),
    ],
)
def test_maintenance_holds_what_fits_while_it_lasts(more: dict[str, str], hours: int, held: bool) -> None:
    rules = routing(window(**more))
    (notice,) = tell(rules, alert(), lambda *_: None)
    until = held_until(rules, notice, AT + timedelta(hours=hours))
    assert (until is not None) == held
    if until is not None:
        assert until.hour == 11


def test_escalation_comes_when_due_once_for_each_level() -> None:
    def due(minutes: int, done: int = 0) -> list[tuple[str, int]]:
        now = AT + timedelta(minutes=minutes)
        found = escalations(routing(), alert(), team="payments", told_at=AT, done=done, now=now)
        return [(one.channel, one.level) for one in found]

    assert due(29) == []
    assert due(30) == [("ops", 1)]
    assert due(90, done=1) == []


def test_keys_tell_messages_apart_and_repeats_alike() -> None:
    (opened,) = tell(routing(), alert(), lambda *_: None)
    (later,) = escalations(routing(), alert(), team="payments", told_at=AT, done=0, now=AT + timedelta(hours=1))
    assert (opened.key, later.key) == ("a1.1", "a1.1.escalated-1")
