"""Times to live, on both stores."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from sinks.retention import Retention, apply_retention
from sinks.store import StoreSettings, connect
from sinks.tables import TABLE


@pytest.fixture
def two_tables(empty_store: StoreSettings) -> Iterator[Client]:
    """A fresh database with a table of contacts and one of dead letters."""
    client = connect(empty_store)
    for name in ("contacts", "dead_letters", "spikes"):
        client.command(TABLE[name].sql)
    yield client
    client.close()


def test_retention_is_set_changed_and_removed(two_tables: Client) -> None:
    assert apply_retention(two_tables, Retention(contacts=10, letters=3)) == (
        "ALTER TABLE contacts MODIFY TTL stored_at + toIntervalDay(10)",
        "ALTER TABLE dead_letters MODIFY TTL stored_at + toIntervalDay(3)",
    )
    assert apply_retention(two_tables, Retention(contacts=10, letters=3)) == ()
    assert apply_retention(two_tables, Retention(contacts=0, letters=3)) == ("ALTER TABLE contacts REMOVE TTL",)
    assert apply_retention(two_tables, Retention(contacts=0, letters=3)) == ()


def test_what_is_past_its_time_goes_and_the_age_of_the_event_does_not_matter(two_tables: Client) -> None:
    apply_retention(two_tables, Retention(contacts=10, letters=3))
    two_tables.command(
        "INSERT INTO contacts (workspace, event_id, contact, occurred_at, stored_at) VALUES "
        "('w', 'old event', 'a', '2001-01-01 00:00:00', now()), ('w', 'stored long ago', 'b', now(), now() - INTERVAL 11 DAY)"
    )
    two_tables.command("OPTIMIZE TABLE contacts FINAL")
    assert two_tables.query("SELECT event_id FROM contacts").result_rows == [("old event",)]


def test_negative_days_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="contacts"):
        msgspec.convert({"contacts": -1}, Retention)
