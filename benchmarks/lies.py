"""Gaps and lies: does anybody claim customers where there are none? Detect, attribute and alert end to end.

    python -m benchmarks.lies [--runs 3] [--lie NAME] [--json]

Five weeks of hour buckets (three of minute buckets where NAME ends in "minutes") over platform, topic and language, seasonal,
contacts with texts and customers; one lie in the last week, and beside them true spikes, which must not be taken for
lies. Told per run: spikes opened after the lie began (chance alone would open one in five runs), those whose final
first cause is ``measurement``, those that carry a hint, and the largest probability that any other cause got, an unrelated
release of the same day among them. Seeded.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.attribution import Attribution
from schemas.frame import Frame, Sample, Signs
from schemas.spike import Expectation, Spike
from schemas.timeline import Change, TimelineEntry
from schemas.workspace import Dimension, Workspace
from streams.chain import Chain

Ints = NDArray[np.int64]
START = datetime(2024, 3, 4, tzinfo=UTC)
DIMENSIONS: tuple[Dimension, ...] = ("language", "platform", "topic")
LEAVES = tuple(product(("de", "en", "fr"), ("android", "ios", "web"), ("bill", "delivery", "login", "other", "refund")))
LIES = (
    "none",
    "gap of two hours",
    "gap of ten days",
    "dump, minutes",
    "one customer",
    "doubled",
    "clock ahead",
    "clock behind",
    "renamed",
    "true everywhere",
    "true slice",
    "true burst, minutes",
)
WORDS = [
    "app",
    "account",
    "payment",
    "error",
    "page",
    "order",
    "help",
    "screen",
    "refund",
    "password",
    "card",
    "button",
    "link",
    "phone",
    "mail",
]


@dataclass(slots=True)
class Story:
    """Contacts per bucket and leaf, of which ``copied`` are copies, and those of one customer."""

    counts: Ints
    copied: Ints
    single: Ints
    bucket_s: int
    begin: int


def told(lie: str, seed: int) -> Story:
    """A stream with one lie, or one true spike, in it."""
    random = np.random.default_rng((seed, LIES.index(lie)))
    bucket_s = 60 if lie.endswith("minutes") else 3_600
    per_hour = 3_600 // bucket_s
    hours = 24 * 7 * (3 if bucket_s == 60 else 5)
    begin = (hours - 24 * 5 + 9) * per_hour
    mean = _mean(hours, per_hour, random)
    if lie.startswith("clock"):
        mean[begin:] = np.roll(mean, per_hour if lie == "clock ahead" else -per_hour, axis=0)[begin:]
    counts = random.poisson(mean)
    none = np.zeros_like(counts)
    story = Story(counts, none.copy(), none.copy(), bucket_s, begin)
    _spoil(story, lie, per_hour, mean, random)
    return story


def _mean(hours: int, per_hour: int, random: np.random.Generator) -> NDArray[np.float64]:
    at = np.arange(hours * per_hour) / per_hour
    shape = np.exp(0.9 * np.sin((at % 24 - 9) / 24 * 2 * np.pi)) * np.where(at // 24 % 7 >= 5, 0.6, 1.0)
    return np.asarray(60.0 / per_hour * shape[:, None] * random.dirichlet(np.full(len(LEAVES), 3.0)))


def _spoil(story: Story, lie: str, per_hour: int, mean: NDArray[np.float64], random: np.random.Generator) -> None:
    begin, counts = story.begin, story.counts
    if lie == "gap of two hours":
        counts[begin : begin + 2] = 0
    elif lie == "gap of ten days":
        story.begin = begin = begin - 24 * 8
        counts[begin : begin + 240] = 0
    elif lie == "dump, minutes":
        counts[begin] += random.poisson(mean[begin - 24 * per_hour : begin].sum(axis=0) / 2)
    elif lie == "one customer":
        story.single[begin : begin + 3, 4] = random.multinomial(500, [1 / 3] * 3)
        counts += story.single
    elif lie == "doubled":
        story.copied[begin:] = counts[begin:]
        counts[begin:] *= 2
    elif lie == "renamed":
        for leaf, (language, platform, topic) in enumerate(LEAVES):
            if topic == "delivery":
                counts[begin:, LEAVES.index((language, platform, "refund"))] += counts[begin:, leaf]
                counts[begin:, leaf] = 0
    elif lie == "true everywhere":
        counts[begin : begin + 24] += random.poisson(mean[begin : begin + 24])
    elif lie == "true slice":
        here = [leaf for leaf, values in enumerate(LEAVES) if values[1:] == ("ios", "login")]
        counts[begin : begin + 24, here] += random.poisson(4.0 * mean[begin : begin + 24, here])
    elif lie == "true burst, minutes":
        counts[begin : begin + 10, 7] += random.poisson(4.0, 10)


def frames(story: Story, seed: int) -> Iterator[Frame]:
    """What admit would write of it, from one partition."""
    random = np.random.default_rng((seed, 5))
    width = timedelta(seconds=story.bucket_s)
    for step, counts in enumerate(story.counts):
        start, last = START + step * width, step == len(story.counts) - 1
        seen = np.flatnonzero(counts)
        samples = [one for place, leaf in enumerate(seen) for one in _samples(story, step, place, int(leaf), random)]
        yield Frame(
            workspace="lies",
            origin="tickets/0",
            seq=step + 1,
            stream="contacts",
            inputs=("tickets/0",),
            bucket_start=start,
            bucket_s=story.bucket_s,
            until=start + width,
            final=last,
            dimensions=DIMENSIONS,
            leaves=tuple(LEAVES[leaf] for leaf in seen),
            counts=tuple(int(counts[leaf]) for leaf in seen),
            samples=tuple(samples),
            signs=Signs(top_customer=max(int(story.single[step].max()), min(int(counts.sum()), 1))),
        )


def surroundings(story: Story) -> list[Frame | TimelineEntry]:
    """Surveys that say nothing, and one release on the lie's day with notes that have nothing to do with it."""
    width = timedelta(seconds=story.bucket_s)
    end, at = START + len(story.counts) * width, START + story.begin * width
    release = Change(
        key="app-7.4",
        kind="release",
        starts_at=at,
        precision="day",
        available_at=at,
        recorded_at=at,
        title="App 7.4",
        text="New map view; faster start; bug fixes and improvements",
        owner="app",
    )
    quiet = Frame(
        workspace="lies",
        origin="surveys/0",
        seq=1,
        stream="low_scores",
        inputs=("surveys/0",),
        bucket_start=end,
        bucket_s=story.bucket_s,
        until=end,
        final=True,
    )
    entry = TimelineEntry(
        workspace="lies", origin="releases/0", seq=1, inputs=("releases/0",), until=START, change=release
    )
    return [quiet, entry, replace(entry, seq=2, until=end, final=True, change=None)]


