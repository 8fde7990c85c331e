"""Commands on the store: migrate and quality; and how the page asks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.query import Query, Row, from_client
from schemas.errors import FatalError
from schemas.quality import QualityResult
from schemas.workspace import Workspace
from sinks.migrate import Step, current, migrate, newest, require_current
from sinks.quality import data_time, run_checks
from sinks.retention import apply_retention
from sinks.store import StoreInUse, StoreSettings, connect, explained
from whence.errors import CheckFailed, SettingsError
from whence.lending import borrowed
from whence.settings import Settings
from whence.show import OUT, print_json, print_table, progress, say


@contextmanager
def store_client(settings: StoreSettings, *, make: bool = False) -> Iterator[Client]:
    """A client that is closed at the end; an embedded store that is not there yet is only made where ``make`` says so.

    Where another process holds the embedded store and lends it, it is asked: for reading, so not where ``make`` says so.

    Raises:
        FatalError: the store is away, refuses, is not there yet, or is in use by another process.
    """
    if settings.path and not make and not Path(settings.path).exists():
        raise FatalError(
            f"There is no store in {settings.place} yet",
            remedy="whence up and whence migrate make one; or set store.path or store.host to where it is.",
        )
    client = connect(settings) if make else _connected(settings)
    try:
        yield client
    except ClickHouseError as error:
        raise explained(error, settings) from error
    finally:
        client.close()


def _connected(settings: StoreSettings) -> Client:
    try:
        return connect(settings)
    except StoreInUse:
        lent = borrowed(settings)
        if lent is None:
            raise
        return cast("Client", lent)  # as far as the reading commands use one


def store_query(settings: StoreSettings) -> Query:
    """A query for the page, which asks from several threads: each gets a client of its own when it first asks.

    The query raises what :func:`sinks.store.explained` makes of a store that is away or refuses.
    """
    local = threading.local()

    def query(sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        if not hasattr(local, "query"):
            local.query = from_client(connect(settings))
        asked: Query = local.query
        try:
            return asked(sql, parameters)
        except (ClickHouseError, OSError) as error:
            raise explained(error, settings) from error

    return query


def run_migrate(settings: Settings, *, to: int | None, dry_run: bool, drop_data: bool = False) -> None:
    """Migrate and say what was done, or with ``dry_run`` print what would be.

    Raises:
        SettingsError: there is no such version.
        FatalError: the store is away, or rows would be lost that ``drop_data`` does not give up.
    """
    if to is not None and to > newest():
        raise SettingsError(f"--to is {to}; allowed is 0 to {newest()}")
    with store_client(settings.store, make=True) as client:
        steps = migrate(client, to, dry_run, drop_data=drop_data)
        at = current(client)
        if not dry_run and at == newest():
            changed = apply_retention(client, settings.retention)
            if changed:
                say(f"Retention was set on {len(changed)} table(s).")
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


def run_quality(settings: Settings, *, last: bool, as_json: bool) -> None:
    """Check what has landed, or show what the last run said.

    Raises:
        CheckFailed: a check fails.
        FatalError: the store is away, or its schema is another version's.
    """
    with store_client(settings.store) as client:
        require_current(client)
        results = _last_results(client) if last else _run_checks(client, settings)
    if as_json:
        print_json(results)
    elif results:
        columns = ("workspace", "window until", "check", "result", "observed", "allowed")
        print_table("", columns, (_quality_row(one) for one in results))
    elif last:
        say("No check has run on its schedule yet (whence run quality, whence up); whence quality checks now.")
    else:
        say("Nothing to check: nothing has landed yet, or too little to know what is usual.")
    failed = [one.check_id for one in results if not one.success]
    if failed:
        raise CheckFailed(f"{len(failed)} of {len(results)} checks fail: {', '.join(failed)}")


def _run_checks(client: Client, settings: Settings) -> list[QualityResult]:
    results: list[QualityResult] = []
    with progress() as shown:
        for name in shown.track(_landed_workspaces(client), description="checking"):
            known = {one.name: one for one in settings.workspaces}
            watched = known.get(name, Workspace(name=name, progress="input"))
            now = data_time(client, watched)
            results += run_checks(client, watched, now=now, settings=settings.quality) if now is not None else []
    return results


def _landed_workspaces(client: Client) -> list[str]:
    return [
        row[0] for row in client.query("SELECT DISTINCT workspace FROM progress_now ORDER BY workspace").result_rows
    ]


def _last_results(client: Client) -> list[QualityResult]:
    rows = client.query("SELECT * FROM quality_now ORDER BY workspace, check_id").named_results()
    names = (
        "workspace",
        "seq",
        "check_id",
        "expectation",
        "success",
        "observed",
        "allowed",
        "window_start",
        "window_end",
        "at",
    )
    return [
        QualityResult(
            origin="quality", table=row["table_name"], column=row["column_name"], **{name: row[name] for name in names}
        )
        for row in rows
    ]


def _quality_row(one: QualityResult) -> tuple[object, ...]:
    until = f"{one.window_end:%Y-%m-%d %H:%M}"
    return one.workspace, until, one.check_id, "ok" if one.success else "FAILS", one.observed, one.allowed


def _print_statements(step: Step) -> None:
    OUT.print(
        f"-- {step.number:04d} {step.name} ({step.direction}): {step.about} Pause: {step.pause}",
        markup=False,
        highlight=False,
    )
    for statement in step.statements:
        OUT.print(f"{statement};", markup=False, highlight=False)
