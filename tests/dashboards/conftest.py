"""A store with the story in it, an empty one beside it, and the page on each."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from dashboards.query import Query, from_client
from schemas import catalog
from schemas.codec import encode
from sinks.insert import insert_contacts, insert_rows
from sinks.migrate import migrate
from sinks.rows import Row, rows
from sinks.store import StoreSettings, connect
from sinks.tables import TABLE
from tests.dashboards.story import told


def fill(settings: StoreSettings, workspace: str = "acme") -> None:
    """Put the story into a store, as the writer would."""
    client = connect(settings)
    by_table: dict[str, list[Row]] = defaultdict(list)
    contacts = []
    for version, (topic, record) in enumerate(told(workspace), start=1):
        if topic is catalog.CONTACTS:
            contacts.append(encode(record))
            continue
        for table, row in rows(topic, record, version):
            by_table[table].append(row)
    insert_contacts(client, settings, contacts)
    for table, found in by_table.items():
        insert_rows(client, settings, TABLE[table], found)


def _query(settings: StoreSettings) -> Query:
    return from_client(connect(settings))


def _prepared(path: Path, database: str) -> StoreSettings:
    settings = StoreSettings(path=str(path), database=database)
    migrate(connect(settings))
    return settings


@pytest.fixture(scope="session")
def filled(store_folder: Path) -> Query:
    settings = _prepared(store_folder, "page_filled")
    fill(settings)
    return _query(settings)


@pytest.fixture(scope="session")
def empty(store_folder: Path) -> Query:
    return _query(_prepared(store_folder, "page_empty"))
