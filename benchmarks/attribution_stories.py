"""How often attribution is right, and how sure it says it is, on made-up companies whose truth is known.

    python -m benchmarks.attribution_stories --seeds 100-119 [--loudness 1 0.5] [--save out.csv]

Every story runs through the steps themselves: admit, detect, attribute. Of each spike that overlaps a true
one, the answer is the likeliest cause of its final revision; it is right when that is a cause of a quarter of
it or more.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from multiprocessing import Pool
from pathlib import Path
from typing import Any, NamedTuple

from schemas.attribution import NAMELESS, Attribution
from schemas.base import Sequenced
from schemas.catalog import RAW_TOPICS, TIMELINE_TOPICS
from schemas.codec import encode
from schemas.raw import PROGRESS_KEY, Progress
from sources.stories import Story, make_story
from sources.stories.story import TrueSpike
from streams.admit.settings import AdmitSettings
from streams.admit.step import RawMessage, admit, start
from streams.attribute.step import ATTRIBUTE
from streams.detect.step import DETECT

SETTINGS = AdmitSettings(customer_key=b"a benchmark's key")
MARK_EVERY = timedelta(hours=1)
TOLERANCE = timedelta(hours=2)


class Answer(NamedTuple):
    """One spike's final attribution beside the truth that makes up most of it, if any."""

    story: str
    spike: str
    slice: str
    excess: float
    true_kind: str
    true_key: str
    strength: str
    kind: str
    key: str
    probability: float
    right: bool
    decoy: bool
    true_probability: float


def admitted(story: Story) -> Iterator[Sequenced]:
    """What admit makes of a story's events: frames and timeline entries, an hour of input at a time."""
    one = dict.fromkeys((topic.name for topic in RAW_TOPICS), 1)
    states = {topic.name: start(topic, 0, one, (story.workspace,), SETTINGS) for topic in RAW_TOPICS}
    waiting: dict[str, list[RawMessage]] = {topic.name: [] for topic in RAW_TOPICS}
    offset, mark = 0, story.events[0][1].occurred_at

    def flush(until: datetime, *, final: bool) -> Iterator[Sequenced]:
        sign = encode(Progress(workspace=story.workspace.name, until=until, final=final))
        for topic in (*TIMELINE_TOPICS, *(t for t in RAW_TOPICS if t not in TIMELINE_TOPICS)):
            messages = [*waiting[topic.name], RawMessage(offset, int(until.timestamp() * 1000), PROGRESS_KEY, sign)]
            messages = [message._replace(offset=i) for i, message in enumerate(messages, start=offset)]
            waiting[topic.name] = []
            states[topic.name], out = admit(states[topic.name], messages)
            yield from out.timeline
            yield from out.frames

    for topic, event in story.events:
        while event.occurred_at >= mark + MARK_EVERY + timedelta(seconds=story.workspace.lateness_s):
            mark += MARK_EVERY
            yield from flush(mark, final=False)
            offset += 1_000_000
        waiting[topic.name].append(RawMessage(0, int(event.occurred_at.timestamp() * 1000), b"k", encode(event)))
    yield from flush(story.ends_at + timedelta(seconds=story.workspace.bucket_s), final=True)


def run(story: Story) -> list[Attribution]:
    """The final attributions of a story, in order of onset."""
    detect, attribute = DETECT.start(story.workspace), ATTRIBUTE.start(story.workspace)
    final: list[Attribution] = []
    for record in admitted(story):
        detect, found = DETECT.step(detect, record)
        for each in (record, *(output for _, output in found)):
            attribute, outputs = ATTRIBUTE.step(attribute, each)
            final.extend(out for _, out in outputs if isinstance(out, Attribution) and out.final)
    return sorted((one for one in final if one.state != "merged"), key=lambda one: (one.onset, one.spike_id))


def truths_of(found: Attribution, truth: Iterable[TrueSpike]) -> list[TrueSpike]:
    """The true spikes that a found one can be made of, the largest part first: those of its time, as far as they
    bring at least a quarter of what the largest brings, by overlap in time, and by slice: a fifth for every dimension
    that the found spike names and the true one does not, a tenth for every value that differs (a true spike's slice
    holds most of it, not all). Empty where nothing true was going on.
    """

    def part(true: TrueSpike) -> float:
        shared = (min(found.end, true.end) - max(found.onset, true.onset)).total_seconds()
        vague = 0.2 ** sum(name not in true.slice for name in found.slice)
        wrong = sum(found.slice.get(name, value) not in (value, "other") for name, value in true.slice.items())
        return 0.1**wrong * vague * true.excess * max(shared, 60.0) / max((true.end - true.onset).total_seconds(), 60.0)

    near = [true for true in truth if found.onset - TOLERANCE <= true.end and true.onset - TOLERANCE <= found.end]
    near.sort(key=part, reverse=True)
    return [true for true in near if part(true) >= 0.25 * part(near[0])]


