"""The campaign check in words, before, during and after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from whence.campaign_facts import Found, Plan, Promise, Unaware
from whence.campaign_words import against_plan, comes_back, phase_of, report

START = datetime(2026, 6, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def plan(**more: Any) -> Plan:
    given: dict[str, Any] = {
        "key": "sale", "title": "Summer sale", "owner": "growth", "starts_at": START, "ends_at": START + 7 * DAY,
        "planned": 200, "briefed_at": START - 3 * DAY, "macro": "M-1", "article": "A-1", "claims": ("free returns",),
    }  # fmt: skip
    return Plan(**{**given, **more})


FINE = Found(contacts=190.0, low=160.0, high=220.0, hours_each=0.1, conversations=500)


def sentences(found: Found = FINE, at: datetime = START + DAY, **more: Any) -> dict[str, str]:
    return {point.what: point.sentence for point in report(plan(**more), found, at).points}


def test_a_campaign_that_is_ready() -> None:
    found = report(plan(), Found(hours_each=0.1, usual=120.0, earlier=4), START - 2 * DAY)
    assert (found.phase, found.missing) == ("before", ())
    assert found.verdict == (
        "Summer sale (sale) starts in 2 days, on Monday 1 June 2026, 08:00 UTC. Support is ready for it."
    )
    assert found.points[-1].sentence == (
        "It is expected to bring 200 more contacts, about 20 hours of work. The last 4 brought 120 on average."
    )


def test_a_campaign_nobody_is_ready_for() -> None:
    bare = plan(briefed_at=None, macro="", article="", owner="", planned=None)
    found = report(bare, Found(), START - DAY)
    assert found.missing == ("briefing", "macro", "article", "owner", "forecast")
    assert "Support is not ready: briefing, macro, article, owner and forecast are missing." in found.verdict


@pytest.mark.parametrize(
    ("briefed", "sentence"),
    [
        (START - 3 * DAY, "Support was told on Friday 29 May 2026, 08:00 UTC, 3 days before the launch."),
        (START - timedelta(hours=5), "Support was told only 5 hours before the launch."),
        (START + timedelta(hours=1), "Support was told 1 hour after the launch, on Monday 1 June 2026, 09:00 UTC."),
        (None, "Support has not been told: those who answer customers will hear of it from customers."),
    ],
)
def test_when_support_was_told(briefed: datetime | None, sentence: str) -> None:
    found = report(plan(briefed_at=briefed), FINE, START + DAY)
    assert found.points[0].sentence == sentence
    assert found.points[0].fine == (briefed == START - 3 * DAY)


@pytest.mark.parametrize(
    ("days", "end", "phase"),
    [(-1, 7, "before"), (0, 7, "during"), (6, 7, "during"), (7, 7, "after"), (13, None, "during"), (14, None, "after")],
)
def test_where_a_campaign_stands(days: int, end: int | None, phase: str) -> None:
    one = plan(ends_at=START + end * DAY if end is not None else None)
    assert phase_of(one, START + days * DAY) == phase


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (210.0, 300.0, "more than planned"),
        (200.0, 300.0, "as planned, as far as can be told"),
        (100.0, 199.0, "fewer than planned"),
    ],
)
def test_contacts_are_held_against_the_plan_with_their_uncertainty(low: float, high: float, said: str) -> None:
    found = Found(contacts=(low + high) / 2, low=low, high=high)
    assert against_plan(plan(), found) == said
    assert (report(plan(), found, START + DAY).missing == ("contacts",)) == (said == "more than planned")


def test_contacts_in_words() -> None:
    assert sentences()["contacts"] == (
        "It has brought +190 contacts (+160 to +220), about 19 hours of work, where 200 were planned: as planned, as far "
        "as can be told."
    )
    assert (
        "no more contacts than chance alone may bring (-5 to +9)"
        in sentences(Found(contacts=2.0, low=-5.0, high=9.0))["contacts"]
    )
    assert sentences(planned=None)["contacts"].endswith("; there was no plan to hold that against.")
    assert sentences(Found(why_not="no day is over"))["contacts"] == (
        "How many contacts it brought cannot be said: no day is over."
    )


@pytest.mark.parametrize(("mentions", "before", "back"), [(5, 0, True), (4, 0, False), (10, 5, True), (9, 5, False)])
def test_a_promise_comes_back_when_it_is_named_more_than_before(mentions: int, before: int, back: bool) -> None:
    assert comes_back(Promise(claim="c", mentions=mentions, before=before)) == back


def test_promises_and_agents_in_words() -> None:
    found = Found(
        conversations=90,
        promises=(Promise(claim="free returns", mentions=12, before=1, sentence="Why do I pay for my return?"),),
        unaware=(Unaware(team="chat", unaware=9, contacts=40, sentence="I have no information about this offer."),
                 Unaware(team="mail", unaware=2, contacts=50)),
    )  # fmt: skip
    said = sentences(found)
    assert said["promises"] == (
        "The promise \u201cfree returns\u201d comes back: 12 contacts name it, 1 in the two weeks before. "
        "One wrote: \u201cWhy do I pay for my return?\u201d"
    )
    assert said["agents"] == (
        "In 11 of 90 conversations an agent knew nothing of it, most in chat (9): "
        "\u201cI have no information about this offer.\u201d"
    )
    assert "cannot be said" in sentences(Found())["agents"]
    assert "no agent said" in sentences()["agents"]
    assert "is not written down" in sentences(claims=())["promises"]


def test_the_verdict_afterwards_says_it_in_one_paragraph() -> None:
    over = Found(contacts=320.0, low=280.0, high=360.0, hours_each=0.1)
    assert report(plan(briefed_at=None), over, START + 8 * DAY).verdict == (
        "Summer sale (sale) is over (it began on Monday 1 June 2026, 08:00 UTC). It brought +320 contacts (+280 to +360), "
        "about 32 hours of work: more than planned. Support was not told in time."
    )


def test_nobody_needs_to_know_what_a_topic_is() -> None:
    for at in (START - DAY, START + DAY, START + 8 * DAY):
        found = report(plan(briefed_at=None, claims=()), Found(), at)
        said = " ".join((found.verdict, *(point.sentence for point in found.points))).lower()
        assert not {"kafka", "topic", "workspace", "slice", "excess", "impact"} & set(said.replace(".", " ").split())
