"""Whom attribution blames when the true records are not there: dates shifted by weeks, changes shuffled, causes removed.

    python -m benchmarks.attribution_placebos --families judged --worlds 10 [--firefox ../shared/data/firefox]

Every placebo leaves contacts and spikes as they are and changes the records alone:

- releases: every release moved by one or two weeks, forwards or backwards; what is given to a release now is given to
  a wrong date (goal: at 0.5 or more in at most 2%, at 0.8 in at most 1%);
- shifted: changes of all kinds so, also those whose contacts may well come weeks after them (prices, policies);
- shuffled: the changes of a kind exchange their times (by more than three days), words and scopes stay;
- removed: the records of all true causes are taken out, so ``unknown`` (or ``measurement``) is right for every spike.

Of what goes to a moved change it is said how much goes to the spike's own cause, which may still lie within its lag. Then the
price of more silence: every named change's log-odds lowered by so many nats, and what that does to right answers with the
true records and to exchanged times.

On Firefox, whose releases are known to the day, releases are shifted by 17 days, and each incident is removed in turn:
``unknown`` must win for its spikes. Firefox is only looked at; nothing is fitted there. ``--cache FOLDER`` keeps
detection's output, as in ``benchmarks.attribution_worlds``. CPU: about 12 s a world, 3 minutes for Firefox.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from benchmarks.attribution_worlds import families_of
from benchmarks.worlds_admit import admitted_folder
from benchmarks.worlds_judge import Answer, judged
from benchmarks.worlds_report import Pairs
from benchmarks.worlds_run import Found, Outputs, Said, attributed, detected, detection, retold, stored
from schemas.attribution import NAMELESS
from schemas.timeline import Change
from schemas.workspace import Workspace
from sources.stories.worlds import make_world
from streams.stage import Record

Changed = Callable[[list[Change]], list[Change]]
DAY = timedelta(days=1)
FIREFOX_SHIFT = 17 * DAY
QUIETER = (0.0, 0.5, 1.0, 1.5, 2.0)


class Task(Struct, frozen=True):
    """One world to run."""

    family: str
    seed: int
    cache: Path | None


class Blame(Struct, frozen=True):
    """Of one spike under one placebo: the named cause put highest, with its probability and whether it is truly the spike's,
    and who was first. ``candidates``: of each its probability, whether it is a change, and whether it is right."""

    placebo: str
    world: str
    first: str
    named: float
    own: bool
    was_named: bool
    candidates: tuple[tuple[float, bool, bool], ...]

    def quieter(self, nats: float) -> tuple[bool, float]:
        """Whether the first answer is right, and the surest change's probability, with every change's log-odds lowered."""
        told = [
            (probability * (math.exp(-nats) if named else 1.0), named, right)
            for probability, named, right in self.candidates
        ]
        whole = sum(probability for probability, _, _ in told)
        first = max(told, key=lambda one: one[0])
        return first[2], max((probability for probability, named, _ in told if named), default=0.0) / whole


def shifted(by: timedelta, *, kinds: tuple[str, ...] = ()) -> Changed:
    """Every change (of some kinds, or of all) moved in time, its record with it."""
    return lambda changes: [moved(one, by) if not kinds or one.kind in kinds else one for one in changes]


def moved(one: Change, by: timedelta) -> Change:
    """A change with all its times moved."""
    times = {
        name: getattr(one, name) + by
        for name in ("starts_at", "ends_at", "announced_at", "planned_at", "support_briefed_at", "available_at", "recorded_at")
        if getattr(one, name) is not None
    }  # fmt: skip
    return replace(one, rollout=tuple(replace(step, at=step.at + by) for step in one.rollout), **times)


def shuffled(seed: int) -> Changed:
    """Changes of a kind exchange their times; one that would stay within three days of its own goes a week off."""

    def exchanged(changes: list[Change]) -> list[Change]:
        rng = np.random.default_rng([seed, 9])
        starts: dict[str, dict[str, datetime]] = defaultdict(dict)
        for one in changes:
            starts[one.kind][one.key] = one.starts_at
        by: dict[str, timedelta] = {}
        for old in starts.values():
            keys = list(old)
            for key, place in zip(keys, rng.permutation(len(keys)), strict=True):
                gap = old[keys[place]] - old[key]
                by[key] = gap if abs(gap) > 3 * DAY else gap + 7 * DAY
        return [moved(one, by[one.key]) for one in changes]

    return exchanged


def without(keys: set[str]) -> Changed:
    """Some changes' records taken out."""
    return lambda changes: [one for one in changes if one.key not in keys]


def one_world(task: Task) -> list[Blame]:
    """All placebos of one world."""
    world = make_world(task.family, task.seed)
    told = list(world.records())
    outputs = detected(world, told, task.cache)
    weeks = (-2, -1, 1, 2)[task.seed % 4]
    placebos: dict[str, Changed] = {
        "true": lambda changes: changes,
        "releases": shifted(weeks * 7 * DAY, kinds=("release",)),
        "shifted": shifted(weeks * 7 * DAY),
        "shuffled": shuffled(task.seed),
        "removed": without({truth.cause_key for truth in world.truth if truth.cause_key}),
    }
    said = {name: attributed(world.workspace, retold(told, changed), outputs) for name, changed in placebos.items()}
    named = {one.spike_id for one in said["true"].final if one.candidates[0].key}
    return [
        _blame(name, one, one.spike in named) for name, each in said.items() for one in judged(Found(world, each))[0]
    ]


