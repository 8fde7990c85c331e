"""Who is told what of an alert: a pure function of the routing file, the alert, and what each channel has heard.

A channel hears of an alert when an audience's rule is met, and from then on everything that changes it, to its end,
even if the rule is no longer met or the routing file has changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from schemas.alert import Alert
from schemas.delivery import NoticeEvent
from streams.alert.routing import OWNER, Audience, Maintenance, Routing, team_of

DOUBT = 0.2
"""How far below its audience's probability a cause falls before it is told to be unsure again."""
OVER: tuple[NoticeEvent, ...] = ("resolved", "withdrawn")


class Heard(Struct, frozen=True, kw_only=True):
    """What a channel last heard of an alert."""

    event: NoticeEvent
    revision: int
    contacts: float
    sure: bool
    team: str = ""


class Notice(Struct, frozen=True, kw_only=True):
    """One message to one channel. ``level`` counts escalations."""

    alert: Alert
    event: NoticeEvent
    channel: str
    team: str
    audiences: tuple[str, ...] = ()
    sure: bool = True
    level: int = 0

    @property
    def key(self) -> str:
        """What receivers drop repeats by."""
        more = f".escalated-{self.level}" if self.event == "escalated" else ""
        return f"{self.alert.alert_id}.{self.alert.revision}{more}"


Hearing = Callable[[str, str], Heard | None]
"""``(alert_id, channel)`` to what that channel last heard."""


class _Ear(Struct, frozen=True):
    """A channel within an alert's reach: by which team, and for which audiences (whose rules it may not meet yet)."""

    team: str
    audiences: dict[str, Audience]


def tell(routing: Routing, alert: Alert, hearing: Hearing) -> tuple[Notice, ...]:
    """The messages that one alert record makes, by channel name; one channel gets at most one."""
    ears = _ears(routing, alert)
    notices = (_notice(routing, alert, channel, ears.get(channel), hearing) for channel in sorted(routing.channels))
    return tuple(notice for notice in notices if notice is not None)


def _ears(routing: Routing, alert: Alert) -> dict[str, _Ear]:
    found: dict[str, _Ear] = {}
    for name, audience in sorted(routing.audiences.items()):
        if not fits(audience, alert):
            continue
        for team in _teams(routing, audience, alert):
            for channel in routing.teams[team].channels:
                ear = found.setdefault(channel, _Ear(team, {}))
                ear.audiences[name] = audience
    return found


def _teams(routing: Routing, audience: Audience, alert: Alert) -> Iterator[str]:
    named = (team_of(routing, alert.owner) if team == OWNER else team for team in audience.teams)
    return (team for team in dict.fromkeys(named) if team)


def fits(rule: Audience | Maintenance, alert: Alert) -> bool:
    """Whether a cause is of the kind, product and owner that a rule is about."""
    return (
        (not rule.kinds or alert.kind in rule.kinds)
        and (not rule.owners or alert.owner in rule.owners)
        and (not rule.products or not products(alert).isdisjoint(rule.products))
    )


def products(alert: Alert) -> set[str]:
    """The products on whose slices the contacts came."""
    pairs = (pair.partition("=") for text in alert.by_slice for pair in text.split(", "))
    return {value for name, _, value in pairs if name == "product"}


def cost(routing: Routing, alert: Alert) -> float:
    """What the contacts have cost so far, in the file's currency."""
    hours = alert.hours if alert.hours is not None else 0.0
    return alert.contacts * routing.cost.per_contact + hours * routing.cost.per_handling_hour


def cost_per_hour(routing: Routing, alert: Alert) -> float:
    """The same per hour since the first contact; the first hour counts as a whole one."""
    lasted = alert.last - alert.first if alert.first is not None and alert.last is not None else timedelta()
    return cost(routing, alert) / max(lasted / timedelta(hours=1), 1.0)


def met(routing: Routing, audience: Audience, alert: Alert) -> bool:
    """Whether an alert is sure enough and large enough to open for an audience."""
    return (
        alert.probability >= audience.probability
        and alert.contacts >= audience.contacts
        and cost_per_hour(routing, alert) >= audience.cost_per_hour
    )


