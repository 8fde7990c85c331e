"""What two runs of Whence have written, compared record by record and row by row."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from msgspec import Struct

from schemas.broker import Broker
from schemas.catalog import BY_NAME, Topic
from schemas.codec import decode
from sinks.tables import VIEWS
from streams.reader import Delivery, Place, Reader
from streams.topics import partition_counts
from tests.clickhouse_server import ClickHouseServer
from tests.pipeline import WRITTEN, Key, key_of

PATIENCE_S = 240.0
CLOCKS = frozenset({"landed_at"})  # when a row was stored: no two runs agree on it
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
    """Every view of two databases, by whole rows but for the time at which each was stored."""

    def count(sql: str) -> int:
        return int(client.query(sql).result_rows[0][0])

    for view in VIEWS:
        names = ", ".join(f"`{column.name}`" for column in view.columns if column.name not in CLOCKS)
        one, other = f"SELECT {names} FROM {wanted}.{view.name}", f"SELECT {names} FROM {found}.{view.name}"
        yield Compared(
            name=view.name,
            wanted=count(f"SELECT count() FROM ({one})"),
            missing=count(f"SELECT count() FROM ({one} EXCEPT ALL {other})"),
            extra=count(f"SELECT count() FROM ({other} EXCEPT ALL {one})"),
            different=0,
        )


def await_views(store: ClickHouseServer, wanted: str, found: str, *, filled: Collection[str] = ()) -> list[Compared]:
    """Compare until the sinks have caught up, or patience ends; where both still write, views named ``filled`` are waited
    for until they hold something."""
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=store.port, username=store.user, password=store.password
    )
    deadline = time.monotonic() + PATIENCE_S
    views = list(compared_views(client, wanted, found))
    while not all(one.same and (one.wanted or one.name not in filled) for one in views) and time.monotonic() < deadline:
        time.sleep(2.0)
        views = list(compared_views(client, wanted, found))
    client.close()
    return views
