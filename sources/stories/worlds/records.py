"""The company's records of its changes, as its tools would send them, and as admit would write them on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from schemas.catalog import CHANGES, POPULATIONS, PROMOTIONS, RELEASES, Topic
from schemas.raw import ChangeRecord, Population, Promotion, RawEvent, Release, RollOutStep
from schemas.timeline import Change, PopulationCount, Scope
from sources.stories.world import DAY_S, Seconds
from sources.stories.worlds.drama import Deed, Drama
from sources.stories.worlds.market import Market, adopted

TOOLS = {
    RELEASES.name: "ci",
    PROMOTIONS.name: "marketing-tool",
    CHANGES.name: "status-log",
    POPULATIONS.name: "analytics",
}
ACTIVE_PER_CONTACT = 40.0


class Record(NamedTuple):
    """One record with the second at which it comes."""

    at: Seconds
    topic: Topic
    event_id: str
    body: Change | PopulationCount


def records(market: Market, drama: Drama, start: datetime, *, counts: bool) -> list[Record]:
    """All records that come before the world's end, in order."""
    found = [one for deed in drama.deeds for one in _of_deed(deed, start)]
    if counts:
        found += _populations(market, drama, start)
    return sorted(
        (one for one in found if one.at < market.ends), key=lambda one: (one.at, one.topic.name, one.event_id)
    )


def _of_deed(deed: Deed, start: datetime) -> Iterator[Record]:
    """What is planned is told whole; of what nobody plans, the end is told when it comes."""
    if deed.known is None:
        return
    topic = RELEASES if deed.kind == "release" else PROMOTIONS if deed.kind == "promotion" else CHANGES
    name = deed.key.replace(" ", "-")
    planned = deed.kind in ("promotion", "policy", "price") or deed.ends is None
    yield Record(deed.known, topic, f"r-{name}", _change(deed, start, deed.known, ended=planned))
    if not planned and deed.ends is not None:
        later = max(deed.known, deed.ends) + 300.0
        yield Record(later, topic, f"r-{name}-ended", _change(deed, start, later, ended=True))


def _change(deed: Deed, start: datetime, told: Seconds, *, ended: bool) -> Change:
    shift = deed.stated - deed.at
    steps = deed.published.steps if deed.published is not None and deed.precision == "minute" else ()
    return Change(
        key=deed.key,
        kind=deed.kind,
        starts_at=moment(start, deed.stated),
        ends_at=moment(start, deed.ends) if ended and deed.ends is not None else None,
        announced_at=None
        if deed.announced is None or deed.kind in ("release", "promotion")
        else moment(start, deed.announced),
        precision=deed.precision,
        available_at=moment(start, told),
        recorded_at=moment(start, told),
        scope=Scope(
            products=deed.products,
            platforms=deed.platforms,
            versions=() if deed.published is None else (deed.published.version,),
            regions=deed.regions,
        ),
        rollout=tuple(RollOutStep(at=moment(start, at + shift), share=share) for at, share in steps),
        fixes=deed.fixes,
        code=deed.code,
        claims=deed.claims,
        owner=deed.owner,
        title=deed.title,
        text=deed.text,
    )


def _populations(market: Market, drama: Drama, start: datetime) -> Iterator[Record]:
    """Customers per product, platform and version, once a day."""
    active = ACTIVE_PER_CONTACT * float(market.levels.mean()) * 24.0
    for day in range(int(market.ends // DAY_S)):
        at = day * DAY_S
        for number, made in enumerate(drama.published):
            track, left = market.tracks[number], active * float(market.weights[number])
            for one in reversed(made):
                share = 1.0 if one is made[0] else float(adopted(one, track, np.array([at]))[0])
                if left * share >= 20.0:
                    pairs = {"product": track.product, "platform": track.platform, "version": one.version}
                    body = PopulationCount(at=moment(start, at), slice=pairs, customers=round(left * share))
                    yield Record(at, POPULATIONS, f"p-{day}-{number}-{one.version}", body)
                left *= 1.0 - share


def raw_event(record: Record, workspace: str) -> RawEvent:
    """The record as its tool sends it to the raw topic; admit makes the same body of it again."""
    body = record.body
    if isinstance(body, PopulationCount):
        return Population(
            event_id=record.event_id, workspace=workspace, occurred_at=body.at, source=TOOLS[record.topic.name],
            slice=body.slice, customers=body.customers,
        )  # fmt: skip
    head: dict[str, Any] = {
        "event_id": record.event_id, "workspace": workspace, "occurred_at": body.recorded_at, "source": TOOLS[record.topic.name],
        "change": body.key, "known_at": body.available_at, "precision": body.precision, "owner": body.owner, "title": body.title,
    }  # fmt: skip
    scope = body.scope
    if body.kind == "release":
        return Release(
            **head, product=scope.products[0], platforms=scope.platforms, version=scope.versions[0], released_at=body.starts_at,
            rollout=body.rollout, rolled_back_at=body.ends_at, fixes=body.fixes, notes=body.text,
        )  # fmt: skip
    if body.kind == "promotion":
        return Promotion(
            **head, starts_at=body.starts_at, ends_at=body.ends_at, products=scope.products, regions=scope.regions,
            code=body.code, claims=body.claims, text=body.text,
        )  # fmt: skip
    return ChangeRecord(
        **head, kind=body.kind, starts_at=body.starts_at, ends_at=body.ends_at, announced_at=body.announced_at,
        products=scope.products, platforms=scope.platforms, regions=scope.regions, text=body.text,
    )  # fmt: skip


def moment(start: datetime, at: Seconds) -> datetime:
    """Event time of a second of the world, to the millisecond."""
    return start + timedelta(milliseconds=round(at * 1000.0))