def _notice(routing: Routing, alert: Alert, channel: str, ear: _Ear | None, hearing: Hearing) -> Notice | None:
    heard = hearing(alert.alert_id, channel)
    if heard is not None and heard.revision >= alert.revision:
        return None
    audiences = ear.audiences if ear is not None else {}
    reached = tuple(name for name, rule in audiences.items() if met(routing, rule, alert))
    formerly = hearing(alert.formerly, channel) if alert.formerly else None
    event = _event(alert, heard, formerly, audiences, rule_met=bool(reached))
    if event == "withdrawn" and alert.successor and hearing(alert.successor, channel) is not None:
        return None
    if event is None:
        return None
    before = heard if heard is not None else formerly
    team = ear.team if ear is not None else before.team if before is not None else ""
    sure = alert.probability >= min((rule.probability for rule in audiences.values()), default=0.0)
    return Notice(alert=alert, event=event, channel=channel, team=team, audiences=reached, sure=sure)


def _event(
    alert: Alert, heard: Heard | None, formerly: Heard | None, audiences: dict[str, Audience], *, rule_met: bool
) -> NoticeEvent | None:
    """What this channel is to hear, if anything."""
    listening = heard is not None and heard.event not in OVER
    if alert.event == "withdrawn":
        return "withdrawn" if heard is not None and heard.event != "withdrawn" else None
    if formerly is not None and formerly.event != "withdrawn":
        return "reattributed"
    if alert.event == "resolved":
        return "resolved" if listening or (rule_met and heard is None) or _corrects(alert, heard) else None
    if heard is None or heard.event == "withdrawn":
        return "opened" if rule_met else None
    if heard.event == "resolved":
        return "updated" if rule_met else None
    return "updated" if _matters(alert, heard, audiences) else None


def _corrects(alert: Alert, heard: Heard | None) -> bool:
    return heard is not None and heard.event == "resolved" and alert.moved is not None


def _matters(alert: Alert, heard: Heard, audiences: dict[str, Audience]) -> bool:
    """Grown or shrunk by the audience's factor, or sure when it was not, or the other way round by more than a doubt."""
    if not audiences:
        return False
    growth = min((rule.growth for rule in audiences.values() if rule.growth > 0), default=None)
    told = max(heard.contacts, 1.0)
    if growth is not None and (alert.contacts >= growth * told or max(alert.contacts, 1.0) <= told / growth):
        return True
    wanted = min(rule.probability for rule in audiences.values())
    return alert.probability < wanted - DOUBT if heard.sure else alert.probability >= wanted


def held_until(routing: Routing, notice: Notice, now: datetime) -> datetime | None:
    """The end of the last maintenance window that keeps this message back now, or None."""
    ends = (
        _end(window, now)
        for window in routing.maintenance
        if fits(window, notice.alert) and (not window.teams or notice.team in window.teams)
    )
    return max((end for end in ends if end is not None), default=None)


def _end(window: Maintenance, now: datetime) -> datetime | None:
    start, end = window.start, window.end
    if window.period is not None and now >= start:
        passed = (now - start) // window.period
        start, end = start + passed * window.period, end + passed * window.period
    return end if start <= now < end else None


def escalations(
    routing: Routing, alert: Alert, *, team: str, told_at: datetime, done: int, now: datetime
) -> tuple[Notice, ...]:
    """The messages now due because nobody owns an alert's spikes.

    Args:
        routing: The file.
        alert: As it stands, neither over nor owned.
        team: Who was told.
        told_at: When, by the courier's clock.
        done: Levels already told.
        now: The courier's clock.
    """
    levels = routing.teams[team].escalation if team in routing.teams else ()
    due = [at for at, level in enumerate(levels, start=1) if now >= told_at + timedelta(minutes=level.after_minutes)]
    return tuple(
        Notice(alert=alert, event="escalated", channel=channel, team=name, level=at)
        for at in due
        if at > done
        for name in levels[at - 1].teams
        for channel in routing.teams[name].channels
    )
