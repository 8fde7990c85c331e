"""One story, one spike: how often do made-up courses of events come out as as many spikes as there were events?

    python -m benchmarks.lifecycle [--runs 3] [--sweep] [--course NAME] [--json]

Five weeks of hour buckets over platform and topic, seasonal, over-dispersed; in the last ten days one course of events: a
spike that fades, a burst on one that goes on, a second step, one that comes back, two apart, two at once, one whose parts
differ, a new one on a fading one, one after another, one or two inside a mild creep. Right: as many spikes told (merged ones left out) as there were events. With
``--sweep`` the settings that decide it are varied one at a time; those in use were chosen by it. Seeded.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from benchmarks.buckets import buckets_of
from schemas.workspace import Dimension, Workspace
from streams.detect import place
from streams.detect.detector import Detector
from streams.detect.settings import DetectSettings

Floats = NDArray[np.float64]
START = datetime(2024, 3, 4, tzinfo=UTC)
HOURS = 35 * 24
BEGIN = 26 * 24 + 9
SLACK = 6
DIMENSIONS: tuple[Dimension, ...] = ("platform", "topic")
LEAVES = tuple(product(("android", "ios", "web"), ("bill", "delivery", "login", "order", "refund")))
SETTINGS = DetectSettings(shares=(("contacts", 1.0), ("low_scores", 1.0)))
TOPICS = {topic: [n for n, leaf in enumerate(LEAVES) if leaf[1] == topic] for _, topic in LEAVES}
IOS = [n for n, leaf in enumerate(LEAVES) if leaf[0] == "ios"]
Course = Callable[[Floats], int]


def _raise(times: Floats, leaves: list[int], begin: int, hours: int, by: float | Floats) -> None:
    span = slice(BEGIN + begin, BEGIN + begin + hours)
    times[span, leaves] *= np.reshape(by, (-1, 1)) if isinstance(by, np.ndarray) else by


def fading(times: Floats) -> int:
    """Five times as many, fading over six days."""
    _raise(times, TOPICS["login"], 0, 144, 1 + 4 * np.exp(-np.arange(144) / 36))
    return 1


def burst_on_top(times: Floats) -> int:
    """Twice for six days, and on the fourth for five hours ten times that."""
    _raise(times, TOPICS["login"], 0, 144, 2.0)
    _raise(times, TOPICS["login"], 80, 5, 10.0)
    return 2


def second_step(times: Floats) -> int:
    """Twice for a day, then four times for a day: it got worse."""
    _raise(times, TOPICS["bill"], 0, 48, 2.0)
    _raise(times, TOPICS["bill"], 24, 24, 2.0)
    return 1


def comes_back(times: Floats) -> int:
    """Twelve hours, ten hours of quiet, twelve hours."""
    _raise(times, IOS, 0, 12, 2.5)
    _raise(times, IOS, 22, 12, 2.5)
    return 1


def apart(times: Floats) -> int:
    """Twelve hours, and twelve again four days later."""
    _raise(times, IOS, 0, 12, 2.5)
    _raise(times, IOS, 108, 12, 2.5)
    return 2


def at_once(times: Floats) -> int:
    """A platform and a topic at the same time."""
    _raise(times, IOS, 0, 24, 2.0)
    _raise(times, TOPICS["bill"], 0, 24, 2.5)
    return 2


def uneven(times: Floats) -> int:
    """Everywhere for a day, its topics between 1.3 and 2.2 times as many."""
    for leaves, by in zip(TOPICS.values(), (1.7, 1.3, 2.2, 1.5, 1.9), strict=True):
        _raise(times, leaves, 0, 24, float(by))
    return 1


def new_on_fading(times: Floats) -> int:
    """A topic fades over four days; on the third everything is twice as many for a day."""
    _raise(times, TOPICS["login"], 0, 96, 1 + 3 * np.exp(-np.arange(96) / 24))
    _raise(times, list(range(len(LEAVES))), 56, 24, 2.0)
    return 2


def in_turn(times: Floats) -> int:
    """A topic for a day, another for the next."""
    _raise(times, TOPICS["bill"], 0, 24, 2.5)
    _raise(times, TOPICS["order"], 24, 24, 2.5)
    return 2


def burst_in_creep(times: Floats) -> int:
    """Everything a quarter more for six days; on the fourth a topic of one platform is four times as many for six hours."""
    _raise(times, list(range(len(LEAVES))), 0, 144, 1.25)
    _raise(times, [n for n in IOS if n in TOPICS["bill"]], 80, 6, 4.0)
    return 2


def two_in_creep(times: Floats) -> int:
    """Everything a quarter more for six days; on the fourth a topic is three times as many for six hours, and so is another on the fifth."""
    _raise(times, list(range(len(LEAVES))), 0, 144, 1.25)
    _raise(times, TOPICS["bill"], 80, 6, 3.0)
    _raise(times, TOPICS["login"], 104, 6, 3.0)
    return 3


COURSES: tuple[Course, ...] = (
    fading,
    burst_on_top,
    second_step,
    comes_back,
    apart,
    at_once,
    uneven,
    new_on_fading,
    in_turn,
    burst_in_creep,
    two_in_creep,
)


def told(course: Course, seed: int, settings: DetectSettings) -> tuple[int, int]:
    """Events there were, and spikes told of them."""
    random = np.random.default_rng((seed, COURSES.index(course)))
    at = np.arange(HOURS)
    shape = np.exp(0.7 * np.sin((at % 24 - 9) / 24 * 2 * np.pi)) * np.where(at // 24 % 7 >= 5, 0.6, 1.0)
    times = np.ones((HOURS, len(LEAVES)))
    events = course(times)
    last = int(np.flatnonzero((times != 1.0).any(axis=1))[-1])
    mean = 60.0 * shape[:, None] * random.dirichlet(np.full(len(LEAVES), 4.0)) * times
    counts = random.poisson(random.gamma(mean / 0.3) * 0.3)
    workspace = Workspace(name="course", bucket_s=3600, dimensions=DIMENSIONS, budget_per_week=0.2)
    detector = Detector(workspace, "contacts", settings)
    names, merged = set(), set()
    buckets = buckets_of(counts, LEAVES, dimensions=DIMENSIONS, start=START, bucket_s=3_600)
    for hour, bucket in enumerate(buckets):
        for spike in detector.judge(bucket).spikes:
            if spike.opened_at > START + timedelta(hours=BEGIN) and BEGIN <= hour <= last + SLACK:
                names.add(spike.spike_id)
                if spike.state == "merged":
                    merged.add(spike.spike_id)
    return events, len(names - merged)


def measure(courses: list[Course], runs: int, settings: DetectSettings) -> dict[str, object]:
    """Share of runs that came out right, per course and over all."""
    row: dict[str, object] = {}
    right = 0
    for course in courses:
        found = [told(course, seed, settings) for seed in range(runs)]
        right += sum(events == spikes for events, spikes in found)
        row[course.__name__] = f"{found[0][0]}: {' '.join(str(spikes) for _, spikes in found)}"
    return {"right": round(right / runs / len(courses), 3), **row}


def main() -> None:
    """Measure the courses asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--course", default="")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    courses = [course for course in COURSES if args.course in course.__name__]
    tried: list[tuple[str, DetectSettings, float]] = [("as set", SETTINGS, place.MOSTLY)]
    if args.sweep:
        tried += [(f"burst_times {x}", replace(SETTINGS, burst_times=x), place.MOSTLY) for x in (2.0, 8.0)]
        tried += [(f"rival {x}", replace(SETTINGS, rival=x), place.MOSTLY) for x in (0.1, 0.5, 1.0)]
        tried += [(f"faded {x}", replace(SETTINGS, faded=x), place.MOSTLY) for x in (0.15, 0.5)]
        tried += [(f"mostly {x}", SETTINGS, x) for x in (0.2, 0.6)]
    for name, settings, mostly in tried:
        place.MOSTLY = mostly
        row = {"settings": name, **measure(courses, args.runs, settings)}
        print(json.dumps(row) if args.json else "  ".join(f"{k} {v}" for k, v in row.items()), flush=True)


if __name__ == "__main__":
    main()
