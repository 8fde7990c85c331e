"""How fast contacts land in the store and how long questions take: ``python benchmarks/store.py --rows 5000000``.

By default into chDB in a folder of its own that is deleted afterwards; with ``--host`` and ``--port`` into a server.
A tenth of the rows is inserted twice, as after a crash.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from schemas.catalog import CONTACTS
from schemas.codec import encode
from schemas.contact import Contact
from sinks.batch import Batch, store
from sinks.letters import Message
from sinks.migrate import migrate
from sinks.store import StoreSettings, connect

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = [
    "the",
    "app",
    "crashes",
    "when",
    "i",
    "try",
    "to",
    "log",
    "in",
    "after",
    "update",
    "please",
    "help",
    "refund",
    "card",
    "payment",
    "screen",
    "black",
    "button",
]
QUESTIONS = {
    "count without doubles": "SELECT count() FROM contacts_all",
    "by minute, one hour": "SELECT toStartOfMinute(occurred_at) AS at, count() FROM contacts_now WHERE workspace = 'bench' AND occurred_at >= '2026-01-01 01:00:00' AND occurred_at < '2026-01-01 02:00:00' GROUP BY at",
    "by minute, everything": "SELECT toStartOfMinute(occurred_at) AS at, count() FROM contacts_now WHERE workspace = 'bench' GROUP BY at",
    "by platform, one hour": "SELECT platform, count() FROM contacts_now WHERE workspace = 'bench' AND occurred_at >= '2026-01-01 01:00:00' AND occurred_at < '2026-01-01 02:00:00' GROUP BY platform",
    "last 50 with text": "SELECT occurred_at, platform, text FROM contacts_now WHERE workspace = 'bench' AND occurred_at >= '2026-01-01 02:00:00' AND occurred_at < '2026-01-01 02:05:00' ORDER BY occurred_at DESC LIMIT 50",
}  # fmt: skip


def contact(rng: random.Random, number: int) -> bytes:
    """One contact of about 450 bytes, 2.5 ms after the one before."""
    at = START + timedelta(microseconds=2500 * number)
    return encode(
        Contact(
            event_id=f"e{number:012d}",
            workspace="bench",
            occurred_at=at,
            ingested_at=at + timedelta(seconds=1),
            source="desk",
            contact=f"c{number:012d}",
            channel="ticket",
            customer=f"{rng.getrandbits(64):016x}",
            product="app",
            platform=rng.choice(("ios", "android", "web")),
            version=f"5.{rng.randrange(10)}",
            language="en",
            topic=rng.choice(("login", "payment", "delivery", "other")),
            text=" ".join(rng.choices(WORDS, k=30)),
            counted=True,
        )
    )


def batches(rows: int, size: int) -> Iterator[Batch]:
    """``rows`` contacts in batches, every tenth batch again at once."""
    rng = random.Random(1)
    for first in range(0, rows, size):
        messages = [Message(0, n, 0, contact(rng, n)) for n in range(first, min(first + size, rows))]
        for _ in range(2 if first // size % 10 == 9 else 1):
            yield Batch(messages={CONTACTS.name: messages}, count=len(messages))


def resident_mb() -> float:
    """Memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def insert(client: Client, settings: StoreSettings, rows: int, size: int) -> tuple[float, float, int, float]:
    """Insert; wall and CPU seconds spent in inserting, rows inserted, and the highest memory seen in MB."""
    wall = cpu = highest = 0.0
    done = 0
    with Progress() as progress:
        task = progress.add_task("inserting", total=rows)
        for batch in batches(rows, size):
            began, began_cpu = time.perf_counter(), time.process_time()
            store(client, settings, batch)
            wall, cpu = wall + time.perf_counter() - began, cpu + time.process_time() - began_cpu
            done += batch.count
            highest = max(highest, resident_mb())
            progress.update(task, completed=done)
    return wall, cpu, done, highest


def ask(client: Client, question: str) -> float:
    """The best of three times a question takes, in ms."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        client.query(question)
        times.append(time.perf_counter() - began)
    return min(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=50_000)
    parser.add_argument("--host", default="")
    parser.add_argument("--port", type=int, default=8123)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whence-bench-") as folder:
        settings = (
            StoreSettings(host=asked.host, port=asked.port, password=os.environ.get("WHENCE_STORE_PASSWORD", ""))
            if asked.host
            else StoreSettings(path=folder)
        )
        client = connect(settings)
        migrate(client)
        empty_mb = resident_mb()
        wall, cpu, done, highest = insert(client, settings, asked.rows, asked.batch)
        table = Table("measure", "value", title=f"{asked.rows:,} contacts into {'a server' if asked.host else 'chDB'}")
        table.add_row("rows inserted a second", f"{done / wall:,.0f}")
        table.add_row("rows inserted a CPU-second", f"{done / cpu:,.0f}")
        table.add_row("memory before / highest / now", f"{empty_mb:,.0f} / {highest:,.0f} / {resident_mb():,.0f} MB")
        for name, question in QUESTIONS.items():
            table.add_row(name, f"{ask(client, question):,.1f} ms")
        table.add_row("memory after the questions", f"{resident_mb():,.0f} MB")
        Console().print(table)
        client.close()


if __name__ == "__main__":
    main()
