"""A made-up fortnight-by-hand: frames, changes and spikes as the stages before would write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from schemas.frame import Frame, Sample, Signs
from schemas.spike import Expectation, Spike
from schemas.timeline import Change, Hunch, PopulationCount, Scope, TimelineEntry
from schemas.workspace import Dimension, Workspace

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIMENSIONS: tuple[Dimension, ...] = ("platform", "product")
USUAL = (
    "my parcel has not arrived yet where is it",
    "please change the address of my order",
    "how do I return a jacket that does not fit",
    "the invoice for my last order is missing",
    "I forgot my password and cannot log in",
    "can you tell me when the blue shoes are back",
)
TIMELINE_INPUTS = ("releases/0", "changes/0")
EXTRA_INPUTS = (*TIMELINE_INPUTS, "populations/0")
FRAME_INPUTS = ("tickets/0", "chats/0")


@dataclass
class World:
    """Contacts are added, then turned into records; the spike is stated, as detect would."""

    days: int = 28
    seed: int = 7
    per_hour: float = 6.0
    excess: float = 14.0
    onset: datetime = START + timedelta(days=24, hours=10)
    hours: int = 12
    texts: tuple[str, ...] = (
        "card declined at the payment form",
        "payment form says card declined",
        "the new payment form eats my card",
    )
    platform: str = ""
    changes: list[Change] = field(default_factory=list)
    signs: Signs = field(default_factory=Signs)
    customer: str = ""
    vary: bool = True
    quiet_surveys: bool = True
    told: list[tuple[datetime, PopulationCount | Hunch]] = field(default_factory=list)

    def workspace(self) -> Workspace:
        return Workspace(name="shop", bucket_s=3600, progress="input", dimensions=DIMENSIONS, sample_k=50)

    def slice(self) -> dict[str, str]:
        return {"platform": self.platform} if self.platform else {}

    def frames(self) -> list[Frame]:
        rng = np.random.default_rng(self.seed)
        frames = []
        seq = dict.fromkeys(FRAME_INPUTS, 0)
        number = 0
        for hour in range(self.days * 24):
            at = START + hour * HOUR
            during = self.onset <= at < self.onset + self.hours * HOUR
            for name in FRAME_INPUTS:
                found: dict[tuple[str, str], list[str]] = {}
                for _ in range(rng.poisson(self.per_hour / 2)):
                    leaf = (("ios", "android")[rng.integers(2)], "app")
                    found.setdefault(leaf, []).append(USUAL[rng.integers(len(USUAL))] + f" w{rng.integers(500)}")
                for _ in range(rng.poisson(self.excess / 2) if during else 0):
                    leaf = (self.platform or ("ios", "android")[rng.integers(2)], "app")
                    found.setdefault(leaf, []).append(
                        self.texts[rng.integers(len(self.texts))] + (f" w{rng.integers(500)}" if self.vary else "")
                    )
                leaves = tuple(sorted(found))
                samples = []
                for i, leaf in enumerate(leaves):
                    for text in found[leaf]:
                        number += 1
                        customer = self.customer if during and self.customer else f"c{rng.integers(10_000)}"
                        samples.append(
                            Sample(
                                rank=int(rng.integers(2**40)),
                                event_id=f"e{number}",
                                leaf=i,
                                occurred_at=at + timedelta(minutes=int(rng.integers(60))),
                                customer=customer,
                                text=text,
                            )
                        )
                seq[name] += 1
                frames.append(
                    Frame(
                        workspace="shop",
                        origin=name,
                        seq=seq[name],
                        stream="contacts",
                        inputs=FRAME_INPUTS,
                        bucket_start=at,
                        bucket_s=3600,
                        until=at + HOUR,
                        dimensions=DIMENSIONS,
                        leaves=leaves,
                        counts=tuple(len(found[leaf]) for leaf in leaves),
                        samples=tuple(sorted(samples, key=lambda s: (s.leaf, s.rank))),
                        signs=self.signs if during else Signs(),
                    )
                )
        end = START + timedelta(days=self.days)
        for name in FRAME_INPUTS:
            seq[name] += 1
            frames.append(
                Frame(
                    workspace="shop",
                    origin=name,
                    seq=seq[name],
                    stream="contacts",
                    inputs=FRAME_INPUTS,
                    bucket_start=end,
                    bucket_s=3600,
                    until=end,
                    final=True,
                )
            )
        if self.quiet_surveys:
            for seq_no, at in enumerate([START + timedelta(days=day) for day in range(self.days)] + [end], start=1):
                frames.append(
                    Frame(
                        workspace="shop",
                        origin="surveys/0",
                        seq=seq_no,
                        stream="low_scores",
                        inputs=("surveys/0",),
                        bucket_start=at,
                        bucket_s=3600,
                        until=at,
                        final=at == end,
                    )
                )
        return frames

    def timeline(self) -> list[TimelineEntry]:
        entries = []
        end = START + timedelta(days=self.days)
        names = EXTRA_INPUTS if self.told else TIMELINE_INPUTS
        for name in names:
            mine = [c for c in self.changes if (c.kind == "release") == (name == "releases/0")]
            if name == "populations/0":
                entries.extend(self.others(end))
                continue
            moments: list[tuple[datetime, Change | None]] = [(c.recorded_at, c) for c in mine]
            moments += [(START + timedelta(hours=6 * i), None) for i in range(self.days * 4)]
            moments.sort(key=lambda pair: (pair[0], pair[1].key if pair[1] else ""))
            moments.append((end, None))
            until = START
            for seq, (at, change) in enumerate(moments, start=1):
                until = at if change is None else until
                entries.append(
                    TimelineEntry(
                        workspace="shop",
                        origin=name,
                        seq=seq,
                        inputs=names,
                        until=until,
                        final=seq == len(moments),
                        change=change,
                    )
                )
        return entries

    def others(self, end: datetime) -> list[TimelineEntry]:
        """Populations and hunches, then progress to the end."""
        found = [
            TimelineEntry(
                workspace="shop",
                origin="populations/0",
                seq=seq,
                inputs=EXTRA_INPUTS,
                until=at,
                population=one if isinstance(one, PopulationCount) else None,
                hunch=one if isinstance(one, Hunch) else None,
            )
            for seq, (at, one) in enumerate(sorted(self.told, key=lambda pair: pair[0]), start=1)
        ]
        last = TimelineEntry(
            workspace="shop", origin="populations/0", seq=len(found) + 1, inputs=EXTRA_INPUTS, until=end, final=True
        )
        return [*found, last]

    def judgements(self) -> tuple[list[Spike], list[Expectation]]:
        onset = self.onset
        spikes: list[Spike] = []
        marks: list[Expectation] = []
        for hour in range(self.days * 24):
            until = START + (hour + 1) * HOUR
            since = round((until - onset) / HOUR)
            if 2 <= since <= self.hours + 3 and (since % 3 == 2 or since == self.hours + 3):
                seen = min(since, self.hours)
                over = since == self.hours + 3
                expected = self.per_hour * seen / (2 if self.platform else 1)
                excess = self.excess * seen
                spikes.append(
                    Spike(
                        workspace="shop",
                        origin="contacts",
                        seq=len(spikes) + 1,
                        spike_id="s1",
                        revision=len(spikes) + 1,
                        stream="contacts",
                        state="closed" if over else "open",
                        slice=self.slice(),
                        bucket_s=3600,
                        opened_at=onset + 2 * HOUR,
                        as_of=until,
                        onset=onset,
                        onset_low=onset - HOUR,
                        onset_high=onset + HOUR,
                        end=onset + self.hours * HOUR if over else None,
                        expected=expected,
                        observed=round(expected + excess),
                        excess=excess,
                        excess_low=0.7 * excess,
                        excess_high=1.3 * excess,
                        surprise=40.0,
                        window_s=7200,
                        budget_per_week=0.25,
                    )
                )
            marks.append(
                Expectation(
                    workspace="shop",
                    origin="contacts",
                    seq=hour + 1,
                    stream="contacts",
                    bucket_start=until - HOUR,
                    bucket_s=3600,
                    until=until,
                    spike_seq=len(spikes),
                )
            )
        for stream in ("contacts", "low_scores") if self.quiet_surveys else ("contacts",):
            last = marks[-1]
            seq, spike_seq = (len(marks) + 1, len(spikes)) if stream == "contacts" else (1, 0)
            marks.append(replace(last, origin=stream, stream=stream, seq=seq, spike_seq=spike_seq, final=True))
        return spikes, marks

    def records(self) -> list[list[Any]]:
        """Everything, one list per origin and topic, each in its own order."""
        spikes, marks = self.judgements()
        by_origin: dict[tuple[str, str], list[Any]] = {}
        for record in (*self.frames(), *self.timeline(), *spikes, *marks):
            by_origin.setdefault((type(record).__name__, record.origin), []).append(record)
        return list(by_origin.values())


def release(key: str, at: datetime, text: str, **more: Any) -> Change:
    return Change(key=key, kind="release", starts_at=at, available_at=at, recorded_at=at, title=key, text=text, **more)


def others() -> list[Change]:
    """Bystanders through the weeks, whose words are the placebos."""
    texts = (
        "faster search and new filters for shoes",
        "gift cards can be sent by mail",
        "darker colours in the catalogue",
        "accounts can be merged",
        "maps of our stores",
        "wish lists are shared with friends",
        "sizes are shown in inches",
        "new languages Danish Finnish",
    )
    return [
        release(f"app 1.{i}", START + timedelta(days=2 + 3 * i), text, scope=Scope(products=("app",)))
        for i, text in enumerate(texts[:7])
    ]


def run(stage: Any, workspace: Workspace, records: Iterable[Any]) -> list[Any]:
    """All outputs of a stage over records, in order."""
    state, outputs = stage.start(workspace), []
    for record in records:
        state, found = stage.step(state, record)
        outputs.extend(found)
    return outputs


@pytest.fixture
def world() -> Callable[..., World]:
    return World


@pytest.fixture
def make_release() -> Callable[..., Change]:
    return release


@pytest.fixture
def bystanders() -> list[Change]:
    return others()


@pytest.fixture
def run_stage() -> Callable[..., list[Any]]:
    return run