def _blame(placebo: str, one: Answer, was_named: bool) -> Blame:
    blamed = [each for each in one.candidates if each.key and (placebo != "releases" or each.kind == "release")]
    most = max(blamed, key=lambda each: each.probability, default=None)
    told = tuple((each.probability, bool(each.key), one.is_right(each.kind, each.key)) for each in one.candidates)
    own = most is not None and one.is_right(most.kind, most.key)
    return Blame(placebo, one.world, one.top.kind, most.probability if most else 0.0, own, was_named, told)


def report(blames: list[Blame]) -> None:
    """Print the shares of spikes given to a named change, and who won."""
    for placebo in dict.fromkeys(one.placebo for one in blames):
        mine = [one for one in blames if one.placebo == placebo]
        print(f"{placebo}: {len(mine)} spikes")
        what = "release" if placebo == "releases" else "change"
        for at in (0.5, 0.8):
            own = sum(one.named >= at and one.own for one in mine)
            print(
                f"  a {what} at {at} or more: {Pairs((one.world, one.named >= at) for one in mine)}, {own} of them the spike's own cause"
            )
        if placebo == "releases":
            continue
        were = [one for one in mine if one.was_named]
        print(
            f"  nameless first: {Pairs((one.world, one.first in NAMELESS) for one in mine)}; of those named with the true records: {Pairs((one.world, one.first in NAMELESS) for one in were)}"
        )
    report_silence(
        [one for one in blames if one.placebo == "true"], [one for one in blames if one.placebo == "shuffled"]
    )


def report_silence(true: list[Blame], exchanged: list[Blame]) -> None:
    """Print what lower odds of every change would bring and cost."""
    for nats in QUIETER:
        right = [one.quieter(nats)[0] for one in true]
        sure = [one.quieter(nats)[1] >= 0.8 for one in true]
        given = [one.quieter(nats)[1] for one in exchanged]
        print(
            f"lowered by {nats} nats: {np.mean(right):.3f} of {len(true)} right, {np.mean(sure):.3f} sure; times exchanged: "
            + ", ".join(f"{np.mean([one >= at for one in given]):.3f} at {at}" for at in (0.5, 0.8))
        )


# Firefox


class Firefox(Struct, frozen=True):
    """The real data as admit wrote it, and what detection made of it."""

    workspace: Workspace
    told: list[Record]
    outputs: Outputs


def firefox(folder: Path, cache: Path | None) -> Firefox:
    """Admit and detect the folder once."""
    workspace, told = admitted_folder(folder)
    outputs = (
        detection(workspace, told)
        if cache is None
        else stored(cache / "firefox.pickle", lambda: detection(workspace, told))
    )
    return Firefox(workspace, told, outputs)


def report_firefox(folder: Path, cache: Path | None) -> None:
    """Shift all releases, and remove each incident; print who is blamed."""
    data = firefox(folder, cache)
    incidents = {row["incident_id"] for row in _rows(folder / "incidents.csv")}
    late = attributed(data.workspace, retold(data.told, shifted(FIREFOX_SHIFT, kinds=("release",))), data.outputs)
    for at in (0.5, 0.8):
        blamed = sum(any(c.kind == "release" and c.probability >= at for c in one.candidates) for one in late.final)
        print(
            f"firefox, releases shifted by {FIREFOX_SHIFT.days} days: {blamed} of {len(late.final)} spikes given to one at {at} or more"
        )
    gone = attributed(data.workspace, retold(data.told, without(incidents)), data.outputs)
    for truth in _rows(folder / "truth.csv"):
        if truth["cause_kind"] == "incident":
            _tell_removed(truth, gone)


def _tell_removed(truth: dict[str, str], gone: Said) -> None:
    low = datetime.fromisoformat(truth["onset"].replace("Z", "+00:00"))
    low = low.replace(tzinfo=low.tzinfo or gone.final[0].onset.tzinfo) - DAY
    high = datetime.fromisoformat(truth["peak_day"]).replace(tzinfo=low.tzinfo) + 3 * DAY
    near = [one for one in gone.final if one.onset < high and one.end >= low]
    if not near:
        print(f"firefox, without {truth['cause_key']}: no spike")
        return
    best = max(near, key=lambda one: one.observed - one.expected)
    top = best.candidates[0]
    named = max((c.probability for one in near for c in one.candidates if c.key), default=0.0)
    print(
        f"firefox, without {truth['cause_key']}: {top.kind} {top.key} {top.probability:.2f} is first; of {len(near)} spikes at that time the surest named cause has {named:.2f}"
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Run the placebos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="*", default=["judged"])
    parser.add_argument("--worlds", type=int, default=5, help="of each family")
    parser.add_argument("--seed", type=int, default=3_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--firefox", type=Path, help="the folder of the real data")
    options = parser.parse_args()
    tasks = [
        Task(family, options.seed + number, options.cache)
        for family in families_of(options.families)
        for number in range(options.worlds)
    ]
    if tasks:
        with Pool(options.jobs) as pool:
            report([blame for blames in pool.imap(one_world, tasks) for blame in blames])
    if options.firefox:
        report_firefox(options.firefox, options.cache)


if __name__ == "__main__":
    main()
