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
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from schemas.broker import Broker
from schemas.catalog import BY_NAME, Topic
from schemas.codec import decode
from schemas.workspace import Workspace
from sinks.tables import VIEWS
from sources.marks import Mark, Sent
from streams.reader import Delivery, Place, Reader
from streams.topics import ensure_topics, partition_counts
from tests.clickhouse_server import ClickHouseServer
from tests.pipeline import WRITTEN, Key, Sender, by_steps, interleaved, key_of, merged, script, tell
from tests.processes import Processes, Slot
from tools.kafka.run import KafkaMissingError, Node, requirements

ADMIT, FIRST, SECOND, SINK = Slot("admit"), Slot("agents", 0), Slot("agents", 1), Slot("sink")
CHUNK = 1_000
PATIENCE_S = 300.0
BY_OWN_HAND: dict[Slot, tuple[str, ...]] = {
    ADMIT: ("produced:4", "before_commit:6", "rebuilt:1"),
    FIRST: ("produced:20", "rebuilding:3"),
    SECOND: ("produced:9", "revoked:1"),
    SINK: ("before_commit:5", "before_commit:9"),
}
"""Deaths between producing and committing, between inserting and committing, while state is rebuilt, in a rebalance."""

Say = Callable[[str], None]
Records = dict[Key, Struct]


class Held(Struct):
    """What a topic held in the end: its records by id, and how many it held in all."""

    records: Records
    total: int = 0


class Compared(Struct, frozen=True):
    """One topic or view of both runs. ``copies`` are records beyond the first of an id, on the topics of the second."""

    name: str
    wanted: int
    missing: int
    extra: int
    different: int
    copies: int = 0

    @property
    def same(self) -> bool:
        """Whether the second run's content is the first's."""
        return not (self.missing or self.extra or self.different)


class Plan(Struct, frozen=True, kw_only=True):
    """What happens when so many chunks have been sent: kills by chunk, the broker's restart, the store's absence."""

    kills: dict[int, tuple[Slot, ...]] = {}
    by_own_hand: dict[Slot, tuple[str, ...]] = {}
    broker_at: int = -1
    store_away_at: int = -1
    store_back_at: int = -1
    pause_s: float = 0.0


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
        pause_s=1.0,
    )


class Stage:
    """One telling: a broker of its own, a database of its own in the store, and the four processes."""

    def __init__(
        self, folder: Path, store: ClickHouseServer, workspaces: Sequence[Workspace], name: str, say: Say
    ) -> None:
        self.name, self.say = name, say
        self.node = Node(folder / name / "kafka")
        self.store = store
        self.node.start()
        self.broker = Broker(servers=self.node.servers)
        ensure_topics(self.broker)
        self.processes = Processes(folder / name, self.node.servers, workspaces, store=store, database=name)
        self.processes.whence("migrate")

    def tell(self, items: Sequence[Sent | Mark], plan: Plan) -> None:
        """Send everything, with what the plan says in between."""
        for slot in (ADMIT, FIRST, SECOND, SINK):
            self.processes.start(slot, *plan.by_own_hand.get(slot, ()))
        sender = Sender(self.broker)
        for number, start in enumerate(range(0, len(items), CHUNK)):
            sender.send(items[start : start + CHUNK])
            self._suffer(number, plan)
            time.sleep(plan.pause_s)
            self.processes.tend()
        if plan.by_own_hand:
            self._await_moments(plan)

    def _suffer(self, number: int, plan: Plan) -> None:
        for slot in plan.kills.get(number, ()):
            self.say(f"kill -9 {slot.part} {slot.number}")
            self.processes.kill(slot)
        if number == plan.broker_at:
            self.say("the broker is killed and started again")
            self.node.kill()
            self.node.start()
        if number == plan.store_away_at:
            self.say("the store goes away")
            self.store.kill()
        if number == plan.store_back_at:
            self.say("the store is back")
            self.store.start()

    def _await_moments(self, plan: Plan) -> None:
        """Rebalances may be needed until everyone has died of what was planned."""
        deadline = time.monotonic() + PATIENCE_S
        while any(self.processes.pending(slot) for slot in plan.by_own_hand) and time.monotonic() < deadline:
            self.processes.tend()
            time.sleep(0.5)

    def settle(self, wanted: dict[str, Held]) -> dict[str, Held]:
        """Wait until the topics hold as much as is wanted and have been at rest for a while."""
        deadline = time.monotonic() + PATIENCE_S
        calm_since, before = time.monotonic(), Counter[str]()
        while time.monotonic() < deadline:
            self.processes.tend()
            held = held_on(self.broker)
            now = Counter({name: one.total for name, one in held.items()})
            if now != before:
                calm_since, before = time.monotonic(), now
            enough = all(len(held[name].records) >= len(one.records) for name, one in wanted.items())
            if enough and time.monotonic() - calm_since > 8.0:
                break
            time.sleep(1.0)
        return held

    def close(self, error: BaseException | None = None) -> None:
        """End the processes, then the broker."""
        self.processes.__exit__(type(error) if error else None, error, None)
        self.node.stop()


