"""Laws of the catalogue: every table and view, against a store that the migrations have made."""

from __future__ import annotations

import re

import pytest
from clickhouse_connect.driver.client import Client

from sinks.columns import Table, View, parsed
from sinks.tables import TABLE, TABLES, VIEW, VIEWS


def described(client: Client, name: str) -> dict[str, str]:
    rows = client.query(f"DESCRIBE TABLE {name}").result_rows
    return {row[0]: row[1].replace("\\'", "'") for row in rows}


def test_migrations_make_the_catalogue_and_nothing_else(client: Client) -> None:
    made = {row[0] for row in client.query("SHOW TABLES").result_rows}
    assert made == set(TABLE) | set(VIEW) | {"schema_migrations"}


def test_every_table_has_the_catalogued_columns(client: Client) -> None:
    for table in TABLES:
        assert described(client, table.name) == {column.name: column.type for column in table.columns}, table.name


def test_every_table_has_the_catalogued_key_and_engine(client: Client) -> None:
    rows = client.query(
        "SELECT name, engine_full, sorting_key, partition_key FROM system.tables WHERE database = currentDatabase() "
        "AND engine NOT IN ('View', 'MergeTree')"
    ).result_rows
    assert {row[0] for row in rows} == set(TABLE)
    for name, engine, key, partition in rows:
        table = TABLE[name]
        assert engine.startswith("ReplacingMergeTree(row_version)"), name
        assert key.strip("()") == ", ".join(table.key)
        assert partition == table.partition


def test_every_view_shows_the_catalogued_columns(client: Client) -> None:
    for view in VIEWS:
        assert described(client, view.name) == {column.name: column.type for column in view.columns}, view.name


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_view_reads_final_and_shows_no_bookkeeping(view: View) -> None:
    assert " FINAL" in view.select
    assert not {column.name for column in view.columns} & {"row_version", "stored_at"}
    assert view.purpose


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_is_seen_through_a_view_and_keyed_by_its_own_columns(table: Table) -> None:
    assert any(re.search(rf"FROM {table.name} FINAL", view.select) for view in VIEWS)
    assert set(table.key) <= {column.name for column in table.columns}
    assert table.purpose


def test_nothing_is_kept_of_what_producers_sent() -> None:
    assert "original" not in {column.name for column in TABLE["dead_letters"].columns}
    assert {"tickets", "chats", "surveys", "releases", "promotions"}.isdisjoint(TABLE)


def test_columns_are_read_from_lines() -> None:
    assert [column.sql for column in parsed("a word = 'x'\nb  instant?")] == [
        "`a` LowCardinality(String) DEFAULT 'x'",
        "`b` Nullable(DateTime64(3, 'UTC'))",
    ]
