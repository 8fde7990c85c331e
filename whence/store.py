"""Commands on the store: migrate and quality; and how the page asks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.query import Query, Row, from_client
from sinks.migrate import Step, current, migrate, newest
from sinks.store import StoreSettings, connect, explained
from whence.errors import SettingsError
from whence.settings import Settings
from whence.show import OUT, print_table, say


@contextmanager
def store_client(settings: StoreSettings) -> Iterator[Client]:
    """A client that is closed at the end.

    Raises:
        FatalError: the store is away, refuses, or is in use by another process.
    """
    client = connect(settings)
    try:
        yield client
    except ClickHouseError as error:
        raise explained(error, settings) from error
    finally:
        client.close()


def store_query(settings: StoreSettings) -> Query:
    """A query for the page, which asks from several threads: each gets a client of its own when it first asks."""
    local = threading.local()

    def query(sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        if not hasattr(local, "query"):
            local.query = from_client(connect(settings))
        asked: Query = local.query
        return asked(sql, parameters)

    return query


def run_migrate(settings: Settings, *, to: int | None, dry_run: bool) -> None:
    """Migrate and say what was done, or with ``dry_run`` print what would be."""
    if to is not None and to > newest():
        raise SettingsError(f"--to is {to}; allowed is 0 to {newest()}")
    with store_client(settings.store) as client:
        steps = migrate(client, to, dry_run)
        at = current(client)
    if dry_run:
        for step in steps:
            _print_statements(step)
    elif steps:
        rows = [(step.number, step.name, step.direction, step.about, step.pause) for step in steps]
        print_table("", ("migration", "name", "direction", "what it did", "what had to pause"), rows)
    say(
        f"The store at {settings.store.place} is at version {at}"
        + (f"; {len(steps)} step(s) to do." if dry_run else ".")
    )


def _print_statements(step: Step) -> None:
    OUT.print(
        f"-- {step.number:04d} {step.name} ({step.direction}): {step.about} Pause: {step.pause}",
        markup=False,
        highlight=False,
    )
    for statement in step.statements:
        OUT.print(f"{statement};", markup=False, highlight=False)
