"""Everything is killed, many times, and nothing may differ: ``make torture``.

The same stories are told twice to real processes on Apache Kafka: once in peace, once while admit, both agent
workers and the sink are killed with -9 at seeded moments, the broker is killed and started again, and ClickHouse is
away for a while. Then every topic and every view of the store is compared, record by record, by id.

``python -m benchmarks.torture --events 200000 --workspaces 8 --seed 1``
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from benchmarks.comparing import Compared, Held, await_views, compared
from benchmarks.telling import ADMIT, CHUNK, FIRST, SECOND, SINK, Plan, Say, telling
from schemas.catalog import BY_NAME
from sources.marks import Sent
from tests.clickhouse_server import ClickHouseServer
from tests.pipeline import by_steps, interleaved, merged, script, tell
from tests.processes import Slot
from tools.kafka.run import KafkaMissingError, requirements

BY_OWN_HAND: dict[Slot, tuple[str, ...]] = {
    ADMIT: ("produced:4", "before_commit:6", "rebuilt:1"),
    FIRST: ("produced:20", "rebuilding:3", "kept:3", "applied:500", "keeping:2"),
    SECOND: ("revoked:1", "produced:9", "keeping:5", "kept:1"),
    SINK: ("before_commit:5", "before_commit:9"),
}
"""Deaths between producing and committing, between inserting and committing, while state is rebuilt, in a rebalance,
while a checkpoint is being written and between writing one and committing."""


def plan(chunks: int, seed: int, *, kills_each: int, by_own_hand: dict[Slot, tuple[str, ...]] = BY_OWN_HAND) -> Plan:
    """Seeded kills of every process over the middle of the run, with the broker and the store in between."""
    rng = random.Random(seed)
    kills: dict[int, tuple[Slot, ...]] = {}
    for slot in (ADMIT, FIRST, SECOND, SINK):
        for number in range(kills_each):
            low, high = (chunks * (number + 1)) // (kills_each + 2), (chunks * (number + 2)) // (kills_each + 2)
            chunk = rng.randrange(low, max(low + 1, high))
            kills[chunk] = (*kills.get(chunk, ()), slot)
    return Plan(
        kills=kills,
        by_own_hand=by_own_hand,
        broker_at=chunks // 2,
        store_away_at=chunks // 3,
        store_back_at=chunks // 3 + max(2, chunks // 20),
    )


class Outcome(Struct, frozen=True, kw_only=True):
    """What a torture run found: ``peace`` is the undisturbed run beside the steps called directly, ``topics`` and
    ``views`` the tortured run beside the undisturbed."""

    events: int
    peace: list[Compared]
    topics: list[Compared]
    views: list[Compared]
    deaths: dict[Slot, int]
    copies_by_admit: int
    seconds: float

    @property
    def same(self) -> bool:
        """Nothing lost, nothing twice, nothing else."""
        return all(one.same for one in (*self.peace, *self.topics, *self.views)) and self.copies_by_admit == 0


def torture(
    folder: Path,
    *,
    events: int,
    workspaces: int,
    seed: int,
    kills_each: int,
    by_own_hand: dict[Slot, tuple[str, ...]],
    say: Say,
) -> Outcome:
    """Tell the stories in peace and under torture, and compare.

    Args:
        folder: For logs, the brokers' and the store's data.
        events: About so many raw events over all workspaces.
        workspaces: How many stories.
        seed: Of the stories and of the kills.
        kills_each: Kills from outside of every process, beside those by its own hand.
        by_own_hand: See :data:`BY_OWN_HAND`.
        say: Told what happens.
    """
    began = time.monotonic()
    stories = tell(workspaces, seed=seed, contacts_per_day=events / workspaces / 15.0 / 1.22)
    spaces = [story.workspace for story in stories]
    items = interleaved([script(story) for story in stories], seed)
    sent = sum(isinstance(item, Sent) for item in items)
    say(f"{sent:,} events and {len(items) - sent:,} marks of {workspaces} workspaces")
    by_the_steps = {name: Held(one) for name, one in merged(by_steps(story, 4) for story in stories).items()}
    say("told to the steps")
    store = ClickHouseServer(folder / "store").start()
    try:
        with telling(folder, store, spaces, "peace", say) as stage:
            stage.tell(items, Plan())
            wanted = stage.settle(by_the_steps)
        say(f"told in peace: {', '.join(f'{name} {len(one.records):,}' for name, one in wanted.items())}")
        with telling(folder, store, spaces, "torture", say) as stage:
            stage.tell(items, plan(len(items) // CHUNK, seed, kills_each=kills_each, by_own_hand=by_own_hand))
            found = stage.settle(wanted)
            views = await_views(store, "peace", "torture")
            deaths = dict(stage.processes.deaths)
    finally:
        store.kill()
    topics = [compared(name, wanted[name], found[name]) for name in wanted]
    peace = [compared(name, by_the_steps[name], wanted[name]) for name in wanted]
    copies = sum(one.copies for one in topics if BY_NAME[one.name].owner == "admit")
    return Outcome(
        events=sent,
        peace=peace,
        topics=topics,
        views=views,
        deaths=deaths,
        copies_by_admit=copies,
        seconds=time.monotonic() - began,
    )


def show(outcome: Outcome, console: Console) -> None:
    """Print the comparison."""
    table = Table("topic or view", "records", "missing", "extra", "different", "copies")
    for one in (*outcome.topics, *outcome.views):
        numbers = (one.wanted, one.missing, one.extra, one.different, one.copies)
        table.add_row(one.name, *(f"{number:,}" for number in numbers))
    console.print(table)
    unlike = [one.name for one in outcome.peace if not one.same]
    console.print(
        f"The undisturbed run and the steps called directly: {'differ in ' + ', '.join(unlike) if unlike else 'the same'}."
    )
    deaths = ", ".join(f"{slot.part} {slot.number}: {count}" for slot, count in sorted(outcome.deaths.items()))
    console.print(f"{outcome.events:,} events; killed with -9: {deaths}; {outcome.seconds:.0f} s")
    console.print("The same." if outcome.same else "NOT THE SAME.")


def main() -> int:
    """The full test; 0 if nothing differs."""
    parser = argparse.ArgumentParser(description="Kill everything, many times, and compare row by row.")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--workspaces", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=4, help="kills from outside, of each process")
    parser.add_argument("--keep", type=Path, help="folder for logs and data; a temporary one without it")
    asked = parser.parse_args()
    console = Console(width=100)
    try:
        requirements()
    except KafkaMissingError as error:
        console.print(str(error))
        return 2
    with tempfile.TemporaryDirectory(prefix="whence-torture-", ignore_cleanup_errors=True) as fallback:
        outcome = torture(
            asked.keep or Path(fallback),
            events=asked.events,
            workspaces=asked.workspaces,
            seed=asked.seed,
            kills_each=asked.kills,
            by_own_hand=BY_OWN_HAND,
            say=console.log,
        )
    show(outcome, console)
    return 0 if outcome.same else 1


if __name__ == "__main__":
    sys.exit(main())
