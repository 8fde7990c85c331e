"""Alert: one message per stated change of state of an impact, written for a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from schemas.alert import Alert
from schemas.attribution import Impact
from schemas.catalog import ALERTS, IMPACTS, Topic
from schemas.workspace import Workspace
from streams.stage import Outputs, Record

Event = Literal["opened", "updated", "reattributed", "resolved", "withdrawn"]
Audience = Literal["operations", "product", "marketing"]

GROWN = 2.0
SURE = 0.8


@dataclass(slots=True)
class Told:
    """What people were last told of an impact."""

    event: Event
    contacts: float
    probability: float
    revision: int
    text: str
    spikes: tuple[str, ...]


@dataclass(slots=True)
class State:
    """What people were told, by impact, and which impact each spike was last told to belong to."""

    workspace: Workspace
    told: dict[str, Told] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    seq: int = 0


class AlertStage:
    """The stage; see :class:`streams.stage.Stage`."""

    name = "alert"
    reads: tuple[Topic, ...] = (IMPACTS,)
    writes: tuple[Topic, ...] = (ALERTS,)

    def start(self, workspace: Workspace) -> State:
        """The state before any record."""
        return State(workspace)

    def step(self, state: State, event: Record) -> tuple[State, Outputs]:
        """Take one revision of an impact; write an alert if it changes what people need to know."""
        if not isinstance(event, Impact) or not state.workspace.alerts:
            return state, ()
        happened = _event(state, event)
        if happened is None:
            return state, ()
        alert = _alert(state, event, happened)
        return state, ((ALERTS, alert),)


ALERT = AlertStage()


def _event(state: State, impact: Impact) -> Event | None:
    """What, if anything, people have to be told: the life-cycle of an alert."""
    told = state.told.get(impact.impact_id)
    if impact.state == "withdrawn":
        return _withdrawal(state, impact, told)
    if told is None or told.event == "withdrawn":
        return "reattributed" if _came_from(state, impact) else "opened"
    if impact.state == "closed":
        return "resolved" if told.event != "resolved" else None
    if told.event == "resolved" or _moved(told, impact):
        return "updated"
    return None


def _withdrawal(state: State, impact: Impact, told: Told | None) -> Event | None:
    """A named cause that is cleared is always taken back; a nameless one silently, if its spike has a new cause."""
    if told is None or told.event == "withdrawn":
        return None
    moved = all(state.home.get(spike) != impact.impact_id for spike in told.spikes)
    if moved and not impact.key:
        state.told[impact.impact_id] = Told("withdrawn", 0.0, 0.0, told.revision, told.text, ())
        return None
    return "withdrawn"


def _came_from(state: State, impact: Impact) -> str | None:
    """The impact that one of these spikes was told to belong to before."""
    homes = (state.home.get(spike) for spike in impact.spikes)
    return next((home for home in homes if home is not None and home != impact.impact_id), None)


def _moved(told: Told, impact: Impact) -> bool:
    """Twice the contacts last told, or a cause that has become sure or is so no longer."""
    return impact.contacts >= GROWN * max(told.contacts, 1.0) or (told.probability >= SURE) != (
        impact.probability >= SURE
    )


def _audience(impact: Impact) -> Audience:
    return {"release": "product", "promotion": "marketing"}.get(impact.kind, "operations")  # type: ignore[return-value]


def _alert(state: State, impact: Impact, happened: Event) -> Alert:
    told = state.told.get(impact.impact_id)
    text = _text(state, impact, happened)
    revision = told.revision + 1 if told is not None else 1
    state.told[impact.impact_id] = Told(happened, impact.contacts, impact.probability, revision, text, impact.spikes)
    state.names[impact.impact_id] = _name(impact)
    for spike in impact.spikes:
        state.home[spike] = impact.impact_id
    state.seq += 1
    return Alert(
        workspace=impact.workspace,
        origin="alert",
        seq=state.seq,
        alert_id=blake2b(impact.impact_id.encode(), digest_size=8).hexdigest(),
        revision=revision,
        at=impact.as_of,
        event=happened,
        audience=_audience(impact),
        kind=impact.kind,
        key=impact.key,
        owner=impact.owner,
        probability=impact.probability,
        contacts=impact.contacts,
        contacts_low=impact.contacts_low,
        contacts_high=impact.contacts_high,
        text=text,
    )


def _name(impact: Impact) -> str:
    nameless = {"unknown": "no known change", "measurement": "a fault of measurement"}
    return f"{impact.kind} {impact.key}" if impact.key else nameless[impact.kind]


def _text(state: State, impact: Impact, happened: Event) -> str:
    """The message as a person reads it."""
    if happened == "opened":
        return f"New: {impact.sentence}"
    if happened == "reattributed":
        home = _came_from(state, impact) or ""
        return f"Cause found or changed (before: {state.names.get(home, 'another')}): {impact.sentence}"
    if happened == "resolved":
        return f"Over: {impact.sentence}"
    if happened == "withdrawn":
        return f"Taken back: {_name(impact)} is no longer held to cause more contacts."
    return f"Update: {impact.sentence}"