def _samples(story: Story, step: int, place: int, leaf: int, random: np.random.Generator) -> Iterator[Sample]:
    many = int(story.counts[step, leaf])
    copies, single = int(story.copied[step, leaf]), int(story.single[step, leaf])
    texts: list[tuple[str, str]] = []
    for number in range(many):
        if number < single:
            texts.append(("loud", "please answer me now"))
        elif number >= many - copies and texts:
            texts.append(texts[number - (many - copies)])
        else:
            words = " ".join(random.choice(WORDS, 5))
            texts.append((f"c{random.integers(1 << 40):x}", f"{LEAVES[leaf][2]} {words}"))
    for number in random.permutation(many)[:20].tolist():
        rank = int(random.integers(1 << 60))
        yield Sample(
            rank=rank,
            event_id=f"e{rank:x}",
            leaf=place,
            occurred_at=START + step * timedelta(seconds=story.bucket_s),
            customer=texts[number][0],
            text=texts[number][1],
        )


def measure(lie: str, *, runs: int) -> dict[str, object]:
    """All runs of one lie."""
    opened, lies, hinted, gaps = 0, 0, 0, 0
    others: list[float] = []
    kinds: set[str] = set()
    for seed in range(runs):
        story = told(lie, seed)
        workspace = Workspace(
            name="lies", bucket_s=story.bucket_s, progress="input", dimensions=DIMENSIONS, budget_per_week=0.2
        )
        chain = Chain(workspace)
        records = (*surroundings(story), *frames(story, seed))
        written = [record for one in records for _, record in chain.feed(one)]
        from_here = START + (story.begin - 3_600 // story.bucket_s) * timedelta(seconds=story.bucket_s)
        last = {one.spike_id: one for one in written if isinstance(one, Spike) and one.opened_at > from_here}
        causes = {one.spike_id: one.candidates for one in written if isinstance(one, Attribution)}
        gaps += sum(one.gap for one in written if isinstance(one, Expectation))
        for name, spike in last.items():
            if spike.state == "merged":
                continue
            opened += 1
            hinted += bool(spike.hints)
            kinds |= {hint.kind for hint in spike.hints}
            lies += name in causes and causes[name][0].kind == "measurement"
            others.extend(one.probability for one in causes.get(name, ()) if one.kind != "measurement")
    return {
        "lie": lie,
        "runs": runs,
        "spikes": opened,
        "measurement": lies,
        "hinted": hinted,
        "hints": sorted(kinds),
        "buckets_in_gaps": gaps,
        "largest_other": round(max(others, default=0.0), 2),
    }


def main() -> None:
    """Measure the lies asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--lie", default="")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for lie in LIES:
        if args.lie in lie:
            row = measure(lie, runs=args.runs)
            print(json.dumps(row) if args.json else "  ".join(f"{k} {v}" for k, v in row.items()), flush=True)


if __name__ == "__main__":
    main()
