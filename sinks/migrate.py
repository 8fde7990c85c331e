"""Brings the store's schema to a number, one migration at a time, forwards or backwards.

A migration is a file ``migrations/NNNN_name.sql``: ``-- about:`` what it does, ``-- pause:`` what must be stopped
while it runs, then statements under ``-- up`` and ``-- down``. One without ``-- down`` cannot be undone. What was
applied stands in the table ``schema_migrations``.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Literal

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from schemas.errors import FatalError

LOG = "schema_migrations"
_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_TAKES = re.compile(r"DROP TABLE (?:IF EXISTS )?(?P<dropped>\w+)|ALTER TABLE (?P<cut>\w+)\b.*\bDROP COLUMN", re.S)
_DOWN_PAUSE = "every part that uses the store"
_LOG_SQL = f"""CREATE TABLE IF NOT EXISTS {LOG} (
    number UInt32, name String, direction LowCardinality(String), at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = MergeTree ORDER BY (at, number)"""


class Migration(Struct, frozen=True, kw_only=True):
    """One numbered change of the schema."""

    number: int
    name: str
    about: str
    pause: str
    up: tuple[str, ...]
    down: tuple[str, ...]


class Step(Struct, frozen=True, kw_only=True):
    """One migration applied, or to be applied, in one direction. ``pause`` says what must not run meanwhile."""

    number: int
    name: str
    direction: Literal["up", "down"]
    about: str
    pause: str
    statements: tuple[str, ...]


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations, in order.

    Raises:
        FatalError: a file is misnamed, lacks a part, or a number is missing.
    """
    folder = files("sinks") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    found = tuple(parse(name, (folder / name).read_text(encoding="utf-8")) for name in names)
    for expected, one in enumerate(found, start=1):
        if one.number != expected:
            raise FatalError(f"Migration {expected:04d} is missing", remedy="Install Whence again.")
    return found


def parse(name: str, text: str) -> Migration:
    """A migration from its file.

    Raises:
        FatalError: naming the file and what it lacks.
    """
    matched = _FILE.fullmatch(name)
    if matched is None:
        raise FatalError(f"{name} is not a migration's name", remedy="Name it NNNN_name.sql.")
    header, up, down = re.fullmatch(r"(.*?)(?:^-- up\n(.*?))?(?:^-- down\n(.*))?", text, re.S | re.M).groups()  # type: ignore[union-attr]
    said = dict(re.findall(r"^-- (about|pause): (.+)$", header, re.M))
    lacking = [part for part in ("about", "pause") if part not in said] + ([] if up else ["up"])
    if lacking:
        raise FatalError(f"Migration {name} lacks its {lacking[0]!r}", remedy="Add it to the file.")
    return Migration(
        number=int(matched[1]),
        name=matched[2],
        about=said["about"],
        pause=said["pause"],
        up=_statements(up or ""),
        down=_statements(down or ""),
    )


def _statements(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r";\s*(?:\n|$)", text) if part.strip())


def newest() -> int:
    """The number of the last migration that this code knows."""
    return migrations()[-1].number


def current(client: Client) -> int:
    """The store's schema number; 0 for an empty store.

    A number counts as applied when its last entry is ``up``.
    """
    if not client.command(f"EXISTS TABLE {LOG}"):
        return 0
    last = f"SELECT number, argMax(direction, at) AS last FROM {LOG} GROUP BY number"
    return int(str(client.command(f"SELECT max(number) FROM ({last}) WHERE last = 'up'")))


def require_current(client: Client) -> None:
    """Make sure that code and store agree.

    Raises:
        FatalError: the store's schema is older or newer than this code's.
    """
    at = current(client)
    if at < newest():
        raise FatalError(
            f"The store's schema is at {at} and this version of Whence needs {newest()}", remedy="Run whence migrate."
        )
    _refuse_newer(at)


def _refuse_newer(at: int) -> None:
    if at > newest():
        raise FatalError(
            f"The store's schema is at {at} and this version of Whence knows only {newest()}",
            remedy=f"Use the version that wrote it, or go back with it: whence migrate --to {newest()}.",
        )


def plan(at: int, to: int | None = None) -> tuple[Step, ...]:
    """The steps from schema number ``at`` to ``to`` (by default the newest).

    Raises:
        FatalError: there is no such number, the store is newer than this code, or a step cannot be undone.
    """
    _refuse_newer(at)
    target = newest() if to is None else to
    if not 0 <= target <= newest():
        raise FatalError(f"There is no schema number {target}", remedy=f"Allowed is 0 to {newest()}.")
    if target >= at:
        return tuple(_step(one, "up") for one in migrations()[at:target])
    return tuple(_step(one, "down") for one in reversed(migrations()[target:at]))


def _step(one: Migration, direction: Literal["up", "down"]) -> Step:
    statements = one.up if direction == "up" else one.down
    if not statements:
        raise FatalError(
            f"Migration {one.number:04d}_{one.name} cannot be undone",
            remedy="Restore a backup from before it, or stay at this schema.",
        )
    return Step(
        number=one.number,
        name=one.name,
        direction=direction,
        about=one.about if direction == "up" else f"undone: {one.about}",
        pause=one.pause if direction == "up" else _DOWN_PAUSE,
        statements=statements,
    )


def lost(client: Client, steps: tuple[Step, ...]) -> dict[str, int]:
    """Rows that steps down would take, or take columns from, by table."""
    named = [_TAKES.match(statement) for step in steps if step.direction == "down" for statement in step.statements]
    tables = sorted({found["dropped"] or found["cut"] for found in named if found})
    there = [table for table in tables if client.command(f"EXISTS TABLE {table}")]
    counts = {table: int(str(client.command(f"SELECT count() FROM {table}"))) for table in there}
    return {table: rows for table, rows in counts.items() if rows}


def _refuse_loss(client: Client, steps: tuple[Step, ...]) -> None:
    rows = lost(client, steps)
    if rows:
        told = ", ".join(f"{table} ({count:,})" for table, count in rows.items())
        raise FatalError(
            f"Going down to {steps[-1].number - 1} would delete rows, or columns of them, in {told}",
            remedy="Make a backup first; --drop-data says that they may go.",
        )


def migrate(
    client: Client, to: int | None = None, dry_run: bool = False, *, drop_data: bool = False
) -> tuple[Step, ...]:
    """Bring the schema to number ``to`` (by default the newest) and return the steps; with ``dry_run`` only say them.

    Every statement may be repeated, so a migration that was cut short is simply run again.

    Raises:
        FatalError: see :func:`plan`; or rows would be lost on the way down, and ``drop_data`` does not allow it.
    """
    steps = plan(current(client), to)
    if dry_run or not steps:
        return steps
    if not drop_data:
        _refuse_loss(client, steps)
    client.command(_LOG_SQL)
    for step in steps:
        for statement in step.statements:
            client.command(statement)
        client.insert(LOG, [[step.number, step.name, step.direction]], column_names=["number", "name", "direction"])
    return steps
