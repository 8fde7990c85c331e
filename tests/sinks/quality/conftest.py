"""A small company's five weeks, as it would have landed, into which tests plant faults."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace

from schemas import catalog
from schemas.attribution import Attribution, Impact
from schemas.codec import encode
from schemas.contact import Contact
from schemas.frame import Frame, Signs
from schemas.spike import Spike
from schemas.timeline import Change, TimelineEntry
from schemas.workspace import Workspace
from sinks.insert import insert_contacts, insert_rows
from sinks.quality.checkpoint import Checkpoint
from sinks.quality.landed import Window, window_of
from sinks.quality.settings import QualitySettings
from sinks.rows import Row, rows
from sinks.store import StoreSettings, connect
from sinks.tables import TABLE
from tests.sinks.examples import examples

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORDS = [
    "app",
    "crash",
    "login",
    "payment",
    "refund",
    "screen",
    "button",
    "update",
    "order",
    "delivery",
    "late",
    "broken",
    "help",
    "card",
]


class Company:
    """Contacts, the frames that counted them, and what was concluded; ``window`` is what the checks look at."""

    def __init__(self, name: str) -> None:
        self.workspace = Workspace(name=name, bucket_s=3600)
        self.window: Window = window_of(self.workspace, NOW, QualitySettings())
        self.contacts = [one for back in range(1, 24 * 35) for one in _hour(name, back)]
        self.signs = Signs()
        self.counted: Callable[[Contact], int] = lambda one: int(one.channel != "survey")
        self.change = Change(
            key="r1", kind="release", starts_at=NOW - 9 * HOUR, ends_at=NOW, available_at=NOW - 9 * HOUR, recorded_at=NOW - 9 * HOUR
        )  # fmt: skip
        self.entry = TimelineEntry(workspace=name, origin="releases/0", seq=1, inputs=("releases/0",), until=NOW, event_id="x", change=self.change)  # fmt: skip
        (spike, attribution, impact) = (
            examples(topic)[0] for topic in (catalog.SPIKES, catalog.ATTRIBUTIONS, catalog.IMPACTS)
        )
        assert isinstance(spike, Spike)
        assert isinstance(attribution, Attribution)
        assert isinstance(impact, Impact)
        times = {"workspace": name, "as_of": NOW - HOUR}
        self.spike = replace(spike, **times, spike_id="s1", onset=NOW - 3 * HOUR, end=None)
        known = tuple(replace(one, key="r1" if one.key else "") for one in attribution.candidates)
        self.attribution = replace(attribution, **times, spike_id="s1", candidates=known)
        self.impact = replace(impact, **times, impact_id="i1", spikes=("s1",), first=NOW - 3 * HOUR, last=NOW - HOUR)

    def in_window(self, one: Contact) -> bool:
        return self.window.start <= one.occurred_at < self.window.end

    def change_window(self, change: Callable[[Contact, int], Contact | None]) -> None:
        """Change, or leave out, the contacts of the window; each is given with its number."""
        before = [one for one in self.contacts if not self.in_window(one)]
        within = [one for one in self.contacts if self.in_window(one)]
        changed = (change(one, number) for number, one in enumerate(within))
        self.contacts = before + [one for one in changed if one is not None]

    def frames(self) -> list[Frame]:
        """One frame per bucket."""
        buckets: dict[datetime, dict[tuple[str, ...], int]] = defaultdict(lambda: defaultdict(int))
        for one in self.contacts:
            if count := self.counted(one):
                leaf = tuple(str(getattr(one, name)) for name in self.workspace.dimensions)
                buckets[one.occurred_at.replace(minute=0, second=0, microsecond=0)][leaf] += count
        return [
            Frame(
                workspace=self.workspace.name, origin="tickets/0", seq=number, stream="contacts", inputs=("tickets/0",),
                bucket_start=start, bucket_s=3600, until=start + HOUR, dimensions=self.workspace.dimensions,
                leaves=tuple(leaves), counts=tuple(leaves.values()),
                signs=self.signs if start >= self.window.start else Signs(),
            )
            for number, (start, leaves) in enumerate(sorted(buckets.items()), start=1)
        ]  # fmt: skip

    def land(self, client: Client, store: StoreSettings) -> None:
        """Put everything into the store."""
        insert_contacts(client, store, [encode(one) for one in self.contacts])
        by_table: dict[str, list[Row]] = defaultdict(list)
        for topic, records in (
            (catalog.FRAMES, self.frames()),
            (catalog.TIMELINE, [self.entry]),
            (catalog.SPIKES, [self.spike]),
            (catalog.ATTRIBUTIONS, [self.attribution]),
            (catalog.IMPACTS, [self.impact]),
        ):
            for record in records:
                for table, row in rows(topic, record, 1):
                    by_table[table].append(row)
        for table, found in by_table.items():
            insert_rows(client, store, TABLE[table], found)


def _hour(workspace: str, back: int) -> list[Contact]:
    """The contacts of one hour: three to seven tickets, and a survey about the first."""
    rng = random.Random(back)
    start = NOW - back * HOUR
    made = []
    for number in range(rng.randrange(3, 8)):
        at = start + timedelta(seconds=rng.randrange(3600))
        survey = number == 1
        made.append(
            Contact(
                workspace=workspace, source="desk", event_id=f"{back}-{number}", contact=f"{back}-{number}",
                occurred_at=at, ingested_at=at + timedelta(seconds=2), customer=f"{rng.getrandbits(64):016x}",
                channel="survey" if survey else "ticket", product="app", platform=rng.choice(("ios", "android")),
                version="5.1", topic=rng.choice(("login", "payment", "delivery")), language=rng.choice(("en", "en", "de")),
                text=" ".join(rng.choices(WORDS, k=rng.randrange(6, 20))), counted=not survey,
                score=7.0 if survey else None, scale_max=10.0 if survey else None, about=f"{back}-0" if survey else "",
            )
        )  # fmt: skip
    return made


@pytest.fixture
def company(workspace: str) -> Company:
    return Company(workspace)


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    return Checkpoint()


@pytest.fixture
def embedded(embedded_store: StoreSettings) -> Client:
    return connect(embedded_store)
