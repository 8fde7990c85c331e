"""How long the store keeps what, counted from when a row was stored: a replay of old data is not deleted at once."""

from __future__ import annotations

import re
from typing import Annotated

from clickhouse_connect.driver.client import Client
from msgspec import Meta, Struct

from sinks.columns import Table
from sinks.tables import TABLES

Days = Annotated[int, Meta(ge=0, le=36_500)]


class Retention(Struct, frozen=True, kw_only=True):
    """Days to keep rows, 0 for ever: ``contacts``; their ``counts`` (frames and expectations too); ``decisions``
    (changes, spikes, attributions, impacts, alerts, feedback); results of ``checks``; dead ``letters``."""

    contacts: Days = 400
    counts: Days = 800
    decisions: Days = 0
    checks: Days = 400
    letters: Days = 30


def apply_retention(client: Client, retention: Retention) -> tuple[str, ...]:
    """Set each table's time to live where it is another; return the statements run.

    ClickHouse deletes rows past it within about a day. Nothing has to be paused.
    """
    present = {name: _days(sql) for name, sql in client.query(_PRESENT).result_rows}
    statements = tuple(
        _statement(table, getattr(retention, table.kept))
        for table in TABLES
        if table.name in present and present[table.name] != getattr(retention, table.kept)
    )
    for statement in statements:
        client.command(statement)
    return statements


_PRESENT = "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()"


def _days(sql: str) -> int:
    """The days in a table's definition; 0 where it has no time to live."""
    found = re.search(r"TTL stored_at \+ toIntervalDay\((\d+)\)", sql)
    return int(found.group(1)) if found else 0


def _statement(table: Table, days: int) -> str:
    if days == 0:
        return f"ALTER TABLE {table.name} REMOVE TTL"
    return f"ALTER TABLE {table.name} MODIFY TTL stored_at + toIntervalDay({days})"
