"""What the courier does with one partition's book: queue what an alert makes, choose what is sent next, and note how
it went. Pure but for the book; the clock is an argument."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tenacity import RetryCallState, Retrying, wait_exponential

from schemas.alert import Alert
from schemas.delivery import Delivery
from streams.alert.routing import Routing
from streams.alert.tell import OVER, Notice, escalations, held_until, tell
from streams.deliver.book import Book, Waiting, next_step, queued
from streams.deliver.channels import Tried
from streams.deliver.settings import CourierSettings


def decide(book: Book, routing: Routing, alert: Alert, now: datetime, *, max_age: timedelta | None) -> list[Delivery]:
    """First steps of the messages that an alert makes. One older than ``max_age`` makes none, except for those who
    have heard of it already: they are told how it ends."""
    book.take_alert(alert)
    old = max_age is not None and alert.at < now - max_age
    notices = (one for one in tell(routing, alert, book.hearing) if not old or _has_heard(book, alert, one.channel))
    return [queued(notice, now, held_until(routing, notice, now)) for notice in notices]


def _has_heard(book: Book, alert: Alert, channel: str) -> bool:
    return any(book.hearing(name, channel) is not None for name in (alert.alert_id, alert.formerly) if name)


def overdue(book: Book, routing: Routing, now: datetime) -> Iterator[Delivery]:
    """First steps of the escalations that are due."""
    for alert, team, told_at in list(book.unowned()):
        done = book.levels.get((alert.alert_id, team), 0)
        for notice in escalations(routing, alert, team=team, told_at=told_at, done=done, now=now):
            first = queued(notice, now, held_until(routing, notice, now), on_behalf_of=team)
            if first.delivery_id not in book.steps:
                yield first


def released(book: Book, now: datetime) -> Iterator[Delivery]:
    """After a maintenance window: of the messages it held about one alert to one channel, the last one as it stands,
    or none if the alert came and went within the window."""
    due = [one for one in book.waiting.values() if one.last.status == "held" and _due(one, now)]
    groups: dict[tuple[str, str], list[Waiting]] = {}
    for one in sorted(due, key=lambda waiting: waiting.number):
        groups.setdefault((one.last.alert_id, one.last.channel), []).append(one)
    for held in groups.values():
        first, last = held[0].last, held[-1].last
        came_and_went = first.event == "opened" and last.event in OVER
        for one in held[:-1]:
            yield next_step(one.last, status="dropped", at=now, reason="a later one says it all")
        if came_and_went:
            yield next_step(last, status="dropped", at=now, reason="it came and went during maintenance")
        else:
            event = "opened" if first.event == "opened" else last.event
            yield next_step(last, status="queued", event=event, at=now, next_at=now)


def _due(one: Waiting, now: datetime) -> bool:
    return one.last.next_at is not None and one.last.next_at <= now


def next_for(book: Book, channel: str, now: datetime) -> Waiting | None:
    """What this channel is to be given now: of each alert the oldest message, of those the least tried."""
    mine = [one for one in book.waiting.values() if one.last.channel == channel and one.last.status != "held"]
    heads: dict[str, Waiting] = {}
    for one in sorted(mine, key=lambda waiting: waiting.number):
        heads.setdefault(one.last.alert_id, one)
    due = (one for one in heads.values() if _due(one, now))
    return min(due, key=lambda one: (one.last.attempt, one.number), default=None)


def noted(one: Waiting, tried: Tried, settings: CourierSettings, now: datetime) -> Delivery:
    """The step that an attempt's outcome makes."""
    attempt = one.last.attempt + 1
    if not tried.reason:
        return next_step(one.last, status="sent", attempt=attempt, at=now)
    if now - one.first_at >= timedelta(hours=settings.give_up_after_h):
        return next_step(one.last, status="given_up", attempt=attempt, at=now, reason=tried.reason)
    pause = timedelta(seconds=max(pause_s(attempt, settings), tried.wait_s))
    return next_step(one.last, status="failed", attempt=attempt, at=now, next_at=now + pause, reason=tried.reason)


def pause_s(attempt: int, settings: CourierSettings) -> float:
    """Seconds until the next try after so many failures.

    >>> [pause_s(n, CourierSettings()) for n in (1, 2, 3, 9)]
    [2.0, 4.0, 8.0, 300.0]
    """
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    return float(wait_exponential(multiplier=settings.first_pause_s, max=settings.longest_pause_s)(state))


def notice_of(book: Book, step: Delivery) -> Notice | None:
    """The notice of a message, from its record; None where its alert is no longer on the topic."""
    alert = book.alerts.get((step.alert_id, step.revision))
    if alert is None:
        return None
    return Notice(
        alert=alert,
        event=step.event,
        channel=step.channel,
        team=step.team,
        audiences=step.audiences,
        sure=step.sure,
        level=step.level,
    )
