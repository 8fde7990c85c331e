"""Inserts that lose nothing: what ClickHouse cannot take for its content is singled out, all else is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError

from schemas.errors import FatalError
from sinks.columns import Table
from sinks.meters import INSERT_S, ROWS
from sinks.rows import CONTACT_READING, Row
from sinks.store import StoreSettings, error_code, explained
from sinks.tables import TABLE

T = TypeVar("T")
# What ClickHouse answers when a value is at fault: it cannot be parsed, converted, or breaks a constraint.
CONTENT_CODES = frozenset(
    {"6", "25", "26", "27", "32", "33", "38", "41", "53", "69", "70", "72", "117", "130", "131", "321", "349", "407", "467", "469"}
)  # fmt: skip
# What it answers when the schema is another: unknown table, database, column or identifier.
SCHEMA_CODES = frozenset({"16", "47", "60", "81"})
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SAMPLED = 200
# Doubles within a batch need not be found at once: merges and views do it anyway, and inserts are a quarter faster.
INSERT_SETTINGS = {"max_partitions_per_insert_block": 0, "optimize_on_insert": 0}


class ContentError(Exception):
    """The store refused rows for what they hold."""


def insert_contacts(client: Client, settings: StoreSettings, values: Sequence[bytes]) -> None:
    """Insert contacts from their JSON.

    Raises:
        ContentError: one of them cannot be stored; none of them is.
        StoreAway: the store does not answer, or has no room.
        FatalError: the schema is another.
    """
    table = TABLE["contacts"]
    block = b"\n".join(values)
    present = _present(values)

    def insert(columns: Sequence[str], *, skip_unknown: int) -> None:
        client.raw_insert(
            table.name,
            column_names=columns,
            insert_block=block,
            settings={**INSERT_SETTINGS, **CONTACT_READING, "input_format_skip_unknown_fields": skip_unknown},
            fmt="JSONEachRow",
        )

    names = [column.name for column in table.written]
    # Two thirds of the columns are usually at their defaults, and every one named costs time for every row. Where
    # the sample has missed a field, the store refuses the batch for it, and all columns are named.
    with suppress(ContentError):
        few = [name for name in names if name in present]
        _timed(table, len(values), settings, lambda: insert(few, skip_unknown=0))
        return
    _timed(table, len(values), settings, lambda: insert(names, skip_unknown=1))


def _present(values: Sequence[bytes]) -> set[str]:
    """Fields of a sample of the records; none that cannot be read."""
    found: set[str] = set()
    for value in values[:: max(1, len(values) // _SAMPLED)]:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            found |= _FIELDS.decode(value).keys()
    return found


def insert_rows(client: Client, settings: StoreSettings, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, column by column with the catalogue's types.

    Raises:
        ContentError, StoreAway, FatalError: as for contacts.
    """

    def insert() -> None:
        client.insert(
            table.name,
            list(zip(*rows, strict=True)),
            column_names=[column.name for column in table.written],
            column_type_names=[column.type for column in table.written],
            column_oriented=True,
            settings=dict(INSERT_SETTINGS),
        )

    _timed(table, len(rows), settings, insert)


def _timed(table: Table, count: int, settings: StoreSettings, insert: Callable[[], None]) -> None:
    began = time.perf_counter()
    try:
        insert()
    except (DataError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise ContentError(str(error)) from error
    except (ClickHouseError, OSError) as error:
        raise _sorted(error, settings) from error
    ROWS.labels(table.name).inc(count)
    INSERT_S.labels(table.name).observe(time.perf_counter() - began)


def _sorted(error: Exception, settings: StoreSettings) -> Exception:
    code = error_code(error)
    if code in CONTENT_CODES:
        return ContentError(str(error))
    if code in SCHEMA_CODES:
        return FatalError(
            f"The store at {settings.place} has another schema than this version of Whence (code {code})",
            remedy="Run whence migrate.",
        )
    return explained(error, settings)


def single_out(items: Sequence[T], insert: Callable[[Sequence[T]], None]) -> list[tuple[T, Exception]]:
    """Insert all items but those that cannot be stored, found by halving; return them with the reason.

    ``n`` bad ones among ``m`` cost about ``2 n log2(m)`` inserts.
    """
    if not items:
        return []
    try:
        insert(items)
    except ContentError as error:
        if len(items) == 1:
            return [(items[0], error)]
        middle = len(items) // 2
        return single_out(items[:middle], insert) + single_out(items[middle:], insert)
    return []


__all__ = ["ContentError", "insert_contacts", "insert_rows", "single_out"]
