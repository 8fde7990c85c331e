"""Alert: one message per stated change of state of an impact.

Impacts come in the one order in which attribute wrote them, so nothing has to be held back. Whom a message reaches,
and from which size on, is decided where it is delivered (:mod:`streams.alert.tell`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from schemas.alert import Alert, AlertEvent, Moved
from schemas.attribution import Impact
from schemas.catalog import ALERTS, IMPACTS, Topic
from schemas.workspace import Workspace
from streams.alert.settings import AlertSteps
from streams.alert.words import cause_name, headline
from streams.stage import Outputs, Record

Audience = Literal["operations", "product", "marketing"]
AUDIENCES: dict[str, Audience] = {"release": "product", "promotion": "marketing"}
SUREST = 0.999


@dataclass(slots=True)
class Told:
    """What was last said of an impact."""

    event: AlertEvent
    contacts: float
    probability: float
    revision: int
    name: str
    spikes: tuple[str, ...]


@dataclass(slots=True)
class State:
    """What was said, by impact, and which impact each spike was last said to belong to.

    ``doubted`` holds causes that attribute has given up for one that is not yet sure enough to say so (``rivals``:
    which it is): either that one becomes sure, or the doubt passes and nobody was bothered. ``members`` are the spikes
    of each impact as attribute has it now.
    """

    workspace: Workspace
    told: dict[str, Told] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    rivals: dict[str, str] = field(default_factory=dict)
    doubted: dict[str, Impact] = field(default_factory=dict)
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Happened:
    """A stated change of state. ``other`` is the impact that the spikes came from, or went to; ``partly``: it goes on
    without them, so nothing that was said of it is taken back."""

    event: AlertEvent
    moved: Moved | None = None
    other: str | None = None
    partly: bool = False


class AlertStage:
    """The stage; see :class:`streams.stage.Stage`."""

    name = "alert"
    reads: tuple[Topic, ...] = (IMPACTS,)
    writes: tuple[Topic, ...] = (ALERTS,)

    def __init__(self, steps: AlertSteps | None = None) -> None:
        self._steps = steps if steps is not None else AlertSteps()

    def start(self, workspace: Workspace) -> State:
        """The state before any record."""
        return State(workspace)

    def step(self, state: State, event: Record) -> tuple[State, Outputs]:
        """Take one revision of an impact; write what has changed of what people need to know."""
        if not isinstance(event, Impact) or not state.workspace.alerts:
            return state, ()
        return state, tuple((ALERTS, alert) for alert in _alerts(state, event, self._steps))


ALERT = AlertStage()


def _alerts(state: State, impact: Impact, steps: AlertSteps) -> list[Alert]:
    """Usually none or one; a spike that was over when it became known is opened and resolved at once."""
    began_before = impact.impact_id not in state.members and impact.revision > 1
    state.members[impact.impact_id] = frozenset(impact.spikes)
    if began_before:
        _take_as_told(state, impact)
        return []
    if _waits(state, impact, steps):
        return []
    alerts = []
    while (happened := _happened(state, impact, steps)) is not None:
        alerts.append(_alert(state, impact, happened))
        given_up = state.doubted.pop(happened.other, None) if happened.other is not None else None
        if given_up is not None:
            alerts.extend(_alerts(state, given_up, steps))
    for spike in impact.spikes:
        state.home[spike] = impact.impact_id
    return alerts


def _take_as_told(state: State, impact: Impact) -> None:
    """Retention has cut an impact's first revision, so whatever it was, it was said."""
    event: AlertEvent = {"open": "opened", "closed": "resolved", "withdrawn": "withdrawn"}[impact.state]  # type: ignore[assignment]
    name = cause_name(impact.kind, impact.key, impact.title)
    state.told[impact.impact_id] = Told(event, impact.contacts, impact.probability, 1, name, impact.spikes)
    for spike in impact.spikes:
        state.home[spike] = impact.impact_id


def _waits(state: State, impact: Impact, steps: AlertSteps) -> bool:
    """Whether a change of mind is not yet sure enough to be said."""
    name = impact.impact_id
    if impact.state == "withdrawn":
        state.rivals.pop(name, None)
        if name in state.rivals.values():
            state.doubted[name] = impact
        return name in state.doubted
    state.doubted.pop(name, None)
    for rival in [one for one, other in state.rivals.items() if other == name]:
        del state.rivals[rival]
    former = _former(state, impact)
    told = state.told.get(name)
    known = told is not None and told.event != "withdrawn"
    if former is None or known or impact.state == "closed" or impact.probability >= steps.switch:
        state.rivals.pop(name, None)
        return False
    state.rivals[name] = former
    return True


