"""A small made-up week for the page's tests: four spikes with causes of four kinds, and signs of trouble."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from schemas import catalog
from schemas.attribution import Attribution, Candidate, CauseKind, Evidence, EvidenceLine, Impact, Quote, Term
from schemas.contact import Contact
from schemas.dead_letter import DeadLetter
from schemas.frame import Frame, Signs
from schemas.quality import QualityResult
from schemas.slices import parse_slice
from schemas.spike import Band, Expectation, Spike, SpikeState
from schemas.timeline import Change, TimelineEntry
from tests.dashboards.upstream import told_upstream

WORKSPACE = "acme"
BUCKET_S = 300
NOW = datetime(2026, 3, 12, 15, 40, tzinfo=UTC)
START = NOW - timedelta(days=7)
BUCKET = timedelta(seconds=BUCKET_S)
DIMENSIONS = ("channel", "product", "platform", "version")
LEAVES = (
    ("ticket", "app", "ios", "5.2.0"), ("ticket", "app", "android", "5.1.9"),
    ("chat", "shop", "web", ""), ("chat", "app", "ios", "5.1.9"),
)  # fmt: skip
BASES = (3.0, 4.0, 6.0, 2.0)


class Episode(Struct, frozen=True):
    """One spike as the story has it: the leaf hit, from and to (hours before now), and contacts per bucket on top."""

    spike_id: str
    leaf: int
    slice: str
    begin_h: float
    end_h: float
    extra: float
    state: SpikeState
    candidates: tuple[Candidate, ...]
    sentence: str


def _lines(*lines: tuple[EvidenceLine, float, str]) -> tuple[Evidence, ...]:
    return tuple(Evidence(line=line, weight=weight, sentence=sentence) for line, weight, sentence in lines)


def _candidate(
    kind: CauseKind,
    probability: float,
    excess: float,
    *,
    key: str = "",
    title: str = "",
    owner: str = "",
    evidence: tuple[Evidence, ...] = (),
) -> Candidate:
    return Candidate(
        kind=kind, key=key, title=title, owner=owner, probability=probability, excess=excess,
        excess_low=excess * 0.84, excess_high=excess * 1.17, evidence=evidence,
    )  # fmt: skip


RELEASE = _candidate(
    "release", 0.97, 231, key="app-5.2.0", title="App 5.2.0", owner="mobile-core",
    evidence=_lines(
        ("prior", -1.1, "Releases of this team cause contacts about one time in eight."),
        ("time", 2.6, "The roll-out began 12 minutes before the onset (11:04 to 11:20)."),
        ("scope", 2.2, "94% of the excess is on iOS 5.2.0; Android and older versions are as usual."),
        ("words", 1.9, "“login”, “face id” and “logged out” are 9 times as frequent as usual, and in the release notes."),
        ("dose", 0.4, "The excess grew as the roll-out went from 10% to 50%."),
    ),
)  # fmt: skip
SALE = _candidate("promotion", 0.88, 164, key="spring-20", title="Spring sale, 20% off with SPRING20", owner="growth", evidence=_lines(
    ("prior", 0.2, "Promotions cause contacts about every other time."),
    ("time", 1.4, "The mailing went out 25 minutes before the onset."),
    ("words", 2.7, "The code SPRING20 stands in 61% of these contacts, and in none before."),
    ("exposure", 0.9, "Customers in the control group write in as usual.")))  # fmt: skip
OTHER = _candidate("release", 0.02, 4, key="web-2026-10", title="Web 2026.10", owner="web", evidence=_lines(
    ("time", -0.8, "It came 9 hours before the onset."), ("scope", -2.1, "The web is as usual.")))  # fmt: skip
UNKNOWN = _candidate("unknown", 0.01, 1)

SPIKES = (
    Episode("sp-login", 0, "platform=ios, product=app, version=5.2.0", 4.6, 0, 5.2, "open", (RELEASE, OTHER, UNKNOWN),
          "Release App 5.2.0 (mobile-core) caused 231 more contacts than usual on iOS (194 to 270) since 11:04, 97% sure: they cannot log in."),
    Episode("sp-sale", 2, "channel=chat, product=shop", 30, 26.5, 5.0, "closed",
          (SALE, _candidate("unknown", 0.12, 20)), "The spring sale (growth) brought 164 more chats (138 to 192); support was not briefed, 88% sure."),
    Episode("sp-none", 1, "platform=android", 77, 73, 3.0, "closed", (_candidate("unknown", 0.81, 88), _candidate("release", 0.19, 20, key="app-5.1.9", title="App 5.1.9", owner="mobile-core")),
          "88 more contacts than usual on Android; none of the known changes explains them."),
    Episode("sp-twice", 3, "channel=chat", 120, 118.5, 6.0, "closed", (_candidate("measurement", 0.93, 70), _candidate("unknown", 0.07, 6)),
          "A back-fill sent 70 chats again; no customers behind it."),
)  # fmt: skip

QUOTES = (
    "Since the update this morning Face ID just spins and then I'm logged out. My address is <email>, please help!",
    "cannot log in anymore, app 5.2.0, iphone 14. It says session expired every time",
    "Login broken after update?? I called <phone> and nobody picks up.",
)
TERMS = (
    ("face id", 0.41, 0.02),
    ("logged out", 0.38, 0.04),
    ("login", 0.63, 0.11),
    ("update", 0.35, 0.09),
    ("session expired", 0.17, 0.01),
    ("password", 0.12, 0.1),
)
CHANGES: tuple[tuple[CauseKind, str, str, str, float], ...] = (
    ("release", "app-5.2.0", "App 5.2.0", "mobile-core", 4.8), ("release", "web-2026-10", "Web 2026.10", "web", 13),
    ("promotion", "spring-20", "Spring sale, 20% off with SPRING20", "growth", 30.4), ("policy", "returns-30", "Returns within 30 days", "legal", 52),
    ("release", "app-5.1.9", "App 5.1.9", "mobile-core", 100), ("incident", "inc-881", "Payment provider slow", "payments", 140),
)  # fmt: skip


def told(workspace: str = WORKSPACE) -> Iterator[tuple[catalog.Topic, Struct]]:
    """The whole story, in any order that the store takes."""
    chance = random.Random(5)
    yield from _counts(chance, workspace)
    for spike in SPIKES:
        yield from _spike(spike, workspace)
    for seq, change in enumerate(CHANGES, start=1):
        yield catalog.TIMELINE, _change(seq, change, workspace)
    yield from _troubles(workspace)
    yield from told_upstream(workspace, NOW)


def _hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def _counts(chance: random.Random, workspace: str) -> Iterator[tuple[catalog.Topic, Struct]]:
    buckets = (NOW - START) // BUCKET
    for seq in range(1, buckets + 1):
        start = START + (seq - 1) * BUCKET
        season = 1 + 0.75 * math.sin((start.hour + start.minute / 60 - 8) / 24 * 2 * math.pi)
        expected = [base * season for base in BASES]
        counts = [_poisson(chance, mean + _extra(leaf, start)) for leaf, mean in enumerate(expected)]
        yield catalog.FRAMES, Frame(
            workspace=workspace, origin="tickets/0", seq=seq, stream="contacts", inputs=("tickets/0",), bucket_start=start,
            bucket_s=BUCKET_S, until=start + BUCKET, dimensions=DIMENSIONS, leaves=LEAVES, counts=tuple(counts), signs=Signs(late=seq % 40 == 0),
        )  # fmt: skip
        bands = [_band("", sum(counts), sum(expected)), *(
            _band(spike.slice, counts[spike.leaf], expected[spike.leaf]) for spike in SPIKES)]  # fmt: skip
        yield catalog.EXPECTATIONS, Expectation(
            workspace=workspace, origin="contacts", seq=seq, stream="contacts", bucket_start=start, bucket_s=BUCKET_S,
            until=start + BUCKET, spike_seq=0, bands=tuple(bands),
        )  # fmt: skip


def _extra(leaf: int, start: datetime) -> float:
    return sum(
        one.extra for one in SPIKES if one.leaf == leaf and _hours_ago(one.begin_h) <= start < _hours_ago(one.end_h)
    )


def _poisson(chance: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), 1.0, -1
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def _band(slice_: str, observed: int, expected: float) -> Band:
    wide = 2 * math.sqrt(expected)
    return Band(slice=slice_, observed=observed, expected=expected, low=max(0.0, expected - wide), high=expected + wide)


def _spike(one: Episode, workspace: str) -> Iterator[tuple[catalog.Topic, Struct]]:
    onset, end = _hours_ago(one.begin_h), _hours_ago(one.end_h)
    seq = SPIKES.index(one) + 1
    top = one.candidates[0]
    common: dict[str, Any] = {
        "workspace": workspace,
        "stream": "contacts",
        "slice": parse_slice(one.slice),
        "state": one.state,
        "spike_id": one.spike_id,
    }
    yield catalog.SPIKES, Spike(
        **common, origin="contacts", seq=seq, revision=1, bucket_s=BUCKET_S, opened_at=onset + 4 * BUCKET, as_of=end, onset=onset,
        onset_low=onset - 2 * BUCKET, onset_high=onset + BUCKET, end=None if one.state == "open" else end, expected=60.0,
        observed=round(60 + top.excess), excess=top.excess, excess_low=top.excess_low, excess_high=top.excess_high,
        surprise=41.5, window_s=3600, budget_per_week=1.0,
    )  # fmt: skip
    for revision, probability in enumerate((0.55, 0.8, 1.0), start=1):
        share = top.probability * probability
        first = Candidate(
            kind=top.kind,
            key=top.key,
            title=top.title,
            owner=top.owner,
            probability=share,
            excess=top.excess,
            excess_low=top.excess_low,
            excess_high=top.excess_high,
            evidence=top.evidence,
        )
        rest = one.candidates[1:]
        yield catalog.ATTRIBUTIONS, Attribution(
            **common, origin="attribute", seq=seq * 10 + revision, revision=revision, as_of=onset + revision * 6 * BUCKET,
            final=one.state == "closed" and revision == 3, onset=onset, end=end, expected=60.0, observed=round(60 + top.excess),
            candidates=(first, *rest), sentence=one.sentence,
            terms=tuple(Term(term=term, share_now=now, share_usual=usual) for term, now, usual in TERMS) if one.leaf == 0 else (),
            quotes=tuple(Quote(event_id=f"q{at}", occurred_at=onset + at * 3 * BUCKET, text=text) for at, text in enumerate(QUOTES)) if one.leaf == 0 else (),
        )  # fmt: skip
    yield catalog.IMPACTS, Impact(
        workspace=workspace, origin="impact", seq=seq, impact_id=f"im-{one.spike_id}", revision=1, as_of=end, state="open" if one.state == "open" else "closed",
        kind=top.kind, key=top.key, title=top.title, owner=top.owner, probability=top.probability, spikes=(one.spike_id,), first=onset, last=end,
        contacts=top.excess, contacts_low=top.excess_low, contacts_high=top.excess_high, by_slice={one.slice: top.excess}, sentence=one.sentence,
    )  # fmt: skip


def _change(seq: int, change: tuple[CauseKind, str, str, str, float], workspace: str) -> TimelineEntry:
    kind, key, title, owner, hours = change
    at = _hours_ago(hours)
    return TimelineEntry(
        workspace=workspace, origin="releases/0", seq=seq, inputs=("releases/0",), until=NOW, event_id=f"c-{key}",
        change=Change(key=key, kind=kind, starts_at=at, available_at=at, recorded_at=at, title=title, owner=owner),  # type: ignore[arg-type]
    )  # fmt: skip


def _troubles(workspace: str) -> Iterator[tuple[catalog.Topic, Struct]]:
    for offset, (reason, field, value) in enumerate(
        (("bad_time", "occurred_at", "'31.02.2026'"), ("not_json", "", "'<html>…'"), ("not_json", "", "'{'"))
    ):
        yield catalog.DEAD_LETTERS, DeadLetter(
            letter_id=f"tickets/0/{offset}", stage="admit", topic="tickets", partition=0, offset=offset, at=NOW - offset * BUCKET,
            reason=reason, field=field, value=value, allowed="a time with a zone" if field else "one JSON object", workspace=workspace if field else "",  # type: ignore[arg-type]
        )  # fmt: skip
    for seq, (name, success) in enumerate((("freshness", True), ("missing_share", False), ("volume", True)), start=1):
        yield catalog.QUALITY, QualityResult(
            workspace=workspace, origin="quality", seq=seq, check_id=f"contacts.{name}", table="contacts", expectation=name, column="version" if not success else "",
            success=success, observed="38% missing" if not success else "as usual", allowed="up to 12%", window_start=NOW - timedelta(hours=1), window_end=NOW, at=NOW,
        )  # fmt: skip
    for at in range(40):
        moment = NOW - timedelta(hours=at * 0.6)
        yield catalog.CONTACTS, Contact(
            event_id=f"e{at}", workspace=workspace, occurred_at=moment, source="desk", contact=f"t{at}", channel="ticket",
            ingested_at=moment, late=at % 4 == 0, counted=at % 4 != 0, text="hello",
        )  # fmt: skip
