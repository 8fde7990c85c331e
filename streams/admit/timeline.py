"""Releases, promotions and other changes in one shape; populations and hunches beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from schemas.errors import RejectedEvent
from schemas.timeline import Change, Hunch, PopulationCount, Scope
from streams.admit.normalise import spell
from streams.admit.opening import Opened

Entry = dict[str, Any]


def entry_of(kind: str, event: Opened) -> Entry:
    """The entry's part that differs by kind: ``change``, ``population`` or ``hunch``.

    Raises:
        RejectedEvent: the event's times contradict each other.
    """
    return _KINDS[kind](event)


def _release(event: Opened) -> Entry:
    ends = _ordered(event, "released_at", "rolled_back_at")
    steps = [step.at for step in event.rollout]
    if steps != sorted(steps):
        raise RejectedEvent("bad_value", field="rollout", value="steps out of order", allowed="steps in order of time")
    scope = Scope(
        products=_values("product", (event.product,)),
        platforms=_values("platform", event.platforms),
        versions=_values("version", (event.version,)),
    )
    return {
        "change": _change(
            event,
            kind="release",
            starts_at=event.released_at,
            ends_at=ends,
            scope=scope,
            rollout=event.rollout,
            fixes=event.fixes,
            planned_at=event.planned_at,
            support_briefed_at=event.support_briefed_at,
            expected_contacts=event.expected_contacts,
            text=event.notes,
        )
    }


def _promotion(event: Opened) -> Entry:
    ends = _ordered(event, "starts_at", "ends_at")
    return {
        "change": _change(
            event,
            kind="promotion",
            starts_at=event.starts_at,
            ends_at=ends,
            scope=_scope(event, "products", "regions", "segments"),
            code=event.code,
            claims=event.claims,
            planned_at=event.planned_at,
            support_briefed_at=event.support_briefed_at,
            expected_contacts=event.expected_contacts,
            audience_size=event.audience_size,
            control_share=event.control_share,
            channels=event.channels,
            macro=event.macro,
            article=event.article,
            text=event.text,
        )
    }


def _record(event: Opened) -> Entry:
    return {
        "change": _change(
            event,
            kind=event.kind,
            starts_at=event.starts_at,
            ends_at=_ordered(event, "starts_at", "ends_at"),
            announced_at=event.announced_at,
            scope=_scope(event, "products", "platforms", "versions", "regions", "segments"),
            text=event.text,
        )
    }


def _population(event: Opened) -> Entry:
    pairs = {name: spell(name, value) for name, value in event.slice.items()}
    return {"population": PopulationCount(at=event.occurred_at, slice=pairs, customers=event.customers)}


def _signal(event: Opened) -> Entry:
    return {"hunch": Hunch(at=event.occurred_at, about=event.about, text=event.text)}


_KINDS: dict[str, Callable[[Opened], Entry]] = {
    "releases": _release,
    "promotions": _promotion,
    "changes": _record,
    "populations": _population,
    "signals": _signal,
}


def _change(event: Opened, *, starts_at: datetime, **rest: Any) -> Change:
    known = event.known_at if event.known_at is not None else starts_at
    return Change(
        key=event.change,
        starts_at=starts_at,
        precision=event.precision,
        available_at=max(known, event.occurred_at),
        recorded_at=event.occurred_at,
        owner=event.owner,
        title=event.title,
        **rest,
    )


def _ordered(event: Opened, start: str, end: str) -> datetime | None:
    first, last = getattr(event, start), getattr(event, end)
    if last is not None and last < first:
        raise RejectedEvent(
            "bad_value", field=end, value=str(last.isoformat()), allowed=f"not before {start}, {first.isoformat()}"
        )
    ends: datetime | None = last
    return ends


def _scope(event: Opened, *names: str) -> Scope:
    return Scope(**{name: _values(name.removesuffix("s"), getattr(event, name)) for name in names})


def _values(dimension: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(spell(dimension, value) for value in values if value))
