"""Queueing, retrying, holding and escalating, with a clock of our own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alert import Alert
from schemas.codec import decode, encode
from schemas.delivery import Delivery
from schemas.raw import Feedback
from streams.alert.routing import Routing
from streams.deliver import post
from streams.deliver.book import Book
from streams.deliver.channels import Tried
from streams.deliver.settings import CourierSettings
from tests.streams.deliver.samples import AT, alert, routing

SETTINGS = CourierSettings()
WINDOW = '[[maintenance]]\nname = "m"\nstart = 2026-03-02T09:00:00Z\nend = 2026-03-02T11:00:00Z\n'


class Desk:
    """A book with its topic: what is written is kept, so that another book can be built from it."""

    def __init__(self, rules: Routing | None = None) -> None:
        self.rules = rules if rules is not None else routing()
        self.book = Book()
        self.topic: list[Delivery] = []
        self.alerts: list[Alert] = []

    def write(self, steps: Iterable[Delivery]) -> list[tuple[str, str]]:
        said: list[tuple[str, str]] = []
        for step in steps:
            self.book.take_step(step)
            self.topic.append(decode(Delivery, encode(step)))
            said.append((step.delivery_id, step.status))
        return said

    def take(self, one: Alert, minutes: float = 0.0, *, max_age: timedelta | None = None) -> list[tuple[str, str]]:
        self.alerts.append(one)
        now = AT + timedelta(minutes=minutes)
        return self.write(post.decide(self.book, self.rules, one, now, max_age=max_age))

    def send(self, channel: str, reason: str = "", minutes: float = 0.0, **more: Any) -> str | None:
        now = AT + timedelta(minutes=minutes)
        waiting = post.next_for(self.book, channel, now)
        if waiting is None:
            return None
        name = waiting.last.delivery_id
        self.write([post.noted(waiting, Tried(name, reason, **more), SETTINGS, now)])
        return name

    def rebuilt(self) -> Book:
        book = Book()
        for step in self.topic:
            book.take_step(step)
        for one in self.alerts:
            book.take_alert(one)
        return book


def test_a_message_is_queued_sent_and_gone() -> None:
    desk = Desk()
    assert desk.take(alert()) == [("a1.1@hook", "queued")]
    assert desk.send("hook") == "a1.1@hook"
    assert desk.send("hook") is None
    assert [step.status for step in desk.topic] == ["queued", "sent"]


def test_a_failed_message_is_tried_again_after_growing_pauses() -> None:
    desk = Desk()
    desk.take(alert())
    desk.send("hook", "it answered 500")
    assert desk.send("hook", minutes=1.9 / 60) is None
    desk.send("hook", "it answered 500", minutes=2.0 / 60)
    desk.send("hook", minutes=1)
    assert [(step.status, step.attempt, step.reason) for step in desk.topic] == [
        ("queued", 0, ""), ("failed", 1, "it answered 500"), ("failed", 2, "it answered 500"), ("sent", 3, ""),
    ]  # fmt: skip
    pauses = [(s.next_at - s.at).total_seconds() for s in desk.topic if s.status == "failed" and s.next_at]
    assert pauses == [2.0, 4.0]


def test_a_receiver_that_asks_for_a_pause_gets_it() -> None:
    desk = Desk()
    desk.take(alert())
    desk.send("hook", "it answered 429", wait_s=60.0)
    assert desk.send("hook", minutes=0.9) is None
    assert desk.send("hook", minutes=1.0) is not None


def test_a_message_is_given_up_after_a_day_and_seen() -> None:
    desk = Desk()
    desk.take(alert())
    desk.send("hook", "it answered 500", minutes=24 * 60)
    assert (desk.topic[-1].status, desk.topic[-1].reason) == ("given_up", "it answered 500")
    assert desk.send("hook", minutes=99 * 60) is None


def test_messages_of_one_alert_stay_in_order_and_others_pass_a_poisoned_one() -> None:
    desk = Desk()
    desk.take(alert())
    desk.take(alert(2, contacts=200.0))
    desk.take(alert(alert_id="b"))
    assert desk.send("hook", "it answered 400") == "a1.1@hook"
    assert desk.send("hook") == "b.1@hook"
    assert desk.send("hook") is None
    assert desk.send("hook", minutes=1) == "a1.1@hook"
    assert desk.send("hook", minutes=1) == "a1.2@hook"


def test_a_book_built_again_waits_for_the_same_messages() -> None:
    desk = Desk()
    desk.take(alert())
    desk.take(alert(alert_id="b"))
    desk.send("hook")
    desk.send("hook", "it answered 500")
    again = desk.rebuilt()
    assert {name: one.last for name, one in again.waiting.items()} == {
        name: one.last for name, one in desk.book.waiting.items()
    }
    assert again.heard == desk.book.heard
    assert post.notice_of(again, again.waiting["b.1@hook"].last) == post.notice_of(
        desk.book, desk.book.waiting["b.1@hook"].last
    )


def test_an_alert_read_again_after_a_crash_is_queued_only_where_it_was_not() -> None:
    desk = Desk(routing('[audiences.all]\nteams = ["operations"]\n'))
    first = post.decide(Book(), desk.rules, alert(), AT, max_age=None)
    assert [step.delivery_id for step in first] == ["a1.1@hook", "a1.1@ops"]
    desk.write(first[:1])
    desk.book.take_alert(alert())
    assert desk.take(alert()) == [("a1.1@ops", "queued")]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=12))
def test_repeats_of_records_change_nothing(repeats: list[tuple[int, int]]) -> None:
    desk = Desk()
    desk.take(alert())
    desk.take(alert(2, contacts=150.0))
    desk.send("hook")
    desk.send("hook", "it answered 500")
    again = Book()
    for step in desk.topic:
        again.take_step(step)
    for place, _ in repeats:
        again.take_step(desk.topic[place])
    assert (again.waiting, again.heard, again.steps) == (desk.book.waiting, desk.book.heard, desk.book.steps)


def test_an_old_alert_is_told_to_nobody_new_but_its_end_to_those_who_heard() -> None:
    desk = Desk()
    day = timedelta(days=1)
    assert desk.take(alert(), minutes=25 * 60, max_age=day) == []
    assert desk.take(alert(2, event="resolved"), minutes=25 * 60, max_age=day) == []
    assert desk.take(alert(alert_id="b"), max_age=day) == [("b.1@hook", "queued")]
    assert desk.take(alert(2, alert_id="b", event="resolved"), minutes=25 * 60, max_age=day) == [("b.2@hook", "queued")]


def test_maintenance_holds_and_then_tells_how_it_stands() -> None:
    desk = Desk(routing(WINDOW))
    assert desk.take(alert()) == [("a1.1@hook", "held")]
    assert desk.take(alert(2, contacts=150.0)) == [("a1.2@hook", "held")]
    assert desk.send("hook", minutes=30) is None
    assert list(post.released(desk.book, AT + timedelta(minutes=59))) == []
    desk.write(list(post.released(desk.book, AT + timedelta(minutes=60))))
    assert [(s.delivery_id, s.status, s.event) for s in desk.topic[2:]] == [
        ("a1.1@hook", "dropped", "opened"), ("a1.2@hook", "queued", "opened"),
    ]  # fmt: skip
    assert desk.send("hook", minutes=60) == "a1.2@hook"


def test_what_came_and_went_during_maintenance_is_told_to_nobody() -> None:
    desk = Desk(routing(WINDOW))
    desk.take(alert())
    desk.take(alert(2, event="resolved"))
    desk.write(list(post.released(desk.book, AT + timedelta(minutes=60))))
    assert [step.status for step in desk.topic] == ["held", "held", "dropped", "dropped"]


def test_an_end_during_maintenance_of_what_was_told_before_is_told_after() -> None:
    desk = Desk(routing(WINDOW))
    desk.take(alert(), minutes=-120)
    desk.send("hook", minutes=-120)
    desk.take(alert(2, event="resolved"))
    desk.write(list(post.released(desk.book, AT + timedelta(minutes=60))))
    assert [(step.event, step.status) for step in desk.topic[-2:]] == [("resolved", "held"), ("resolved", "queued")]


def escalated(desk: Desk, minutes: float) -> list[tuple[str, str]]:
    return desk.write(post.overdue(desk.book, desk.rules, AT + timedelta(minutes=minutes)))


def test_nobody_owning_it_is_escalated_once() -> None:
    desk = Desk()
    desk.take(alert())
    assert escalated(desk, 29) == []
    assert escalated(desk, 30) == [("a1.1.escalated-1@ops", "queued")]
    assert escalated(desk, 31) == []
    assert desk.rebuilt().levels == desk.book.levels
    assert desk.take(alert(2, event="resolved"), 40) == [("a1.2@hook", "queued"), ("a1.2@ops", "queued")]


@pytest.mark.parametrize("over", ["resolved", "withdrawn"])
def test_what_is_over_is_not_escalated(over: Any) -> None:
    desk = Desk()
    desk.take(alert())
    desk.take(alert(2, event=over))
    assert escalated(desk, 60) == []


@pytest.mark.parametrize(("verdict", "wanted"), [("own", []), ("confirm", [("a1.1.escalated-1@ops", "queued")])])
def test_what_somebody_owns_is_not_escalated(verdict: Any, wanted: list[tuple[str, str]]) -> None:
    desk = Desk()
    desk.take(alert())
    word = Feedback(
        event_id="f", workspace="shop", occurred_at=AT, source="link", spike="s1", verdict=verdict, who="Ada"
    )
    desk.book.take_word(word)
    assert escalated(desk, 60) == wanted


def test_two_teams_on_one_channel_are_escalated_to_once() -> None:
    more = """[teams.other]
channels = ["ops"]
[teams.loud]
channels = ["hook"]
owners = ["loud-owner"]
escalation = [{after_minutes = 5, teams = ["operations", "other"]}]
"""
    desk = Desk(routing(more))
    desk.take(alert(owner="loud-owner"))
    assert escalated(desk, 6) == [("a1.1.escalated-1@ops", "queued")]


def test_time_in_maintenance_does_not_count_towards_escalation() -> None:
    desk = Desk(routing(WINDOW + 'teams = ["payments"]\n'))
    desk.take(alert())
    assert escalated(desk, 45) == []
    desk.write(list(post.released(desk.book, AT + timedelta(minutes=60))))
    assert escalated(desk, 89) == []
    assert escalated(desk, 90) == [("a1.1.escalated-1@ops", "queued")]
