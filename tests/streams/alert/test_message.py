"""What a person reads, and where its links lead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from schemas.attribution import Quote
from schemas.delivery import NoticeEvent
from schemas.links import Answer, read_signed, signed
from streams.alert.message import Letterhead, Message, compose
from streams.alert.tell import Notice
from tests.streams.deliver.samples import AT, alert, routing

SECRET = "a secret"
HEAD = Letterhead(page_url="https://whence.example.com", sign=lambda answer: signed(answer, SECRET))


def message(event: NoticeEvent = "opened", more: str = "", head: Letterhead = HEAD, **given: Any) -> Message:
    notice = Notice(alert=alert(**given), event=event, channel="hook", team="payments", audiences=("product",))
    return compose(notice, routing(more), head)


def test_a_message_says_what_why_whose_and_what_it_costs() -> None:
    said = message(more='[cost]\nper_contact = 4.5\ncurrency = "CHF"\n', last=AT + timedelta(hours=2))
    assert said.title == "New: release app 5.2.0 (Card form), +50 contacts, 95% sure"
    assert said.body.split("\n\n")[:4] == [
        "New: Release app 5.2.0: +50 contacts.",
        "41% say 'card declined' (usually 2%).",
        "\u201cMy card is declined since the update\u201d",
        "Cost so far: 225 CHF (112 CHF an hour).",
    ]
    assert said.body.endswith("Reference a1.1 (a repeat of this message carries the same).")
    assert said.facts["cost"] == {"amount": 225.0, "currency": "CHF"}


@pytest.mark.parametrize(
    ("event", "title"),
    [
        ("updated", "Update: release app 5.2.0 (Card form), +50 contacts, 95% sure"),
        ("resolved", "Over: release app 5.2.0 (Card form), +50 contacts, 95% sure"),
        ("reattributed", "Another cause: release app 5.2.0 (Card form), +50 contacts, 95% sure"),
        ("withdrawn", "Taken back: release app 5.2.0 (Card form)"),
        ("escalated", "Nobody owns this: release app 5.2.0 (Card form), +50 contacts, 95% sure"),
    ],
)
def test_every_event_has_its_headline(event: NoticeEvent, title: str) -> None:
    assert message(event).title == title


def test_whoever_hears_late_hears_it_as_new() -> None:
    notice = Notice(alert=alert(4, text="More contacts: so many."), event="opened", channel="hook", team="payments")
    late = compose(notice, routing(), HEAD)
    assert late.body.startswith("New: Release app 5.2.0: +50 contacts.")


def test_an_escalation_says_why_it_comes() -> None:
    assert message("escalated").body.startswith("Nobody has taken this yet, so you are told too. Release app 5.2.0")


def test_links_lead_to_the_spike_and_to_signed_answers() -> None:
    links = message().links
    assert links["The spike"] == "https://whence.example.com/spikes/s1?workspace=shop"
    wanted = {
        "It is release app 5.2.0 (Card form)": ("confirm", "app 5.2.0"),
        "It is not release app 5.2.0 (Card form)": ("reject", "app 5.2.0"),
        "I take it": ("own", "payments"),
    }
    for label, (verdict, cause) in wanted.items():
        start, _, token = links[label].rpartition("/")
        assert start == "https://whence.example.com/feedback"
        answer, _ = read_signed(token, SECRET, days=1.0)
        assert answer == Answer(
            workspace="shop", spike="s1", verdict=verdict, cause=cause, said="release app 5.2.0 (Card form)", to="payments"  # type: ignore[arg-type]
        )  # fmt: skip


def test_a_nameless_cause_can_be_confirmed_too() -> None:
    links = message(kind="unknown", key="", title="").links
    answer, _ = read_signed(links["It is nothing that we know of"].rpartition("/")[2], SECRET, days=1.0)
    assert answer.cause == "unknown"


def test_without_a_secret_only_the_spike_is_linked_and_without_a_page_nothing() -> None:
    assert list(message(head=Letterhead(page_url="https://w")).links) == ["The spike"]
    assert message(head=Letterhead()).links == {}
    assert list(message("resolved").links) == ["The spike"]


def test_three_quotes_at_most_and_none_of_them_long() -> None:
    quotes = tuple(Quote(event_id=str(n), occurred_at=AT, text=f"{n} " + "very " * 200) for n in range(5))
    body = message(quotes=quotes).body
    assert body.count("\u201c") == 3
    assert max(len(line) for line in body.splitlines() if line.startswith("\u201c")) <= 282


def test_facts_survive_as_json_and_hold_no_secret() -> None:
    plain = msgspec.json.encode(message().facts).decode()
    assert SECRET not in plain
    assert msgspec.json.decode(plain)["cause"] == {
        "kind": "release", "key": "app 5.2.0", "title": "Card form", "owner": "payments",
    }  # fmt: skip