def judge(name: str, found: Attribution, truths: list[TrueSpike]) -> Answer:
    """Whether the likeliest cause is a true one; where nothing true was going on, ``unknown`` or ``measurement``."""
    top = found.candidates[0]
    true = truths[0] if truths else None
    kind, key = (true.cause_kind, true.cause_key) if true is not None else ("none", "")
    causes = {(one.cause_kind, one.cause_key) for one in truths}
    right = (top.kind, top.key) in causes if causes else top.kind in NAMELESS
    blamed = {one.key for one in found.candidates if one is top or one.probability >= 0.5} - {key for _, key in causes}
    decoys = {decoy for one in truths for decoy in one.must_not_blame}
    meant = sum(one.probability for one in found.candidates if (one.kind, one.key) == (kind, key))
    return Answer(
        story=name, spike=found.spike_id, slice=str(found.slice), excess=round(found.observed - found.expected, 1),
        true_kind=kind, true_key=key, strength=true.strength if true is not None else "", kind=top.kind, key=top.key,
        probability=top.probability, right=right, decoy=bool(blamed & decoys), true_probability=meant,
    )  # fmt: skip


def one_story(arguments: tuple[int, float, dict[str, Any]]) -> tuple[list[Answer], int, int]:
    """Answers of one story, and how many loud true spikes it has and were found."""
    seed, loudness, more = arguments
    story = make_story(seed, loudness=loudness, **more)
    found = run(story)
    matched = [(one, truths_of(one, story.truth)) for one in found]
    loud = {true.spike_id for true in story.truth if true.strength == "loud"}
    seen = {true.spike_id for _, truths in matched for true in truths} & loud
    return [judge(f"{seed}/{loudness:g}", one, truths) for one, truths in matched], len(loud), len(seen)


def report(answers: list[Answer], loud: int, seen: int) -> None:
    """Print the figures that docs/attribution.md keeps."""
    real = [a for a in answers if a.true_kind != "none"]
    print(f"{len(answers)} spikes, {len(real)} of them true; {seen} of {loud} loud true ones found")
    print(f"right {share(a.right for a in real)} of true ones; decoys blamed {share(a.decoy for a in real)}")
    for kind in sorted({a.true_kind for a in answers}):
        mine = [a for a in answers if a.true_kind == kind]
        print(f"  {kind:12} {share(a.right for a in mine)}")
    named = [a for a in answers if a.kind not in NAMELESS]
    print(f"named causes at >= 0.8: right {share(a.right for a in named if a.probability >= 0.8)}")
    error = 0.0
    for low in (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        high = {0.0: 0.4, 0.9: 1.01}.get(low, low + 0.1)
        mine = [a for a in answers if low <= a.probability < high]
        if mine:
            said, was = sum(a.probability for a in mine) / len(mine), sum(a.right for a in mine) / len(mine)
            error += abs(said - was) * len(mine) / len(answers)
            print(f"  said {low:.1f}-{min(high, 1.0):.1f}: mean {said:.2f}, right {was:.2f} of {len(mine)}")
    print(f"expected calibration error {error:.3f}")


def share(of: Iterable[bool]) -> str:
    """A share with its counts."""
    found = list(of)
    return f"{sum(found)}/{len(found)} ({sum(found) / max(len(found), 1):.2f})"


def main() -> None:
    """Run the stories, two at a time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="100-119", help="first and last seed")
    parser.add_argument("--loudness", type=float, nargs="+", default=[1.0])
    parser.add_argument("--contacts-per-day", type=float, default=2_800.0)
    parser.add_argument("--weeks", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--save", type=Path, help="write every answer to this CSV file")
    given = parser.parse_args()
    first, last = (int(part) for part in given.seeds.split("-"))
    more = {"contacts_per_day": given.contacts_per_day, "weeks_of_history": given.weeks}
    work = [(seed, loudness, more) for seed in range(first, last + 1) for loudness in given.loudness]
    with Pool(given.processes) as pool:
        done = pool.map(one_story, work, chunksize=1)
    answers = [answer for found, _, _ in done for answer in found]
    if given.save is not None:
        with given.save.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(Answer._fields)
            writer.writerows(answers)
    report(answers, sum(loud for _, loud, _ in done), sum(seen for _, _, seen in done))


if __name__ == "__main__":
    main()
