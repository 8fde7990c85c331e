"""What a campaign and support have to do with each other, said to someone who has never seen a Kafka topic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from whence.campaign_facts import Found, Phase, Plan, Point, Promise, Report

LATE_BRIEFING = timedelta(days=1)
COMES_BACK = 5
"""A promise named in so many contacts, and twice as often as before the launch, is told as coming back."""


def phase_of(plan: Plan, now: datetime) -> Phase:
    """Where a campaign stands; one without an end is over a fortnight after its start."""
    if now < plan.starts_at:
        return "before"
    end = plan.ends_at if plan.ends_at is not None else plan.starts_at + timedelta(days=14)
    return "during" if now < end else "after"


def report(plan: Plan, found: Found, now: datetime) -> Report:
    """The check of a campaign at a moment."""
    phase = phase_of(plan, now)
    points = tuple(_points(plan, found, phase))
    verdict = _before(plan, points, now) if phase == "before" else _told(plan, found, points, phase)
    return Report(key=plan.key, title=plan.title, phase=phase, at=now, verdict=verdict, points=points)


def _points(plan: Plan, found: Found, phase: Phase) -> Iterator[Point]:
    yield _briefing(plan)
    yield _thing("macro", plan.macro, "Agents have a ready answer", "Agents have no ready answer (macro) to send.")
    yield _thing(
        "article",
        plan.article,
        "Customers can read about it",
        "There is no help article that customers could read instead of writing in.",
    )
    yield _thing(
        "owner",
        plan.owner,
        "Questions go to",
        "Nobody is named as its owner, so nobody can be asked when it goes wrong.",
    )
    yield _forecast(plan, found)
    if phase != "before":
        yield _contacts(plan, found)
        yield from _promises(plan, found)
        yield _agents(found)


def _briefing(plan: Plan) -> Point:
    if plan.briefed_at is None:
        return Point(
            what="briefing",
            fine=False,
            sentence="Support has not been told: those who answer customers will hear of it from customers.",
        )
    ahead = plan.starts_at - plan.briefed_at
    if ahead <= timedelta():
        return Point(
            what="briefing",
            fine=False,
            sentence=f"Support was told {_long(-ahead)} after the launch, on {_day(plan.briefed_at)}.",
        )
    if ahead < LATE_BRIEFING:
        return Point(what="briefing", fine=False, sentence=f"Support was told only {_long(ahead)} before the launch.")
    return Point(
        what="briefing",
        fine=True,
        sentence=f"Support was told on {_day(plan.briefed_at)}, {_long(ahead)} before the launch.",
    )


def _thing(what: Literal["macro", "article", "owner"], value: str, there: str, absent: str) -> Point:
    return Point(what=what, fine=bool(value), sentence=f"{there}: {value}." if value else absent)


def _forecast(plan: Plan, found: Found) -> Point:
    usual = (
        f" The last {found.earlier} brought {found.usual:,.0f} on average."
        if found.usual is not None and found.earlier
        else ""
    )
    if plan.planned is None:
        return Point(
            what="forecast",
            fine=False,
            sentence=f"Nobody has said how many contacts it will bring, so nobody can staff for it.{usual}",
        )
    hours = f", about {plan.planned * found.hours_each:,.0f} hours of work" if found.hours_each is not None else ""
    return Point(
        what="forecast", fine=True, sentence=f"It is expected to bring {plan.planned:,} more contacts{hours}.{usual}"
    )


def _contacts(plan: Plan, found: Found) -> Point:
    if found.contacts is None or found.low is None or found.high is None:
        return Point(
            what="contacts",
            fine=None,
            sentence=f"How many contacts it brought cannot be said: {found.why_not or 'none are stored'}.",
        )
    said = f"It has brought {_range(found)}{_hours(found)}"
    if plan.planned is None:
        return Point(what="contacts", fine=None, sentence=f"{said}; there was no plan to hold that against.")
    fit = against_plan(plan, found)
    return Point(
        what="contacts",
        fine=fit != "more than planned",
        sentence=f"{said}, where {plan.planned:,} were planned: {fit}.",
    )


def against_plan(plan: Plan, found: Found) -> str:
    """Whether the contacts, with their uncertainty, fit the plan; by 90% intervals, so one of ten such words is wrong."""
    if plan.planned is None or found.low is None or found.high is None:
        return "no plan to compare with"
    if found.low > plan.planned:
        return "more than planned"
    return "fewer than planned" if found.high < plan.planned else "as planned, as far as can be told"


def _range(found: Found) -> str:
    if found.contacts is None or found.low is None or found.high is None:
        return "an unknown number of contacts"
    if found.low <= 0.0 <= found.high:
        return f"no more contacts than chance alone may bring ({found.low:+,.0f} to {found.high:+,.0f})"
    return f"{found.contacts:+,.0f} contacts ({found.low:+,.0f} to {found.high:+,.0f})"


def _hours(found: Found) -> str:
    if (
        found.hours_each is None
        or found.contacts is None
        or found.contacts <= 0
        or (found.low is not None and found.low <= 0)
    ):
        return ""
    return f", about {found.contacts * found.hours_each:,.0f} hours of work"


def _promises(plan: Plan, found: Found) -> Iterator[Point]:
    if not plan.claims:
        yield Point(
            what="promises",
            fine=None,
            sentence="What it promises is not written down (claims), so it cannot be looked for in what customers write.",
        )
        return
    back = [one for one in found.promises if comes_back(one)]
    for one in back:
        example = f" One wrote: \u201c{_cut(one.sentence)}\u201d" if one.sentence else ""
        yield Point(
            what="promises",
            fine=False,
            sentence=f"The promise \u201c{one.claim}\u201d comes back: {one.mentions} contacts name it, {one.before} in the two weeks before.{example}",
        )
    if not back:
        yield Point(what="promises", fine=True, sentence="None of its promises comes back as complaints.")


def comes_back(one: Promise) -> bool:
    """Whether customers write about a promise much more than before."""
    return one.mentions >= COMES_BACK and one.mentions >= 2 * one.before


def _agents(found: Found) -> Point:
    if not found.conversations:
        return Point(
            what="agents",
            fine=None,
            sentence="Whether agents knew of it cannot be said: what they write to customers is not sent here.",
        )
    if not found.unaware:
        return Point(
            what="agents",
            fine=True,
            sentence=f"In {found.conversations:,} conversations since the launch no agent said that they know nothing of it.",
        )
    worst = max(found.unaware, key=lambda one: (one.unaware, one.team))
    count = sum(one.unaware for one in found.unaware)
    example = f": \u201c{_cut(worst.sentence)}\u201d" if worst.sentence else ""
    return Point(
        what="agents",
        fine=False,
        sentence=f"In {count} of {found.conversations:,} conversations an agent knew nothing of it, most in {worst.team} ({worst.unaware}){example}",
    )


def _before(plan: Plan, points: tuple[Point, ...], now: datetime) -> str:
    missing = [point.what for point in points if point.fine is False]
    starts = f"{plan.name} starts in {_long(plan.starts_at - now)}, on {_day(plan.starts_at)}"
    if not missing:
        return f"{starts}. Support is ready for it."
    return f"{starts}. Support is not ready: {_list(missing)} missing."


def _told(plan: Plan, found: Found, points: tuple[Point, ...], phase: Phase) -> str:
    wrong = {point.what for point in points if point.fine is False}
    since = f"began on {_day(plan.starts_at)}" if phase == "during" else f"is over (it began on {_day(plan.starts_at)})"
    parts = [f"{plan.name} {since}."]
    parts.append(
        f"It brought {_range(found)}{_hours(found)}: {against_plan(plan, found)}."
        if found.contacts is not None
        else "Its contacts cannot be counted yet."
    )
    parts.append("Support was not told in time." if "briefing" in wrong else "Support was told in time.")
    if "promises" in wrong:
        parts.append("Customers write about what it promised.")
    if "agents" in wrong:
        parts.append("Some agents knew nothing of it.")
    return " ".join(parts)


def _list(names: Sequence[str]) -> str:
    text = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{text} {'is' if len(names) == 1 else 'are'}"


def _day(moment: datetime) -> str:
    return f"{moment:%A} {moment.day} {moment:%B %Y}, {moment:%H:%M} {moment.tzname() or ''}".rstrip()


def _long(span: timedelta) -> str:
    """A length of time as people say it.

    >>> _long(timedelta(days=3)), _long(timedelta(hours=1)), _long(timedelta(minutes=5))
    ('3 days', '1 hour', '5 minutes')
    """
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        count = span // length
        if count >= 1:
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return "less than a minute"


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 160 else flat[:159] + "\u2026"
