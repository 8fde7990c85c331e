"""How much CPU attribution takes: one spike with many candidates, and a year's back-test by a shorter run.

    python -m benchmarks.attribution_speed [--candidates 50] [--samples 5000] [--changes 2000] [--days 30]

The first figure is the CPU time of one decision (median and worst of ten, words read anew each time) on a spike
of an hour with ``samples`` sampled contacts, ``candidates`` changes that could have caused it and ``changes`` known in all.
The second feeds ``days`` of frames with 10,000 contacts a day and their share of ``changes`` a year, a spike every second
day, through the step, and scales its CPU time to 365 days; detection and admit are measured elsewhere. CPU: about a minute.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec.structs import replace

from schemas.base import Sequenced
from schemas.frame import Frame, Sample, Signs
from schemas.spike import Expectation, Spike
from schemas.timeline import Change, Scope, TimelineEntry
from schemas.workspace import Dimension, Workspace
from streams.attribute.book import Book, add, visible
from streams.attribute.case import Case
from streams.attribute.census import Census
from streams.attribute.explain import Known, explain
from streams.attribute.learnt import Ledger
from streams.attribute.memory import Memory, remember
from streams.attribute.step import ATTRIBUTE
from streams.merge import Bucket

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIMENSIONS: tuple[Dimension, ...] = ("product", "platform", "topic")
LEAVES = tuple(
    (p, o, t) for p in ("app", "shop") for o in ("ios", "android", "web") for t in ("pay", "login", "parcel")
)
WORDS = tuple(
    f"{a}{b}{c}"
    for a in ("ka", "lo", "mi", "tre", "pos")
    for b in ("ra", "den", "sil", "tor")
    for c in map(str, range(50))
)


def texts(rng: np.random.Generator, count: int) -> list[str]:
    """Made-up contacts of 12 words each, the common ones common."""
    picks = (rng.pareto(1.2, (count, 12)) * 20).astype(int) % len(WORDS)
    return [" ".join(WORDS[i] for i in row) for row in picks]


def bucket(rng: np.random.Generator, at: datetime, contacts: int, samples: int) -> Bucket:
    """An hour of contacts, of which some are sampled."""
    counts = rng.multinomial(contacts, np.full(len(LEAVES), 1 / len(LEAVES)))
    places = rng.integers(len(LEAVES), size=samples)
    sampled = tuple(
        (
            LEAVES[place],
            Sample(rank=int(rng.integers(2**40)), event_id=f"{at:%d%H}-{i}", leaf=int(place), occurred_at=at, customer=f"c{i}", text=text),
        )
        for i, (place, text) in enumerate(zip(places, texts(rng, samples), strict=True))
    )  # fmt: skip
    return Bucket(
        stream="contacts",
        start=at,
        end=at + HOUR,
        dimensions=DIMENSIONS,
        counts=dict(zip(LEAVES, counts.tolist(), strict=True)),
        samples=sampled,
        signs=Signs(),
    )


def changes(rng: np.random.Generator, count: int, days: float) -> list[Change]:
    """Releases with notes of 60 words, evenly over the days."""
    found = []
    for i in range(count):
        at = START + timedelta(days=days * i / count)
        text = " ".join(WORDS[j] for j in rng.integers(len(WORDS), size=60))
        scope = Scope(products=("app",), versions=(f"1.{i}",))
        found.append(
            Change(
                key=f"app 1.{i}",
                kind="release",
                starts_at=at,
                available_at=at,
                recorded_at=at,
                title=f"app 1.{i}",
                text=text,
                scope=scope,
            )
        )
    return found


def spike(at: datetime, number: int, *, seq: int, closed: bool) -> Spike:
    """A spike of one hour on everything."""
    return Spike(
        workspace="shop", origin="contacts", seq=seq, spike_id=f"s{number}", revision=2 if closed else 1, stream="contacts",
        state="closed" if closed else "open", slice={}, bucket_s=3_600, opened_at=at, as_of=at + HOUR * (1 + closed), onset=at, onset_low=at, onset_high=at + HOUR,
        end=at + HOUR if closed else None, expected=400.0, observed=1_000, excess=600.0, excess_low=540.0, excess_high=660.0, surprise=60.0,
        window_s=3_600, budget_per_week=1.0,
    )  # fmt: skip


def one_decision(*, candidates: int, samples: int, known: int) -> list[float]:
    """CPU seconds of ten decisions on one spike."""
    rng = np.random.default_rng(1)
    memory, book, days = Memory(), Book(), 63
    onset = START + timedelta(days=days)
    for hour in range(days * 24):
        remember(memory, bucket(rng, START + hour * HOUR, 400, 60))
    # The spike spans as many hours as it takes to keep that many samples (at most 400 an hour).
    spans = -(-samples // 400)
    for hour in range(spans):
        remember(memory, bucket(rng, onset + hour * HOUR, 1_000, min(400, samples - 400 * hour)))
    for change in changes(rng, known, days - 14):
        add(book, change, before=None)
    for i in range(candidates):
        at = onset - timedelta(hours=6 * i + 1)
        text = " ".join(WORDS[j] for j in rng.integers(len(WORDS), size=60))
        add(
            book,
            Change(
                key=f"near {i}",
                kind="release",
                starts_at=at,
                available_at=at,
                recorded_at=at,
                title=f"near {i}",
                text=text,
            ),
            before=None,
        )
    end = onset + spans * HOUR
    told = spike(onset, 1, seq=1, closed=False)
    case = Case(spike=replace(told, end=end, as_of=end), opened=onset)
    spent = []
    for _ in range(10):
        case.words = None
        began = time.process_time()
        versions = visible(book, end, final=False)
        releases = [version.change for version in versions]
        explain(case, memory, Known(end, False, versions, [case], [], [], Census(), Ledger(), 0.2, 0.3, releases))
        spent.append(time.process_time() - began)
    return spent


def stream(days: int, per_year: int) -> Iterator[Sequenced]:
    """Frames, changes, spikes and marks of some days, in order of time."""
    rng = np.random.default_rng(2)
    due = changes(rng, round(per_year * days / 365), days)
    spikes = entries = 0
    for hour in range(days * 24):
        at = START + hour * HOUR
        while due and due[0].starts_at < at + HOUR:
            entries += 1
            yield TimelineEntry(
                workspace="shop", origin="releases/0", seq=entries, inputs=("releases/0",), until=at, change=due.pop(0)
            )
        entries += 1
        yield TimelineEntry(workspace="shop", origin="releases/0", seq=entries, inputs=("releases/0",), until=at + HOUR)
        made = bucket(rng, at, 417 if hour % 48 != 10 else 1_000, 20 * len(LEAVES))
        yield Frame(
            workspace="shop", origin="tickets/0", seq=hour + 1, stream="contacts", inputs=("tickets/0",), bucket_start=at, bucket_s=3_600, until=at + HOUR,
            dimensions=DIMENSIONS, leaves=LEAVES, counts=tuple(made.counts.values()), samples=tuple(sample for _, sample in made.samples),
        )  # fmt: skip
        yield Frame(
            workspace="shop",
            origin="surveys/0",
            seq=hour + 1,
            stream="low_scores",
            inputs=("surveys/0",),
            bucket_start=at,
            bucket_s=3_600,
            until=at + HOUR,
        )
        if hour % 48 in {10, 11} and hour > 14 * 24:
            spikes += 1
            yield spike(START + (hour - hour % 48 + 10) * HOUR, hour // 48, seq=spikes, closed=hour % 48 == 11)
        yield Expectation(
            workspace="shop",
            origin="contacts",
            seq=hour + 1,
            stream="contacts",
            bucket_start=at,
            bucket_s=3_600,
            until=at + HOUR,
            spike_seq=spikes,
        )


def back_test(days: int, per_year: int) -> tuple[float, int]:
    """CPU seconds of the step alone over some days, and the attributions it wrote."""
    workspace = Workspace(name="shop", bucket_s=3_600, progress="input", dimensions=DIMENSIONS)
    state, spent, written = ATTRIBUTE.start(workspace), 0.0, 0
    for record in stream(days, per_year):
        began = time.process_time()
        state, outputs = ATTRIBUTE.step(state, record)
        spent += time.process_time() - began
        written += len(outputs)
    return spent, written


def main() -> None:
    """Print both figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--samples", type=int, default=5_000)
    parser.add_argument("--changes", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=30)
    given = parser.parse_args()
    spent = one_decision(candidates=given.candidates, samples=given.samples, known=given.changes)
    print(
        f"one decision, {given.candidates} candidates of {given.changes + given.candidates} changes, {given.samples} sampled contacts: "
        f"median {1000 * statistics.median(spent):.0f} ms of CPU, worst {1000 * max(spent):.0f} ms"
    )
    for changes_known in (given.changes,):
        cpu_s, written = back_test(given.days, changes_known)
        print(
            f"{given.days} days at 10,000 contacts a day and {changes_known} changes a year: {cpu_s:.1f} s of CPU, {written} revisions; "
            f"a year about {cpu_s * 365 / given.days:.0f} s"
        )


if __name__ == "__main__":
    main()
