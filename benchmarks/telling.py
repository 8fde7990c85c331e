"""Stories told to real processes on Apache Kafka, in peace or while things are killed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from benchmarks.comparing import Held, held_on
from schemas.broker import Broker
from schemas.catalog import EXPECTATIONS, FRAMES, RAW_TOPICS
from schemas.errors import RetryableError
from schemas.workspace import Workspace
from sources.marks import Mark, Sent
from sources.readers import Follow, Readers
from streams.topics import ensure_topics
from tests.clickhouse_server import ClickHouseServer
from tests.pipeline import Sender
from tests.processes import Processes, Slot
from tools.kafka.run import Node

ADMIT, FIRST, SECOND, SINK = Slot("admit"), Slot("agents", 0), Slot("agents", 1), Slot("sink")
CHUNK = 1_000
PATIENCE_S = 300.0
MOMENTS_S = 120.0
FOLLOWED = (
    Follow(group="whence-admit", topics=tuple(topic.name for topic in RAW_TOPICS), ahead=300),
    Follow(group="whence-agents", topics=(FRAMES.name, EXPECTATIONS.name), ahead=300),
)

Say = Callable[[str], None]


class Plan(Struct, frozen=True, kw_only=True):
    """What happens when so many chunks have been sent: kills by chunk, the broker's restart, the store's absence."""

    kills: dict[int, tuple[Slot, ...]] = {}
    by_own_hand: dict[Slot, tuple[str, ...]] = {}
    broker_at: int = -1
    store_away_at: int = -1
    store_back_at: int = -1


class Telling:
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
        """Send everything no faster than admit and agents follow, with what the plan says in between."""
        for slot in (ADMIT, FIRST, SECOND, SINK):
            self.processes.start(slot, *plan.by_own_hand.get(slot, ()))
        sender, readers = Sender(self.broker), Readers(self.broker, FOLLOWED)
        for number, start in enumerate(range(0, len(items), CHUNK)):
            sender.send(items[start : start + CHUNK])
            self._suffer(number, plan)
            self._let_follow(readers)
        readers.close()
        self._await_moments(plan)

    def _let_follow(self, readers: Readers) -> None:
        """Wait until nobody is more than a few chunks behind; tend to the dead meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        self.processes.tend()
        while _behind(readers) and time.monotonic() < deadline:
            self.processes.tend()
            time.sleep(0.2)

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
        """Give those that have not died as planned a little longer."""
        deadline = time.monotonic() + MOMENTS_S
        while any(map(self.processes.pending, plan.by_own_hand)) and time.monotonic() < deadline:
            self.processes.tend()
            time.sleep(0.5)
        for slot in plan.by_own_hand:
            if self.processes.pending(slot):
                self.say(f"{slot.part} {slot.number} has not lived to see all its moments")

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


def _behind(readers: Readers) -> bool:
    try:
        return readers.behind() is not None
    except RetryableError:
        return True


@contextmanager
def telling(
    folder: Path, store: ClickHouseServer, workspaces: Sequence[Workspace], name: str, say: Say
) -> Iterator[Telling]:
    """A telling that is closed at the end of the block."""
    one = Telling(folder, store, workspaces, name, say)
    try:
        yield one
    except BaseException as error:
        one.close(error)
        raise
    else:
        one.close()
