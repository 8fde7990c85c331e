"""How long after an onset the right cause is named at 0.8, by strength and volume, with buckets of a minute.

    python -m benchmarks.attribution_delay --families judged --worlds 2 --per-hour 1000 [--jobs 2]

Effects of one and a half to four hours that add 10% to 200% of *all* contacts, on some products, regions and topics. The time is
from the effect's true onset to the moment of the first revision of any spike's attribution that names the true
change first at 0.8 or more, plus the lateness (two minutes) for which a live stream waits before it closes a bucket.
What is never said counts as not in time. Records come as each family's do: an incident's ten minutes after it was
noticed, some changes hours late; so the times are given for all, for those known by the onset, and for those known in
time at all: thirteen minutes after the onset, as a bucket waits for two. Goal: at 1,000
contacts an hour and +50% or more, half within 15 minutes. A share is that of an effect's whole length; a release begins with
few, as its version spreads, and nights are quiet. So effects that truly added half of an average hour's contacts in their
first quarter of an hour (125 at 1,000 an hour) are told apart. CPU: about 40 s a world at 1,000 an hour.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from multiprocessing import Pool

import numpy as np
from msgspec import Struct

from benchmarks.attribution_worlds import families_of
from benchmarks.worlds_run import attributed, detection
from sources.stories.worlds import World, make_world
from sources.stories.worlds.drama import Effect

SURE = 0.8
QUARTER_S, LOUD = 900.0, 0.5
IN_TIME_S = 900.0
SHARES = (0.1, 2.0)
DAYS, HISTORY_DAYS, EFFECTS = 10, 7, 9
NEVER = float("inf")


class Task(Struct, frozen=True):
    """One world to run."""

    family: str
    seed: int
    per_hour: float


class Delay(Struct, frozen=True):
    """One effect: minutes from its onset to the first spike on it and to the right cause at 0.8; infinite: never.
    ``early``: contacts that it added in its first quarter of an hour, over a quarter of an average hour's."""

    world: str
    per_hour: float
    kind: str
    share: float
    early: float
    known: bool
    in_time: bool
    found_min: float
    sure_min: float


def one_world(task: Task) -> list[Delay]:
    """The delays of one world's effects that have a recorded cause."""
    world = make_world(
        task.family, task.seed, days=DAYS, history_days=HISTORY_DAYS, effects=EFFECTS, bucket_s=60, per_hour=task.per_hour, shares=SHARES
    )  # fmt: skip
    told = list(world.records())
    said = attributed(world.workspace, told, detection(world.workspace, told))
    first_seen = {one.spike_id: one.as_of for one in reversed(said.revisions)}
    waits_s = world.workspace.lateness_s
    delays = []
    for number, effect in enumerate(world.drama.effects):
        if not effect.cause_key:
            continue
        until = effect.until + effect.fades_s
        seen = [
            (_seconds(world, first_seen[one.spike_id]), one)
            for one in said.final
            if effect.onset - 60.0 <= _seconds(world, first_seen[one.spike_id]) <= until
            and _touches(effect, one.slice, world)
        ]
        sure = [
            _seconds(world, one.as_of)
            for one in said.revisions
            if one.candidates[0].key == effect.cause_key
            and one.candidates[0].probability >= SURE
            and one.as_of.timestamp() > 0
        ]
        delays.append(
            Delay(
                world.name, task.per_hour, effect.cause_kind, effect.ratio, _early(world, number) / (task.per_hour / 4),
                _known(world, effect, 0.0), _known(world, effect, IN_TIME_S - waits_s),
                _minutes((at for at, _ in seen), effect.onset, waits_s), _minutes(sure, effect.onset, waits_s),
            )
        )  # fmt: skip
    return delays


def _minutes(moments: Iterable[float], onset: float, waits_s: float) -> float:
    first = min((at for at in moments if at > onset), default=NEVER)
    return (first - onset + waits_s) / 60.0


def _seconds(world: World, moment: object) -> float:
    return (moment - world.start).total_seconds()  # type: ignore[operator, no-any-return]


def _early(world: World, number: int) -> int:
    at = world.crowd.at[world.crowd.effect == number]
    return int((at < world.drama.effects[number].onset + QUARTER_S).sum())


def _touches(effect: Effect, pairs: dict[str, str], world: World) -> bool:
    own = {"product": effect.product, "platform": effect.platform, "region": effect.region}
    topics = {world.market.topics[place] for place in effect.topics}
    return all(pairs.get(name, value) in (value, "other") for name, value in own.items() if value) and (
        pairs.get("topic", "other") in {*topics, "other"}
    )


def _known(world: World, effect: Effect, within_s: float) -> bool:
    deed = next(one for one in world.drama.deeds if one.key == effect.cause_key)
    return deed.known is not None and deed.known <= effect.onset + within_s


def report(delays: list[Delay]) -> None:
    """Print the times by volume and strength."""
    for per_hour in sorted({one.per_hour for one in delays}):
        print(
            f"at {per_hour:.0f} contacts an hour: {sum(one.per_hour == per_hour for one in delays)} effects with a recorded cause"
        )
        for low, high in ((0.1, 0.25), (0.25, 0.5), (0.5, 1.0), (1.0, 9.0), (0.5, 9.0)):
            some = [one for one in delays if one.per_hour == per_hour and low <= one.share < high]
            if some:
                print(f"  +{low:.0%} to +{high:.0%}: {'; '.join(_told(some))}")
        loud = [one for one in delays if one.per_hour == per_hour and one.early >= LOUD]
        if loud:
            print(
                f"  +{LOUD:.0%} and more of an average hour in their first quarter of an hour: {'; '.join(_told(loud))}"
            )
        for kind in sorted({one.kind for one in delays}):
            some = [one for one in delays if one.per_hour == per_hour and one.kind == kind and one.share >= 0.5]
            if some:
                print(f"  {kind}, +50% or more: {'; '.join(_told(some))}")


def _told(some: list[Delay]) -> Iterator[str]:
    known, in_time = [one for one in some if one.known], [one for one in some if one.in_time]
    yield f"{len(some)} effects, found after {_median(one.found_min for one in some)} (median)"
    yield f"sure after {_median(one.sure_min for one in some)}, {_within(some)} within 15 minutes"
    if known:
        yield f"of {len(known)} known by the onset: {_median(one.sure_min for one in known)}, {_within(known)}"
    if in_time:
        yield f"of {len(in_time)} known in time: {_within(in_time)}"


def _median(of: Iterable[float]) -> str:
    middle = float(np.quantile(list(of), 0.5, method="higher"))
    return "never" if middle == NEVER else f"{middle:.0f} min"


def _within(some: list[Delay]) -> str:
    return f"{np.mean([one.sure_min <= 15.0 for one in some]):.2f}"


def main() -> None:
    """Run the worlds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", default=["judged"])
    parser.add_argument("--worlds", type=int, default=2, help="of each family and volume")
    parser.add_argument("--seed", type=int, default=5_000)
    parser.add_argument("--per-hour", type=float, nargs="+", default=[1_000.0])
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    tasks = [
        Task(family, options.seed + number, per_hour)
        for per_hour in options.per_hour
        for family in families_of(options.families)
        for number in range(options.worlds)
    ]
    with Pool(options.jobs) as pool:
        report([delay for delays in pool.imap(one_world, tasks) for delay in delays])


if __name__ == "__main__":
    main()