def _happened(state: State, impact: Impact, steps: AlertSteps) -> Happened | None:
    """What, if anything, people have to be told: the life-cycle of an alert."""
    told = state.told.get(impact.impact_id)
    if impact.state == "withdrawn":
        return _withdrawal(state, impact, told)
    former = _former(state, impact)
    partly = former is not None and _goes_on(state, former, impact)
    if former is not None and not partly:
        return Happened("reattributed", other=former)
    if told is None or told.event == "withdrawn":
        return Happened("opened", other=former, partly=partly)
    moved = moved_by(told, impact, steps)
    if impact.state == "closed":
        corrected = moved in ("grown", "shrunk")
        return Happened("resolved", moved) if told.event != "resolved" or corrected else None
    moved = "began again" if told.event == "resolved" else moved
    return Happened("updated", moved) if moved is not None else None


def _withdrawal(state: State, impact: Impact, told: Told | None) -> Happened | None:
    """What was said is taken back, once, and points to what is said instead."""
    if told is None or told.event == "withdrawn":
        return None
    homes = (state.home.get(spike) for spike in told.spikes)
    return Happened("withdrawn", other=next((one for one in homes if one != impact.impact_id), None))


def _former(state: State, impact: Impact) -> str | None:
    """The impact that one of these spikes was said to belong to before."""
    homes = (state.home.get(spike) for spike in impact.spikes)
    return next((home for home in homes if home is not None and home != impact.impact_id), None)


def _goes_on(state: State, former: str, impact: Impact) -> bool:
    """Whether the impact that spikes came from keeps others."""
    kept = state.members.get(former, frozenset()) - set(impact.spikes)
    return any(state.home.get(spike) == former for spike in kept)


def moved_by(told: Told, impact: Impact, steps: AlertSteps) -> Moved | None:
    """Which threshold the impact has passed since it was last spoken of."""
    if abs(impact.contacts - told.contacts) >= steps.least:
        if impact.contacts >= steps.growth * told.contacts:
            return "grown"
        if impact.contacts <= told.contacts / steps.growth:
            return "shrunk"
    ratio = _odds(impact.probability) / _odds(told.probability)
    if ratio >= steps.odds:
        return "surer"
    return "less sure" if ratio <= 1.0 / steps.odds else None


def _odds(probability: float) -> float:
    bounded = min(max(probability, 1.0 - SUREST), SUREST)
    return bounded / (1.0 - bounded)


def alert_id(impact_id: str) -> str:
    """The stable id of an impact's alert."""
    return blake2b(impact_id.encode(), digest_size=8).hexdigest()


def _alert(state: State, impact: Impact, happened: Happened) -> Alert:
    told = state.told.get(impact.impact_id)
    other = state.told.get(happened.other) if happened.other is not None else None
    came = happened.event != "withdrawn"
    other_name = other.name if other is not None else ""
    formerly, successor = (other_name, "") if came else ("", other_name)
    text = headline(happened.event, impact, moved=happened.moved, formerly=formerly, successor=successor)
    revision = told.revision + 1 if told is not None else 1
    _remember(state, impact, happened.event, revision)
    other_id = alert_id(happened.other) if happened.other is not None and not happened.partly else ""
    return Alert(
        workspace=impact.workspace,
        origin="alert",
        seq=state.seq,
        alert_id=alert_id(impact.impact_id),
        revision=revision,
        at=impact.as_of,
        event=happened.event,
        moved=happened.moved,
        audience=AUDIENCES.get(impact.kind, "operations"),
        impact_id=impact.impact_id,
        kind=impact.kind,
        key=impact.key,
        title=impact.title,
        owner=impact.owner,
        probability=impact.probability,
        contacts=impact.contacts,
        contacts_low=impact.contacts_low,
        contacts_high=impact.contacts_high,
        hours=impact.hours,
        customers=impact.customers,
        first=impact.first,
        last=impact.last,
        spikes=impact.spikes,
        largest=impact.largest,
        by_slice=impact.by_slice,
        text=text,
        sentence=impact.sentence,
        explanation=impact.explanation,
        quotes=impact.quotes,
        formerly=other_id if came else "",
        formerly_name=formerly,
        successor="" if came else other_id,
        successor_name=successor,
    )


def _remember(state: State, impact: Impact, event: AlertEvent, revision: int) -> None:
    name = cause_name(impact.kind, impact.key, impact.title)
    told = Told(event, impact.contacts, impact.probability, revision, name, impact.spikes)
    state.told[impact.impact_id] = told
    for spike in impact.spikes:
        state.home[spike] = impact.impact_id
    state.seq += 1
