"""What the courier knows of one partition, folded from the topics: what each channel has heard, what is still to be
sent, who was told when, and who owns which spike. The same records give the same book."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from schemas.alert import Alert
from schemas.delivery import ENDED, Delivery
from schemas.raw import Feedback
from streams.alert.tell import OVER, Heard, Notice


@dataclass(slots=True)
class Waiting:
    """A message that has not ended: its last step, and its place in the queue."""

    last: Delivery
    first_at: datetime
    number: int


@dataclass(slots=True)
class Book:
    """The state of one partition."""

    alerts: dict[tuple[str, int], Alert] = field(default_factory=dict)
    latest: dict[str, Alert] = field(default_factory=dict)
    heard: dict[tuple[str, str], Heard] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    told_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    levels: dict[tuple[str, str], int] = field(default_factory=dict)
    owned: set[str] = field(default_factory=set)
    number: int = 0

    def hearing(self, alert_id: str, channel: str) -> Heard | None:
        """See :data:`streams.alert.tell.Hearing`."""
        return self.heard.get((alert_id, channel))

    def take_alert(self, alert: Alert) -> None:
        """An alert from the topic; a repeat changes nothing."""
        latest = self.latest.get(alert.alert_id)
        if latest is None or alert.revision >= latest.revision:
            self.latest[alert.alert_id] = alert
        if latest is not None:
            self._let_go(latest)
        self.alerts[(alert.alert_id, alert.revision)] = alert

    def _let_go(self, alert: Alert) -> None:
        """Keep of each alert its last revision, and those that wait to be sent."""
        place = (alert.alert_id, alert.revision)
        wanted = self.latest[alert.alert_id] is alert or any(
            (one.last.alert_id, one.last.revision) == place for one in self.waiting.values()
        )
        if not wanted:
            self.alerts.pop(place, None)

    def take_word(self, feedback: Feedback) -> None:
        """A person's word; only that somebody takes a spike matters here."""
        if feedback.verdict == "own":
            self.owned.add(feedback.spike)

    def take_step(self, step: Delivery) -> None:
        """One step of one message, from the topic or just written; a repeat changes nothing."""
        if step.step <= self.steps.get(step.delivery_id, -1):
            return
        self.steps[step.delivery_id] = step.step
        if step.step == 0:
            self._queued(step)
        elif step.status == "queued":
            self.told_at.setdefault((step.alert_id, step.team), step.at)
        waiting = self.waiting.get(step.delivery_id)
        if waiting is not None and step.status in ENDED:
            del self.waiting[step.delivery_id]
            sent = self.alerts.get((step.alert_id, step.revision))
            if sent is not None:
                self._let_go(sent)
        elif waiting is not None:
            waiting.last = step

    def _queued(self, step: Delivery) -> None:
        self.number += 1
        self.waiting[step.delivery_id] = Waiting(step, step.at, self.number)
        if step.event == "escalated":
            place = (step.alert_id, ",".join(step.audiences))
            self.levels[place] = max(step.level, self.levels.get(place, 0))
        elif step.status == "queued":
            self.told_at.setdefault((step.alert_id, step.team), step.at)
        heard = self.heard.get((step.alert_id, step.channel))
        if heard is None or step.event != "escalated":
            self.heard[(step.alert_id, step.channel)] = Heard(
                event=step.event, revision=step.revision, contacts=step.contacts, sure=step.sure, team=step.team
            )

    def unowned(self) -> Iterator[tuple[Alert, str, datetime]]:
        """Alerts that are neither over nor owned, with the team told and when."""
        for (alert_id, team), at in sorted(self.told_at.items()):
            alert = self.latest.get(alert_id)
            if alert is not None and alert.event not in OVER and self.owned.isdisjoint(alert.spikes):
                yield alert, team, at


def queued(notice: Notice, now: datetime, held_until: datetime | None, *, on_behalf_of: str = "") -> Delivery:
    """The first step of a notice's message. ``on_behalf_of``: of an escalation, the team that was told before."""
    return Delivery(
        workspace=notice.alert.workspace,
        delivery_id=f"{notice.key}@{notice.channel}",
        step=0,
        key=notice.key,
        channel=notice.channel,
        team=notice.team,
        audiences=(on_behalf_of,) if on_behalf_of else notice.audiences,
        alert_id=notice.alert.alert_id,
        revision=notice.alert.revision,
        event=notice.event,
        level=notice.level,
        status="held" if held_until is not None else "queued",
        at=now,
        next_at=held_until if held_until is not None else now,
        contacts=notice.alert.contacts,
        probability=notice.alert.probability,
        sure=notice.sure,
        reason="maintenance" if held_until is not None else "",
    )


def next_step(last: Delivery, **changed: object) -> Delivery:
    """The step after the last one."""
    return replace(last, **{"step": last.step + 1, "next_at": None, "reason": "", **changed})