def held_on(broker: Broker, topics: Sequence[Topic] = WRITTEN) -> dict[str, Held]:
    """Every committed record of the topics."""
    partitions = partition_counts(broker)
    held = {topic.name: Held({}) for topic in topics}
    reader = Reader(broker)
    for item in reader.read({Place(one.name, n): 0 for one in topics for n in range(partitions[one.name])}):
        if isinstance(item, Delivery):
            record = decode(BY_NAME[item.topic].type, item.value or b"")
            held[item.topic].records[key_of(record)] = record
            held[item.topic].total += 1
    reader.close()
    return held


def compared(name: str, wanted: Held, found: Held) -> Compared:
    """Two states of a topic."""
    return Compared(
        name=name,
        wanted=len(wanted.records),
        missing=len(wanted.records.keys() - found.records.keys()),
        extra=len(found.records.keys() - wanted.records.keys()),
        different=sum(found.records.get(key, record) != record for key, record in wanted.records.items()),
        copies=found.total - len(found.records),
    )


def compared_views(client: Client, wanted: str, found: str) -> Iterator[Compared]:
    """Every view of two databases, by whole rows."""

    def count(sql: str) -> int:
        return int(client.query(sql).result_rows[0][0])

    for view in VIEWS:
        one, other = f"SELECT * FROM {wanted}.{view.name}", f"SELECT * FROM {found}.{view.name}"
        yield Compared(
            name=view.name,
            wanted=count(f"SELECT count() FROM ({one})"),
            missing=count(f"SELECT count() FROM ({one} EXCEPT ALL {other})"),
            extra=count(f"SELECT count() FROM ({other} EXCEPT ALL {one})"),
            different=0,
        )


def await_views(client: Client, wanted: str, found: str) -> list[Compared]:
    """Compare until the sink has caught up, or patience ends."""
    deadline = time.monotonic() + 60.0
    views = list(compared_views(client, wanted, found))
    while not all(one.same for one in views) and time.monotonic() < deadline:
        time.sleep(2.0)
        views = list(compared_views(client, wanted, found))
    return views


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


@contextmanager
def _stage(*arguments: object) -> Iterator[Stage]:
    stage = Stage(*arguments)  # type: ignore[arg-type]
    try:
        yield stage
    except BaseException as error:
        stage.close(error)
        raise
    else:
        stage.close()


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
        with _stage(folder, store, spaces, "peace", say) as stage:
            stage.tell(items, Plan())
            wanted = stage.settle(by_the_steps)
        say(f"told in peace: {', '.join(f'{name} {len(one.records):,}' for name, one in wanted.items())}")
        with _stage(folder, store, spaces, "torture", say) as stage:
            stage.tell(items, plan(len(items) // CHUNK, seed, kills_each=kills_each, by_own_hand=by_own_hand))
            found = stage.settle(wanted)
            with _client(store) as client:
                views = await_views(client, "peace", "torture")
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


@contextmanager
def _client(store: ClickHouseServer) -> Iterator[Client]:
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=store.port, username=store.user, password=store.password
    )
    try:
        yield client
    finally:
        client.close()


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
