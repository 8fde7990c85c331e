"""The rest of the page's story: what the launch promised, who was exposed, who waited, who said what of a spike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from schemas import catalog
from schemas.attribution import Impact
from schemas.contact import Contact
from schemas.delivery import Delivery
from schemas.raw import Feedback, Turn
from schemas.timeline import Change, PopulationCount, Scope, TimelineEntry

HOUR = timedelta(hours=1)


def told_upstream(workspace: str, now: datetime) -> Iterator[tuple[catalog.Topic, Struct]]:
    """Everything that the panels for product, marketing and leaders read."""
    for seq, change in enumerate(_changes(now), start=101):
        yield catalog.TIMELINE, _entry(workspace, seq, now, change=change)
    for seq, count in enumerate(_populations(now), start=201):
        yield catalog.TIMELINE, _entry(workspace, seq, now, population=count)
    yield from ((catalog.CONTACTS, contact) for contact in _conversations(workspace, now))
    yield from ((catalog.FEEDBACK, word) for word in _words(workspace, now))
    yield catalog.IMPACTS, Impact(
        workspace=workspace, origin="impact", seq=99, impact_id="im-winter", revision=1, as_of=now - 90 * HOUR, state="closed", kind="promotion", key="winter-10",
        title="Winter sale", owner="growth", probability=0.9, spikes=("sp-winter",), first=now - 100 * HOUR, last=now - 95 * HOUR,
        contacts=80.0, contacts_low=60.0, contacts_high=99.0, hours=6.5, sentence="The winter sale brought 80 more contacts.",
    )  # fmt: skip
    # The one contact that was heard just now, whenever the tests run: delays are only shown of what came live.
    yield catalog.CONTACTS, Contact(
        event_id="live-1", workspace=workspace, occurred_at=now - HOUR, source="desk", contact="live", channel="ticket", counted=True, ingested_at=datetime.now(UTC),
    )  # fmt: skip
    yield catalog.DELIVERIES, Delivery(
        workspace=workspace, delivery_id="k@mail", step=1, key="k", channel="mail", team="growth", alert_id="al-1", revision=1, event="opened",
        status="failed", attempt=3, at=now - HOUR, next_at=now + HOUR, reason="the server did not answer within 10 s", contacts=164.0, probability=0.88,
    )  # fmt: skip


def _entry(workspace: str, seq: int, now: datetime, *, change: Change | None = None, population: PopulationCount | None = None) -> TimelineEntry:  # fmt: skip
    return TimelineEntry(
        workspace=workspace, origin="promotions/0", seq=seq, inputs=("promotions/0",), until=now, event_id=f"u-{seq}", change=change, population=population,
    )  # fmt: skip


def _changes(now: datetime) -> Iterator[Change]:
    launch, heard = now - 30.4 * HOUR, now - 60 * HOUR
    yield Change(
        key="spring-20", kind="promotion", starts_at=launch, ends_at=launch + 12 * HOUR, available_at=heard, recorded_at=heard + HOUR, code="SPRING20",
        claims=("20% off everything with SPRING20", "free delivery on every order"), owner="growth", title="Spring sale, 20% off with SPRING20",
        support_briefed_at=launch + 2 * HOUR, expected_contacts=40, audience_size=40_000, control_share=0.1,
    )  # fmt: skip
    yield Change(
        key="summer-10", kind="promotion", starts_at=now + 40 * HOUR, available_at=heard, recorded_at=heard, owner="growth", title="Summer preview",
        macro="summer-preview", article="help/summer",
    )  # fmt: skip
    yield Change(
        key="app-5.2.1", kind="release", starts_at=now - 2 * HOUR, available_at=now - 2 * HOUR, recorded_at=now - 2 * HOUR, owner="mobile-core",
        title="App 5.2.1: log-in repaired", scope=Scope(products=("app",), platforms=("ios",), versions=("5.2.1",)), fixes=("app-5.2.0",),
    )  # fmt: skip
    yield Change(
        key="app-5.2.0", kind="release", starts_at=now - 4.8 * HOUR, available_at=now - 4.8 * HOUR, recorded_at=now - 4 * HOUR, owner="mobile-core",
        title="App 5.2.0", scope=Scope(products=("app",), platforms=("ios",), versions=("5.2.0",)),
    )  # fmt: skip


def _populations(now: datetime) -> Iterator[PopulationCount]:
    for step in range(8):
        at, new = now - (12 - step) * HOUR, max(0, step - 6) * 4_000
        for version, customers in (("5.1.9", 20_000 - new), ("5.2.0", new)):
            pairs = {"platform": "ios", "product": "app", "version": version}
            yield PopulationCount(at=at, slice=pairs, customers=customers)


def _conversations(workspace: str, now: datetime) -> Iterator[Contact]:
    launch = now - 30.4 * HOUR
    for at in range(24):
        moment = launch + (at + 1) * HOUR
        said = "SPRING20 does not work" if at % 2 else "Why is there no free delivery on my order?"
        answer = "Sorry, I have no information about this offer." if at % 6 == 0 else "It is repaired now."
        common: dict[str, Any] = {"workspace": workspace, "occurred_at": moment, "contact": f"x{at}", "customer": f"h{at % 10}", "ingested_at": moment + timedelta(seconds=2)}  # fmt: skip
        group: Any = {"spring-20": "control" if at % 8 == 0 else "exposed"}
        yield Contact(
            event_id=f"x{at}-1", source="desk", channel="ticket", counted=True, text=said, exposed=group, team="shop desk" if at % 3 else "",
            turns=(Turn(who="customer", text=said), Turn(who="agent", text=answer)), **common,
        )  # fmt: skip
        yield Contact(
            event_id=f"x{at}-2", source="desk", channel="ticket", event="updated", status="solved", wait_s=120.0 * (at + 1), transfers=at % 2, **common,
        )  # fmt: skip
        yield Contact(
            event_id=f"s{at}", source="survey-tool", channel="survey", kind="csat", score=1.0 + at % 5, scale_max=5.0, **(common | {"contact": f"s{at}"}),
        )  # fmt: skip


def _words(workspace: str, now: datetime) -> Iterator[Feedback]:
    said: tuple[tuple[str, Any, str, str], ...] = (("sp-sale", "confirm", "", "mia@growth"), ("sp-twice", "reject", "", "ops"), ("sp-login", "own", "", "jo@mobile"), ("sp-login", "confirm", "app-5.2.0", "jo@mobile"))  # fmt: skip
    for at, (spike, verdict, cause, who) in enumerate(said):
        yield Feedback(
            event_id=f"f{at}", workspace=workspace, occurred_at=now - HOUR + timedelta(minutes=at), source="page", spike=spike, verdict=verdict, cause=cause, who=who,
        )  # fmt: skip
